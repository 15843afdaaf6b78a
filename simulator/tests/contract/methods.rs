//! The other means of payment, as the shop sees them afterwards.

use serde_json::json;

use crate::case::{Case, cases};
use crate::toss::{Toss, text};

pub(crate) fn cases() -> Vec<Case> {
    cases![
        Control: a_transfer_names_its_bank,
        Control: a_mobile_payment_names_its_number,
        Control: installments_and_their_interest_are_on_the_card,
        Control: only_the_means_that_paid_has_an_object,
        Control: a_card_company_gives_the_codes,
        Control: a_transfer_is_cancelled_at_once,
        Control: a_gift_certificate_has_its_object,
        Control: dollars_have_cents,
        Control: an_escrow_order_is_cancelled_as_a_whole,
    ]
}

const OBJECTS: [&str; 5] = ["card", "virtualAccount", "transfer", "mobilePhone", "giftCertificate"];

async fn a_transfer_names_its_bank(toss: Toss) {
    let payment = toss.paid_with(json!({ "amount": 10000, "method": "TRANSFER", "bank": "06" })).await;
    assert_eq!((&payment["method"], &payment["transfer"]["bankCode"]), (&json!("계좌이체"), &json!("06")));
    let status = text(&payment["transfer"]["settlementStatus"]);
    assert!(["INCOMPLETED", "COMPLETED"].contains(&status));
}

async fn a_mobile_payment_names_its_number(toss: Toss) {
    let body = json!({ "amount": 10000, "method": "MOBILE_PHONE", "customerMobilePhone": "01012345678" });
    let payment = toss.paid_with(body).await;
    assert_eq!(payment["method"], "휴대폰");
    for field in ["customerMobilePhone", "settlementStatus", "receiptUrl"] {
        assert!(payment["mobilePhone"].get(field).is_some(), "no {field}: {payment}");
    }
}

async fn installments_and_their_interest_are_on_the_card(toss: Toss) {
    let body = json!({ "amount": 60000, "installmentPlanMonths": 3, "interestFree": true });
    let card = toss.paid_with(body).await["card"].clone();
    assert_eq!((&card["installmentPlanMonths"], &card["isInterestFree"]), (&json!(3), &json!(true)));
    let payer = text(&card["interestPayer"]);
    assert!(["CARD_COMPANY", "MERCHANT"].contains(&payer), "{payer}");
}

async fn only_the_means_that_paid_has_an_object(toss: Toss) {
    for (method, object) in [("CARD", "card"), ("TRANSFER", "transfer"), ("MOBILE_PHONE", "mobilePhone")] {
        let payment = toss.paid_with(json!({ "amount": 10000, "method": method })).await;
        let there: Vec<&str> = OBJECTS.into_iter().filter(|object| !payment[*object].is_null()).collect();
        assert_eq!(there, [object]);
        assert!(payment["easyPay"].is_null());
    }
    let payment = toss.waiting(10000).await;
    let there: Vec<&str> = OBJECTS.into_iter().filter(|object| !payment[*object].is_null()).collect();
    assert_eq!(there, ["virtualAccount"]);
}

async fn a_card_company_gives_the_codes(toss: Toss) {
    for company in ["61", "현대", "HYUNDAI"] {
        let payment = toss.paid_with(json!({ "amount": 10000, "cardCompany": company })).await;
        let codes = (&payment["card"]["issuerCode"], &payment["card"]["acquirerCode"]);
        assert_eq!(codes, (&json!("61"), &json!("61")), "{company}");
    }
}

async fn a_transfer_is_cancelled_at_once(toss: Toss) {
    let payment = toss.paid_with(json!({ "amount": 10000, "method": "TRANSFER" })).await;
    let cancelled = toss.cancel(&payment, &json!({ "cancelReason": "반품" })).await.is(200, "CANCELED");
    assert_eq!(cancelled["cancels"][0]["cancelStatus"], "DONE");
}

async fn a_gift_certificate_has_its_object(toss: Toss) {
    let payment = toss.paid_with(json!({ "amount": 10000, "method": "CULTURE_GIFT_CERTIFICATE" })).await;
    assert_eq!(payment["method"], "문화상품권");
    assert!(text(&payment["giftCertificate"]["approveNo"]).len() <= 8, "{payment}");
    assert!(payment["giftCertificate"]["settlementStatus"].is_string(), "{payment}");
}

async fn dollars_have_cents(toss: Toss) {
    let body = json!({ "amount": 181.56, "currency": "USD", "method": "FOREIGN_EASY_PAY", "foreignEasyPay": "PAYPAL" });
    let payment = toss.paid_with(body).await;
    assert_eq!((&payment["totalAmount"], &payment["currency"]), (&json!(181.56), &json!("USD")));
    let part = json!({ "cancelReason": "refund", "cancelAmount": 0.06, "currency": "USD" });
    let left = toss.cancel(&payment, &part).await.is(200, "PARTIAL_CANCELED");
    assert_eq!(left["balanceAmount"], 181.5);
}

async fn an_escrow_order_is_cancelled_as_a_whole(toss: Toss) {
    let payment = toss.paid_with(json!({ "amount": 10000, "method": "TRANSFER", "useEscrow": true })).await;
    assert_eq!(payment["useEscrow"], true);
    let part = json!({ "cancelReason": "반품", "cancelAmount": 1000 });
    toss.cancel(&payment, &part).await.is(403, "NOT_ALLOWED_PARTIAL_REFUND");
    toss.cancel(&payment, &json!({ "cancelReason": "반품" })).await.is(200, "CANCELED");
}
