//! `GET /v1/transactions`: a merchant's movements between two moments, oldest first.
//!
//! A payment has as many rows as it had movements, each with the status of then. Movements of the last moments may be
//! missing, as long as the terms say.

use serde::Serialize;
use serde_json::Value;
use time::Duration;

use crate::amount::Sum;
use crate::answer::Answer;
use crate::call::Call;
use crate::errors::{Code, INVALID_PAGING_KEY, Language};
use crate::listing::Listing;
use crate::merchants::Owner;
use crate::records::{self, Kind, Row};
use crate::switches::CancelAmounts;
use crate::{Simulator, clock};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RowBody<'a> {
    m_id: &'a str,
    transaction_key: &'a str,
    payment_key: &'a str,
    order_id: &'a str,
    method: Value,
    customer_key: Option<&'a str>,
    use_escrow: bool,
    receipt_url: Value,
    status: &'a str,
    transaction_at: String,
    currency: &'a str,
    amount: Sum,
}

pub(crate) fn list(simulator: &Simulator, call: &Call, caller: &Owner) -> Result<Answer, Code> {
    let listing = Listing::read(call.query.as_deref());
    let (start, end) = (listing.moment("startDate")?, listing.moment("endDate")?);
    let limit = listing.length("limit")?;
    let now = simulator.clock.now();
    let rows = simulator.records.with(|records| {
        let seen_until = now - Duration::seconds(records.terms.transaction_lag_seconds.into());
        let mut rows = records.of_merchant(&caller.merchant_id);
        if let Some(key) = listing.get("startingAfter") {
            rows.find(|row| *row.transaction_key == *key).ok_or(INVALID_PAGING_KEY)?;
        }
        let wanted = rows.filter(|row| (start..=end).contains(&to_the_second(row)) && row.at <= seen_until);
        Ok::<_, Code>(wanted.take(limit).cloned().collect::<Vec<_>>())
    })?;
    let cancel_amounts = simulator.switches().cancel_amounts;
    let transactions: Vec<_> =
        rows.iter().map(|row| transaction(simulator, row, cancel_amounts, call.language)).collect();
    Ok(Answer::ok(&transactions))
}

/// As `transactionAt` shows it, so that a row is found by its own moment.
fn to_the_second(row: &Row) -> time::OffsetDateTime {
    row.at.truncate_to_second()
}

fn transaction<'a>(
    simulator: &Simulator,
    row: &'a Row,
    cancel_amounts: CancelAmounts,
    language: Language,
) -> RowBody<'a> {
    let mut payment = records::payment_of(simulator, row, language);
    let units = match (row.kind, cancel_amounts) {
        (Kind::Cancel, CancelAmounts::Negative) => -row.amount,
        (Kind::Cancel, CancelAmounts::Positive) | (Kind::Waiting | Kind::Approval | Kind::Withdrawal, _) => row.amount,
    };
    RowBody {
        m_id: &row.merchant_id,
        transaction_key: &row.transaction_key,
        payment_key: &row.payment_key,
        order_id: &row.order_id,
        method: payment["method"].take(),
        customer_key: None,
        use_escrow: payment["useEscrow"].as_bool().unwrap_or_default(),
        receipt_url: payment["receipt"]["url"].take(),
        status: row.status,
        transaction_at: clock::wire(row.at),
        currency: row.currency.code(),
        amount: Sum { units, currency: row.currency },
    }
}
