//! `POST /v1/payments/key-in`: a card payment without a window, from a card number the shopper told the merchant.
//!
//! There is no confirm: a request that passes the checks is approved. Every number is accepted that could be a card's;
//! none is kept, only its masked form. Which of the fields are required depends on a contract at Toss; here it is the
//! number, its expiry and the holder's birth date or business number.

use axum::body::Bytes;
use serde::Deserialize;
use serde_json::Value;
use time::OffsetDateTime;

use crate::errors::{
    Code, INVALID_BIRTH_DAY_FORMAT, INVALID_CARD_EXPIRATION, INVALID_CARD_INSTALLMENT_PLAN, INVALID_CARD_NUMBER,
    INVALID_CARD_PASSWORD, INVALID_REQUEST,
};
use crate::ledger::Kind;
use crate::means::{Card, Means, is_installment_plan};
use crate::merchants::Owner;
use crate::order::{Asked, not_opened};
use crate::payments::Payment;
use crate::{Simulator, amount, changes, clock};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Request {
    #[serde(flatten)]
    asked: Asked,
    card_number: Option<String>,
    card_expiration_year: Option<String>,
    card_expiration_month: Option<String>,
    customer_identity_number: Option<String>,
    card_password: Option<String>,
    #[serde(default)]
    card_installment_plan: Value,
    #[serde(default)]
    use_free_installment_plan: bool,
}

pub(crate) fn pay(simulator: &Simulator, body: &Bytes, caller: Owner) -> Result<Payment, Code> {
    let request: Request = serde_json::from_slice(body).map_err(|_| INVALID_REQUEST)?;
    let now = simulator.clock.now();
    let order = request.asked.order(simulator.switches().order_ids)?;
    let means = Means::Card(card(&request, now)?);
    means.check_amount(order.amount)?;
    let opening = order.opening(caller, means, false);
    let payment = simulator.payments.with(|table| {
        let payment = table.charge(opening, now).map_err(|refused| not_opened(&refused))?;
        simulator.ledger.with(|ledger| {
            ledger.append(Kind::Approval, &payment.order_id, &payment.key, payment.amount, clock::wire(now));
        });
        Ok(payment)
    })?;
    changes::status_changed(simulator, &payment, now);
    Ok(payment)
}

fn card(request: &Request, now: OffsetDateTime) -> Result<Card, Code> {
    let digits = |text: &Option<String>, lengths: &[usize]| {
        text.clone().filter(|text| lengths.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let number = digits(&request.card_number, &[14, 15, 16]).ok_or(INVALID_CARD_NUMBER)?;
    let part = |text: &Option<String>| digits(text, &[2])?.parse::<i32>().ok();
    let year = part(&request.card_expiration_year).ok_or(INVALID_CARD_EXPIRATION)?;
    let month = part(&request.card_expiration_month).ok_or(INVALID_CARD_EXPIRATION)?;
    let this_month = (now.year(), i32::from(u8::from(now.month())));
    if !(1..=12).contains(&month) || (2000 + year, month) < this_month {
        return Err(INVALID_CARD_EXPIRATION);
    }
    digits(&request.customer_identity_number, &[6, 10]).ok_or(INVALID_BIRTH_DAY_FORMAT)?;
    if request.card_password.is_some() {
        digits(&request.card_password, &[2]).ok_or(INVALID_CARD_PASSWORD)?;
    }
    let installment_plan_months = u8::try_from(amount::optional(&request.card_installment_plan)?.unwrap_or(0))
        .ok()
        .filter(|months| is_installment_plan(*months))
        .ok_or(INVALID_CARD_INSTALLMENT_PLAN)?;
    let interest_free = installment_plan_months > 0 && request.use_free_installment_plan;
    Ok(Card { installment_plan_months, interest_free, number: masked(&number), ..Card::default() })
}

/// The first eight digits, four hidden ones, all but the last of the rest, and one more hidden.
fn masked(number: &str) -> String {
    let (start, rest) = number.split_at(8);
    let shown = rest.get(4..rest.len() - 1).unwrap_or_default();
    format!("{start}****{shown}*")
}

#[cfg(test)]
mod tests {
    use super::masked;

    #[test]
    fn a_card_number_is_masked_in_the_middle_and_at_its_end() {
        assert_eq!(masked("1234567890121234"), "12345678****123*");
        assert_eq!(masked("123456789012123"), "12345678****12*");
    }
}
