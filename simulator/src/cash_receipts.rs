//! Cash receipts: the ones a payment brings with it, and the ones a merchant issues by themselves.
//!
//! Toss keeps the two apart: a receipt issued by itself is compared with no payment and shown by none. The tax office
//! takes a day on the simulator's clock, during which a receipt is `IN_PROGRESS`.

use std::collections::VecDeque;
use std::sync::Arc;

use axum::body::Bytes;
use serde::Deserialize;
use serde_json::Value;
use time::{Duration, OffsetDateTime};

use crate::errors::{Code, INVALID_DATE, INVALID_REQUEST, INVALID_REQUIRED_PARAM, Language, NOT_FOUND};
use crate::merchants::Owner;
use crate::order::{Asked, Order};
use crate::payments::Payment;
use crate::{Simulator, amount, clock, keys};

/// About 60 MB when full; the oldest go first.
const RECEIPTS_MAX: usize = 100_000;
const PAGE_DEFAULT: usize = 100;
const PAGE_MAX: usize = 10_000;
const ISSUED_AFTER: Duration = Duration::DAY;
const IDENTITY_LENGTH_MAX: usize = 30;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    IncomeDeduction,
    ExpenseProof,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transaction {
    Confirm,
    Cancel,
}

/// What a buyer asks for beside a payment.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    purpose: Purpose,
    identity: String,
}

#[derive(Debug, Clone)]
pub(crate) struct CashReceipt {
    pub(crate) key: String,
    pub(crate) issue_number: String,
    pub(crate) purpose: Purpose,
    pub(crate) transaction: Transaction,
    pub(crate) amount: i64,
    pub(crate) tax_free: i64,
    pub(crate) order_id: String,
    pub(crate) order_name: String,
    /// A phone, card or business number.
    pub(crate) identity: String,
    pub(crate) requested_at: OffsetDateTime,
}

impl Purpose {
    pub(crate) fn find(name: &str) -> Option<Self> {
        [Self::IncomeDeduction, Self::ExpenseProof].into_iter().find(|purpose| purpose.name() == name)
    }

    fn name(self) -> &'static str {
        self.word(Language::Korean)
    }

    pub(crate) fn word(self, language: Language) -> &'static str {
        match self {
            Self::IncomeDeduction => language.choose("소득공제", "Income Deduction"),
            Self::ExpenseProof => language.choose("지출증빙", "Expense Proof"),
        }
    }
}

impl Wanted {
    /// `{"type","registrationNumber"}`; 미발행 and nothing at all ask for no receipt.
    pub(crate) fn read(value: &Value) -> Result<Option<Self>, Code> {
        let text = |name: &str| value.get(name).and_then(Value::as_str);
        if value.is_null() || text("type") == Some("미발행") {
            return Ok(None);
        }
        let purpose = text("type").and_then(Purpose::find).ok_or(INVALID_REQUEST)?;
        let identity = text("registrationNumber").unwrap_or("01012341234");
        if !is_identity(identity) {
            return Err(INVALID_REQUEST);
        }
        Ok(Some(Self { purpose, identity: identity.to_owned() }))
    }
}

pub(crate) fn is_identity(text: &str) -> bool {
    (1..=IDENTITY_LENGTH_MAX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-')
}

impl CashReceipt {
    /// For the whole of a payment that has just been approved.
    pub(crate) fn of_approval(payment: &Payment, wanted: &Wanted, now: OffsetDateTime) -> Self {
        Self {
            key: keys::receipt_key(),
            issue_number: keys::issue_number(),
            purpose: wanted.purpose,
            transaction: Transaction::Confirm,
            amount: payment.amount,
            tax_free: payment.untaxed.free,
            order_id: payment.order_id.to_string(),
            order_name: payment.order_name.to_string(),
            identity: wanted.identity.clone(),
            requested_at: now,
        }
    }

    /// The receipt that takes this much of another one back.
    pub(crate) fn of_cancel(of: &Self, amount: i64, tax_free: i64, now: OffsetDateTime) -> Self {
        Self {
            key: format!("c_{}", keys::receipt_key()),
            issue_number: keys::issue_number(),
            transaction: Transaction::Cancel,
            amount,
            tax_free,
            requested_at: now,
            ..of.clone()
        }
    }

    pub(crate) fn is_issued(&self, now: OffsetDateTime) -> bool {
        now - self.requested_at >= ISSUED_AFTER
    }
}

/// The receipts that merchants issued by themselves, oldest first.
#[derive(Debug, Default)]
pub(crate) struct CashReceipts {
    entries: VecDeque<Issued>,
    last_cursor: u64,
}

#[derive(Debug)]
struct Issued {
    cursor: u64,
    merchant_id: Arc<str>,
    receipt: CashReceipt,
    /// What no cancel has taken back yet.
    left: i64,
}

#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) has_next: bool,
    pub(crate) last_cursor: u64,
    pub(crate) receipts: Vec<CashReceipt>,
}

impl CashReceipts {
    fn add(&mut self, merchant_id: &Arc<str>, receipt: &CashReceipt, left: i64) {
        if self.entries.len() == RECEIPTS_MAX {
            self.entries.pop_front();
        }
        self.last_cursor += 1;
        let (cursor, merchant_id, receipt) = (self.last_cursor, Arc::clone(merchant_id), receipt.clone());
        self.entries.push_back(Issued { cursor, merchant_id, receipt, left });
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Request {
    #[serde(flatten)]
    asked: Asked,
    customer_identity_number: Option<String>,
    r#type: Option<String>,
}

pub(crate) fn issue(simulator: &Simulator, body: &Bytes, caller: &Owner) -> Result<CashReceipt, Code> {
    let request: Request = serde_json::from_slice(body).map_err(|_| INVALID_REQUEST)?;
    let Order { amount, untaxed, id: order_id, name: order_name } =
        request.asked.order(simulator.switches().order_ids)?;
    let receipt = CashReceipt {
        key: keys::receipt_key(),
        issue_number: keys::issue_number(),
        purpose: request.r#type.as_deref().and_then(Purpose::find).ok_or(INVALID_REQUEST)?,
        transaction: Transaction::Confirm,
        amount,
        tax_free: untaxed.free,
        order_id,
        order_name,
        identity: request.customer_identity_number.filter(|text| is_identity(text)).ok_or(INVALID_REQUIRED_PARAM)?,
        requested_at: simulator.clock.now(),
    };
    simulator.cash_receipts.with(|table| table.add(&caller.merchant_id, &receipt, amount));
    Ok(receipt)
}

/// Takes a receipt back, wholly or in part; the answer is a receipt of its own.
pub(crate) fn cancel(simulator: &Simulator, key: &str, body: &Bytes, caller: &Owner) -> Result<CashReceipt, Code> {
    let asked: Value =
        if body.is_empty() { Value::Null } else { serde_json::from_slice(body).map_err(|_| INVALID_REQUEST)? };
    let now = simulator.clock.now();
    simulator.cash_receipts.with(|table| {
        let issued = table
            .entries
            .iter_mut()
            .find(|one| one.receipt.key == key && one.merchant_id == caller.merchant_id)
            .ok_or(NOT_FOUND)?;
        let amount = asked.get("amount").map_or(Ok(None), amount::optional)?.unwrap_or(issued.left);
        if !(1..=issued.left).contains(&amount) {
            return Err(INVALID_REQUEST);
        }
        issued.left -= amount;
        let tax_free = issued.receipt.tax_free.min(amount);
        let taken_back = CashReceipt::of_cancel(&issued.receipt, amount, tax_free, now);
        table.add(&caller.merchant_id, &taken_back, 0);
        Ok(taken_back)
    })
}

/// The receipts that were requested on one day: `requestDate`, and `cursor` and `limit` to turn the pages.
pub(crate) fn list(simulator: &Simulator, query: Option<&str>, caller: &Owner) -> Result<Page, Code> {
    let parameter = |name: &str| {
        url::form_urlencoded::parse(query.unwrap_or_default().as_bytes())
            .find_map(|(key, value)| (key == name).then(|| value.into_owned()))
    };
    let date = parameter("requestDate").ok_or(INVALID_REQUIRED_PARAM)?;
    if !clock::is_date(&date) {
        return Err(INVALID_DATE);
    }
    let number = |name: &str| parameter(name).map(|text| text.parse::<u64>().map_err(|_| INVALID_REQUEST)).transpose();
    let after = number("cursor")?.unwrap_or(0);
    let limit =
        number("limit")?.map_or(Ok(PAGE_DEFAULT), |limit| usize::try_from(limit).map_err(|_| INVALID_REQUEST))?;
    if !(1..=PAGE_MAX).contains(&limit) {
        return Err(INVALID_REQUEST);
    }
    simulator.cash_receipts.with(|table| {
        let mut found = table.entries.iter().filter(|one| {
            one.cursor > after
                && one.merchant_id == caller.merchant_id
                && clock::wire(one.receipt.requested_at).starts_with(&date)
        });
        let page: Vec<&Issued> = found.by_ref().take(limit).collect();
        Ok(Page {
            has_next: found.next().is_some(),
            last_cursor: page.last().map_or(after, |last| last.cursor),
            receipts: page.into_iter().map(|one| one.receipt.clone()).collect(),
        })
    })
}
