//! How cash receipts look on Toss's wire: short inside a payment, whole in lists.

use serde::Serialize;
use time::OffsetDateTime;

use crate::cash_receipts::{CashReceipt, Page, Transaction};
use crate::clock;
use crate::errors::Language;
use crate::payments::Payment;

/// The business number of the simulator's merchants.
const BUSINESS_NUMBER: &str = "1234567890";

/// `cashReceipt` of a payment.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PaymentReceipt<'a> {
    r#type: &'static str,
    receipt_key: &'a str,
    issue_number: &'a str,
    receipt_url: String,
    amount: i64,
    tax_free_amount: i64,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CashReceiptBody<'a> {
    receipt_key: &'a str,
    order_id: &'a str,
    order_name: &'a str,
    r#type: &'static str,
    issue_number: &'a str,
    receipt_url: String,
    business_number: &'static str,
    transaction_type: &'static str,
    amount: i64,
    tax_free_amount: i64,
    issue_status: &'static str,
    failure: super::Absent,
    customer_identity_number: &'a str,
    requested_at: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PageBody<'a> {
    has_next: bool,
    last_cursor: u64,
    data: Vec<CashReceiptBody<'a>>,
}

impl<'a> PaymentReceipt<'a> {
    pub(super) fn of(receipt: &'a CashReceipt, language: Language) -> Self {
        Self {
            r#type: receipt.purpose.word(language),
            receipt_key: &receipt.key,
            issue_number: &receipt.issue_number,
            receipt_url: url(receipt),
            amount: receipt.amount,
            tax_free_amount: receipt.tax_free,
        }
    }
}

/// `cashReceipts` of a payment; null without any.
pub(super) fn of_payment(
    payment: &Payment,
    now: OffsetDateTime,
    language: Language,
) -> Option<Vec<CashReceiptBody<'_>>> {
    let receipts = &payment.cash_receipts;
    (!receipts.is_empty()).then(|| receipts.iter().map(|one| body(one, now, language)).collect())
}

pub(crate) fn body(receipt: &CashReceipt, now: OffsetDateTime, language: Language) -> CashReceiptBody<'_> {
    CashReceiptBody {
        receipt_key: &receipt.key,
        order_id: &receipt.order_id,
        order_name: &receipt.order_name,
        r#type: receipt.purpose.word(language),
        issue_number: &receipt.issue_number,
        receipt_url: url(receipt),
        business_number: BUSINESS_NUMBER,
        transaction_type: match receipt.transaction {
            Transaction::Confirm => "CONFIRM",
            Transaction::Cancel => "CANCEL",
        },
        amount: receipt.amount,
        tax_free_amount: receipt.tax_free,
        issue_status: if receipt.is_issued(now) { "COMPLETED" } else { "IN_PROGRESS" },
        failure: None,
        customer_identity_number: &receipt.identity,
        requested_at: clock::wire(receipt.requested_at),
    }
}

pub(crate) fn page(page: &Page, now: OffsetDateTime, language: Language) -> PageBody<'_> {
    PageBody {
        has_next: page.has_next,
        last_cursor: page.last_cursor,
        data: page.receipts.iter().map(|one| body(one, now, language)).collect(),
    }
}

fn url(receipt: &CashReceipt) -> String {
    format!("{}/receipt/mids/si/cash-receipt?transactionId={}", super::DASHBOARD, receipt.key)
}
