//! `GET` and `POST /v1/settlements`: what a merchant is paid for its sales, less Toss's fee.
//!
//! A movement is settled from the day after it. The fee is a share of the amount plus a tenth of itself as VAT, and what
//! is left is paid out; a cancel takes all of that back in a row of its own, with every sum negative, the approval's time
//! and the card as they were. Sales in dollars are settled elsewhere. Instalments and interest cost nothing here. A reversed deposit is not settled.

use serde::Serialize;
use serde_json::{Value, json};
use time::{Date, Duration};

use crate::Simulator;
use crate::answer::Answer;
use crate::call::Call;
use crate::errors::{Code, INVALID_REQUEST, Language, NOT_FOUND_PAYMENT};
use crate::listing::{self, Listing};
use crate::merchants::Owner;
use crate::payments::Currency;
use crate::records::{self, Kind, Row, Terms};
use crate::switches::Settlements;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Settlement<'a> {
    m_id: &'a str,
    payment_key: &'a str,
    transaction_key: &'a str,
    order_id: &'a str,
    currency: &'a str,
    method: Value,
    amount: i64,
    interest_fee: i64,
    fee: i64,
    fees: [Fee; 1],
    supply_amount: i64,
    vat: i64,
    pay_out_amount: i64,
    approved_at: Option<&'a str>,
    sold_date: String,
    paid_out_date: String,
    card: Value,
    easy_pay: Value,
    gift_certificate: Value,
    mobile_phone: Value,
    transfer: Value,
    virtual_account: Value,
    cancel: Value,
}

#[derive(Serialize)]
struct Fee {
    r#type: &'static str,
    fee: i64,
}

/// What a movement costs and brings. `fee` = `supply_amount` + `vat`, and `pay_out` = amount − `fee`.
#[derive(Debug, PartialEq, Eq)]
struct Sums {
    amount: i64,
    fee: i64,
    supply_amount: i64,
    vat: i64,
    pay_out: i64,
}

impl Sums {
    fn of(amount: i64, basis_points: u16) -> Self {
        let supply_amount = i128::from(amount) * i128::from(basis_points) / 10_000;
        let supply_amount = i64::try_from(supply_amount).unwrap_or_default();
        let vat = (supply_amount + 5) / 10;
        let fee = supply_amount + vat;
        Self { amount, fee, supply_amount, vat, pay_out: amount - fee }
    }

    fn taken_back(self) -> Self {
        Self {
            amount: -self.amount,
            fee: -self.fee,
            supply_amount: -self.supply_amount,
            vat: -self.vat,
            pay_out: -self.pay_out,
        }
    }
}

pub(crate) fn list(simulator: &Simulator, call: &Call, caller: &Owner) -> Result<Answer, Code> {
    let listing = Listing::read(call.query.as_deref());
    let (start, end) = (listing.date("startDate")?, listing.date("endDate")?);
    let (page, size) = (listing.number("page", 1)?, listing.length("size")?);
    let by: fn(Date, Terms) -> Date = match listing.get("dateType") {
        None | Some("soldDate") => |sold, _| sold,
        Some("paidOutDate") => paid_out,
        Some(_) => return Err(INVALID_REQUEST),
    };
    let today = simulator.clock.now().date();
    if simulator.switches().settlements == Settlements::Never {
        return Ok(Answer::ok(&[(); 0]));
    }
    let (rows, terms) = simulator.records.with(|records| {
        let terms = records.terms;
        let settled = records.of_merchant(&caller.merchant_id).filter(|row| is_settled(row, today));
        let wanted = settled.filter(|row| (start..=end).contains(&by(row.at.date(), terms)));
        let rows: Vec<Row> = wanted.skip((page - 1).saturating_mul(size)).take(size).cloned().collect();
        (rows, terms)
    });
    let settlements: Vec<_> = rows.iter().map(|row| settlement(simulator, row, terms, call.language)).collect();
    Ok(Answer::ok(&settlements))
}

/// Asks for the settlement of one payment by hand. Nothing depends on it here: every payment is settled anyway.
pub(crate) fn ask_for(simulator: &Simulator, call: &Call, caller: &Owner) -> Result<Answer, Code> {
    let key = call.named.payment_key.as_str().filter(|key| !key.is_empty()).ok_or(INVALID_REQUEST)?;
    let known =
        simulator.payments.with(|table| table.get(key).is_some_and(|payment| payment.owner.same_merchant(caller)));
    if known { Ok(Answer::ok(&json!({ "result": true }))) } else { Err(NOT_FOUND_PAYMENT) }
}

fn is_settled(row: &Row, today: Date) -> bool {
    let moved_money = match row.kind {
        Kind::Approval | Kind::Cancel => true,
        Kind::Waiting | Kind::Withdrawal => false,
    };
    moved_money && row.currency != Currency::Usd && row.at.date() < today
}

fn paid_out(sold: Date, terms: Terms) -> Date {
    sold.saturating_add(Duration::days(terms.pay_out_days.into()))
}

fn settlement<'a>(simulator: &Simulator, row: &'a Row, terms: Terms, language: Language) -> Settlement<'a> {
    let mut payment = records::payment_of(simulator, row, language);
    let sums = Sums::of(row.amount, terms.fee_basis_points);
    let sums = if row.kind == Kind::Cancel { sums.taken_back() } else { sums };
    let cancel = payment["cancels"].as_array_mut().and_then(|cancels| {
        cancels.iter_mut().find(|cancel| cancel["transactionKey"] == *row.transaction_key).map(Value::take)
    });
    let sold = row.at.date();
    Settlement {
        m_id: &row.merchant_id,
        payment_key: &row.payment_key,
        transaction_key: &row.transaction_key,
        order_id: &row.order_id,
        currency: row.currency.code(),
        method: payment["method"].take(),
        amount: sums.amount,
        interest_fee: 0,
        fee: sums.fee,
        fees: [Fee { r#type: "BASE", fee: sums.fee }],
        supply_amount: sums.supply_amount,
        vat: sums.vat,
        pay_out_amount: sums.pay_out,
        approved_at: row.approved_at.as_deref(),
        sold_date: listing::date(sold),
        paid_out_date: listing::date(paid_out(sold, terms)),
        card: payment["card"].take(),
        easy_pay: payment["easyPay"].take(),
        gift_certificate: payment["giftCertificate"].take(),
        mobile_phone: payment["mobilePhone"].take(),
        transfer: payment["transfer"].take(),
        virtual_account: payment["virtualAccount"].take(),
        cancel: cancel.unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fee_is_a_share_with_its_vat_and_the_rest_is_paid_out() {
        let sums = Sums::of(64_601, 210);
        assert_eq!(sums, Sums { amount: 64_601, fee: 1_492, supply_amount: 1_356, vat: 136, pay_out: 63_109 });
        for amount in [0, 1, 100, 999, 64_601, 99_800, 50_000_000_000] {
            for basis_points in [0, 205, 210, 10_000] {
                let sums = Sums::of(amount, basis_points);
                assert_eq!((sums.fee, sums.pay_out), (sums.supply_amount + sums.vat, amount - sums.fee));
                let back = Sums::of(amount, basis_points).taken_back();
                assert_eq!((back.fee, back.pay_out), (back.supply_amount + back.vat, back.amount - back.fee));
                assert_eq!(back.pay_out, -sums.pay_out);
            }
        }
    }
}
