//! How a payment looks on Toss's wire: every field, in Toss's order, absent parts as explicit nulls.
//!
//! These types are the simulator's own and written by hand from the documented form. They are shared with nobody, so
//! a wrong field name in a client cannot agree with itself here. Field values stay Korean in every language; only the
//! text of a failure follows the caller.

use serde::Serialize;
use serde_json::Value;
use time::OffsetDateTime;

use crate::amount;
use crate::clock;
use crate::errors::{Code, EXPIRED_PAYMENT, Language};
use crate::payments::{Payment, Status};

/// The version of Toss's API that is imitated.
const VERSION: &str = "2022-11-16";

/// A part of a payment that the simulator never has: always null.
type Absent = Option<()>;

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PaymentBody<'a> {
    m_id: &'a str,
    pub(crate) last_transaction_key: Option<String>,
    payment_key: &'a str,
    pub(crate) order_id: &'a str,
    order_name: &'a str,
    tax_exemption_amount: i64,
    pub(crate) status: &'static str,
    requested_at: String,
    pub(crate) approved_at: Option<String>,
    use_escrow: Option<bool>,
    culture_expense: bool,
    card: Option<Card>,
    virtual_account: Absent,
    transfer: Absent,
    mobile_phone: Absent,
    gift_certificate: Absent,
    cash_receipt: Absent,
    cash_receipts: Absent,
    discount: Absent,
    cancels: Absent,
    pub(crate) secret: Option<&'a str>,
    r#type: &'static str,
    easy_pay: Absent,
    country: &'static str,
    failure: Option<Failure>,
    is_partial_cancelable: bool,
    receipt: Option<Link>,
    checkout: Option<Link>,
    currency: &'static str,
    pub(crate) total_amount: i64,
    balance_amount: i64,
    supplied_amount: i64,
    vat: i64,
    tax_free_amount: i64,
    method: Option<&'static str>,
    version: &'static str,
    metadata: Absent,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Card {
    issuer_code: &'static str,
    acquirer_code: &'static str,
    number: &'static str,
    installment_plan_months: u8,
    is_interest_free: bool,
    interest_payer: Absent,
    approve_no: &'static str,
    use_card_point: bool,
    #[serde(rename = "cardType")]
    kind: &'static str,
    owner_type: &'static str,
    acquire_status: &'static str,
    amount: i64,
}

#[derive(Debug, Serialize)]
struct Failure {
    code: &'static str,
    message: &'static str,
}

#[derive(Debug, Serialize)]
struct Link {
    url: String,
}

impl PaymentBody<'_> {
    pub(crate) fn has_virtual_account(&self) -> bool {
        self.virtual_account.is_some()
    }

    /// The last of `cancels` as it is on the wire.
    pub(crate) fn newest_cancel(&self) -> Option<Value> {
        // Nearly every payment that is looked at has none, and is not turned over for it.
        let cancels = self.cancels.as_ref()?;
        serde_json::to_value(cancels).ok()?.as_array()?.last().cloned()
    }
}

/// The payment as it is at `now`. `base_url` is where the checkout link leads: to the simulator instead of Toss.
pub(crate) fn payment<'a>(
    payment: &'a Payment,
    now: OffsetDateTime,
    language: Language,
    base_url: &str,
) -> PaymentBody<'a> {
    let status = payment.status(now);
    let failure = |code: Code| Failure { code: code.name(), message: code.text(language) };
    let key = &payment.key;
    let receipt = || Link {
        url: format!("https://dashboard-sandbox.tosspayments.com/receipt/redirection?transactionId={key}&ref=PX"),
    };
    // What is known of a payment grows with its status, and an expired one has forgotten nearly all of it.
    let (method, approval, failure) = match &status {
        Status::Ready => (None, None, None),
        Status::InProgress => (Some("카드"), None, None),
        Status::Done(approval) => (Some("카드"), Some(approval), None),
        Status::Aborted(code) => (Some("카드"), None, Some(failure(*code))),
        Status::Expired => (None, None, Some(failure(EXPIRED_PAYMENT))),
    };
    let alive = !matches!(status, Status::Expired);
    let vat = amount::vat(payment.amount);
    PaymentBody {
        m_id: &payment.owner.merchant_id,
        last_transaction_key: approval.map(|approval| approval.transaction_key.clone()),
        payment_key: key,
        order_id: &payment.order_id,
        order_name: &payment.order_name,
        tax_exemption_amount: 0,
        status: status.name(),
        requested_at: clock::wire(payment.requested_at),
        approved_at: approval.map(|approval| clock::wire(approval.at)),
        use_escrow: alive.then_some(false),
        culture_expense: false,
        card: approval.is_some().then(|| Card::test(payment.amount)),
        virtual_account: None,
        transfer: None,
        mobile_phone: None,
        gift_certificate: None,
        cash_receipt: None,
        cash_receipts: None,
        discount: None,
        cancels: None,
        secret: alive.then_some(&payment.secret),
        r#type: "NORMAL",
        easy_pay: None,
        country: "KR",
        failure,
        is_partial_cancelable: true,
        receipt: approval.is_some().then(receipt),
        checkout: Some(Link { url: format!("{base_url}/v1/payments/{key}/checkout") }),
        currency: payment.currency.code(),
        total_amount: payment.amount,
        balance_amount: payment.amount,
        supplied_amount: payment.amount - vat,
        vat,
        tax_free_amount: 0,
        method,
        version: VERSION,
        metadata: None,
    }
}

impl Card {
    /// The one card of the simulator: a personal credit card, paid at once, with the approval number of Toss's tests.
    fn test(amount: i64) -> Self {
        Self {
            issuer_code: "61",
            acquirer_code: "61",
            number: "12345678****123*",
            installment_plan_months: 0,
            is_interest_free: false,
            interest_payer: None,
            approve_no: "00000000",
            use_card_point: false,
            kind: "신용",
            owner_type: "개인",
            acquire_status: "READY",
            amount,
        }
    }
}
