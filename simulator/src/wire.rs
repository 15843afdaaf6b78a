//! How a payment looks on Toss's wire: every field, in Toss's order, absent parts as explicit nulls.
//!
//! These types are the simulator's own and written by hand from the documented form. They are shared with nobody, so
//! a wrong field name in a client cannot agree with itself here. Words in the values follow the caller's language; that
//! there are English ones is documented, which they are is not, so these are the simulator's own.

pub(crate) mod cash_receipts;
mod methods;

use serde::Serialize;
use serde_json::Value;
use time::OffsetDateTime;

use crate::amount::Sum;
use crate::clock;
use crate::errors::{Code, EXPIRED_PAYMENT, Language};
use crate::payments::cancel::Cancel;
use crate::payments::{Payment, Status};
use crate::switches::Switches;
use cash_receipts::{CashReceiptBody, PaymentReceipt};
use methods::Methods;

/// A part of a payment that the simulator never has: always null.
type Absent = Option<()>;

const DASHBOARD: &str = "https://dashboard-sandbox.tosspayments.com";

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PaymentBody<'a> {
    m_id: &'a str,
    pub(crate) last_transaction_key: Option<&'a str>,
    payment_key: &'a str,
    pub(crate) order_id: &'a str,
    order_name: &'a str,
    tax_exemption_amount: Sum,
    pub(crate) status: &'static str,
    requested_at: String,
    pub(crate) approved_at: Option<String>,
    use_escrow: Option<bool>,
    culture_expense: bool,
    card: Option<methods::CardBody<'a>>,
    pub(crate) virtual_account: Option<methods::AccountBody<'a>>,
    transfer: Option<methods::TransferBody>,
    mobile_phone: Option<methods::MobilePhoneBody<'a>>,
    gift_certificate: Option<methods::GiftCertificateBody>,
    cash_receipt: Option<PaymentReceipt<'a>>,
    cash_receipts: Option<Vec<CashReceiptBody<'a>>>,
    discount: Absent,
    cancels: Option<Vec<CancelBody<'a>>>,
    pub(crate) secret: Option<&'a str>,
    r#type: &'static str,
    easy_pay: Option<methods::EasyPayBody>,
    country: &'static str,
    failure: Option<Failure>,
    is_partial_cancelable: bool,
    receipt: Option<Link>,
    checkout: Option<Link>,
    currency: &'static str,
    total_amount: Sum,
    balance_amount: Sum,
    supplied_amount: Sum,
    vat: Sum,
    tax_free_amount: Sum,
    method: Option<&'static str>,
    version: &'static str,
    metadata: Absent,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CancelBody<'a> {
    transaction_key: &'a str,
    cancel_reason: &'a str,
    tax_exemption_amount: Sum,
    canceled_at: String,
    transfer_discount_amount: Sum,
    easy_pay_discount_amount: Sum,
    receipt_key: Option<&'a str>,
    cancel_status: &'static str,
    cancel_request_id: Option<&'a str>,
    cancel_amount: Sum,
    tax_free_amount: Sum,
    refundable_amount: Sum,
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

/// How a payment is looked at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View<'a> {
    pub(crate) now: OffsetDateTime,
    pub(crate) language: Language,
    /// Where the checkout link leads: to the simulator instead of Toss.
    pub(crate) base_url: &'a str,
    pub(crate) switches: Switches,
}

pub(crate) fn payment<'a>(payment: &'a Payment, view: View<'_>) -> PaymentBody<'a> {
    let View { now, language, base_url, switches } = view;
    let status = payment.status(now);
    let failure = |code: Code| Failure { code: code.name(), message: code.text(language) };
    let key = &payment.key;
    // What is known of a payment grows with its status, and an expired one has forgotten nearly all of it.
    let (method, failure) = match status {
        Status::Ready => (None, None),
        Status::InProgress | Status::WaitingForDeposit | Status::Done | Status::PartialCanceled | Status::Canceled => {
            (Some(payment.means.name(language)), None)
        }
        Status::Aborted(code) => (Some(payment.means.name(language)), Some(failure(code))),
        Status::Expired => (None, Some(failure(EXPIRED_PAYMENT))),
    };
    let alive = !matches!(status, Status::Expired);
    let approval = payment.approval();
    let methods = Methods::of(payment, now, language);
    let (balance, untaxed) = (payment.balance(), payment.untaxed_balance());
    let vat = payment.vat_balance(switches.cancel_vat);
    PaymentBody {
        m_id: &payment.owner.merchant_id,
        last_transaction_key: payment.last_transaction_key.as_deref(),
        payment_key: key,
        order_id: &payment.order_id,
        order_name: &payment.order_name,
        tax_exemption_amount: payment.sum(untaxed.exempt),
        status: status.name(),
        requested_at: clock::wire(payment.requested_at),
        approved_at: approval.map(|approval| clock::wire(approval.at)),
        use_escrow: alive.then_some(payment.escrow),
        culture_expense: false,
        card: methods.card,
        virtual_account: methods.virtual_account,
        transfer: methods.transfer,
        mobile_phone: methods.mobile_phone,
        gift_certificate: methods.gift_certificate,
        cash_receipt: payment.cash_receipts.first().map(|receipt| PaymentReceipt::of(receipt, language)),
        cash_receipts: cash_receipts::of_payment(payment, now, language),
        discount: None,
        // Null, not an empty list, without any.
        cancels: (!payment.cancels.is_empty())
            .then(|| payment.cancels.iter().map(|one| cancel(payment, one)).collect()),
        secret: alive.then_some(&payment.secret),
        r#type: "NORMAL",
        easy_pay: methods.easy_pay,
        country: "KR",
        failure,
        is_partial_cancelable: payment.partial_cancelable,
        receipt: methods::receipt_path(payment).map(|path| Link { url: format!("{DASHBOARD}{path}{key}&ref=PX") }),
        checkout: Some(Link { url: format!("{base_url}/v1/payments/{key}/checkout") }),
        currency: payment.currency.code(),
        total_amount: payment.sum(payment.amount),
        balance_amount: payment.sum(balance),
        // Of what is left; before an approval that is the whole amount.
        supplied_amount: payment.sum(balance - vat - untaxed.sum()),
        vat: payment.sum(vat),
        tax_free_amount: payment.sum(untaxed.free),
        method,
        version: switches.api_version.name(),
        metadata: None,
    }
}

fn cancel<'a>(payment: &Payment, cancel: &'a Cancel) -> CancelBody<'a> {
    let sum = |units| payment.sum(units);
    CancelBody {
        transaction_key: &cancel.transaction_key,
        cancel_reason: &cancel.reason,
        tax_exemption_amount: sum(cancel.untaxed.exempt),
        canceled_at: clock::wire(cancel.at),
        transfer_discount_amount: sum(0),
        easy_pay_discount_amount: sum(cancel.easy_pay_discount),
        receipt_key: cancel.receipt_key.as_deref(),
        cancel_status: cancel.status.name(),
        cancel_request_id: cancel.request_id.as_deref(),
        cancel_amount: sum(cancel.amount),
        tax_free_amount: sum(cancel.untaxed.free),
        refundable_amount: sum(cancel.refundable),
    }
}
