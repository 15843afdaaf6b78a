//! What the fields of our forms are called on the pages. Programs are told a field's own name.

use crate::language::Language;

const LABELS: &[(&str, &str, &str)] = &[
    ("userId", "구매자", "Buyer"),
    ("orderId", "주문번호", "Order number"),
    ("paymentKey", "결제 키", "Payment key"),
    ("amount", "금액", "Amount"),
    ("cancelReason", "사유", "Reason"),
    ("reason", "사유", "Reason"),
    ("cancelAmount", "금액", "Amount"),
    ("refundReceiveAccount.bank", "은행", "Bank"),
    ("refundReceiveAccount.accountNumber", "계좌번호", "Account number"),
    ("refundReceiveAccount.holderName", "예금주", "Holder"),
    ("from", "첫날", "First day"),
    ("to", "마지막 날", "Last day"),
    ("minAmount", "최소 금액", "Least amount"),
    ("maxAmount", "최대 금액", "Most"),
    ("query", "주소", "Address"),
];

/// Fields of which there is one for each product or line.
const OF_A_LINE: &[(&str, &str, &str, &str)] = &[
    ("quantity-", "", "수량", "Quantity"),
    ("price-", "", "값", "Price"),
    ("lines[", ".quantity", "수량", "Quantity"),
    ("lines[", ".productId", "상품", "Product"),
];

pub(super) fn label(field: &str, language: Language) -> Option<&'static str> {
    let one = LABELS.iter().find(|(name, ..)| *name == field).map(|(_, korean, english)| (korean, english));
    let of_a_line = || {
        let row = OF_A_LINE.iter().find(|(start, end, ..)| field.starts_with(start) && field.ends_with(end));
        row.map(|(.., korean, english)| (korean, english))
    };
    let (korean, english) = one.or_else(of_a_line)?;
    Some(language.pick(korean, english))
}

#[cfg(test)]
mod tests {
    use super::label;
    use crate::language::Language::{English, Korean};

    #[test]
    fn a_field_is_called_as_on_its_page() {
        assert_eq!((label("cancelReason", Korean), label("cancelReason", English)), (Some("사유"), Some("Reason")));
        assert_eq!(label("quantity-7", English), Some("Quantity"));
        assert_eq!(label("lines[0].productId", English), Some("Product"));
        assert_eq!(label("orderProducts[0].quantity", English), None);
    }
}
