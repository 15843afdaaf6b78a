//! The tricky cases of cancelling, numbered as in `docs/certain.md`.

use serde_json::{Value, json};

use crate::case::{Case, cases};
use crate::toss::{DAY, MINUTE, Toss, refund_account};

pub(crate) fn cases() -> Vec<Case> {
    cases![
        // Case 14
        Key: a_waiting_deposit_is_cancelled_without_an_account,
        // Case 15
        Key: a_part_of_a_waiting_deposit_cannot_be_cancelled,
        // Case 16
        Control: a_refund_of_a_deposit_needs_an_account,
        // Case 17
        Control: a_fully_cancelled_payment_is_already_cancelled,
        // Case 18
        Control: a_payment_emptied_in_parts_stays_partially_cancelled,
        // Case 19
        Control: more_than_the_balance_is_refused_and_changes_nothing,
        // Case 20
        Control: another_balance_than_expected_cancels_nothing,
        // Case 21
        Control: the_whole_balance_by_name_is_a_full_cancel,
        // Case 22
        Key: what_no_shopper_touched_cannot_be_cancelled,
        // Case 22
        Control: what_was_never_approved_cannot_be_cancelled,
        // Case 24
        Control: an_acquired_card_payment_is_still_cancelled,
        // Case 25
        Control: a_card_payment_with_tax_exemption_is_cancelled_as_a_whole,
    ]
}

fn reason() -> Value {
    json!({ "cancelReason": "반품" })
}

fn part(amount: i64) -> Value {
    json!({ "cancelReason": "반품", "cancelAmount": amount })
}

async fn a_waiting_deposit_is_cancelled_without_an_account(toss: Toss) {
    let payment = toss.waiting(30000).await;
    let cancelled = toss.cancel(&payment, &reason()).await.is(200, "CANCELED");
    assert_eq!(cancelled["balanceAmount"], 0);
    toss.query(&payment).await.is(200, "CANCELED");
}

async fn a_part_of_a_waiting_deposit_cannot_be_cancelled(toss: Toss) {
    let payment = toss.waiting(30000).await;
    let refused = toss.cancel(&payment, &part(1000)).await.is(403, "NOT_ALLOWED_PARTIAL_REFUND_WAITING_DEPOSIT");
    assert_eq!(refused["message"], "입금 대기중인 결제는 부분 환불이 불가합니다.");
    toss.query(&payment).await.is(200, "WAITING_FOR_DEPOSIT");
}

async fn a_refund_of_a_deposit_needs_an_account(toss: Toss) {
    let payment = toss.deposited(30000).await;
    let refused = toss.cancel(&payment, &reason()).await;
    assert!((400..500).contains(&refused.status), "{}", refused.text);
    toss.supposed_answer("a refund without an account", &refused, 400, "INVALID_REFUND_ACCOUNT_INFO");
    toss.query(&payment).await.is(200, "DONE");
    let with_account = json!({ "cancelReason": "반품", "refundReceiveAccount": refund_account() });
    toss.cancel(&payment, &with_account).await.is(200, "CANCELED");
}

async fn a_fully_cancelled_payment_is_already_cancelled(toss: Toss) {
    let payment = toss.paid(1000).await;
    toss.cancel(&payment, &reason()).await.is(200, "CANCELED");
    let refused = toss.cancel(&payment, &reason()).await.is(400, "ALREADY_CANCELED_PAYMENT");
    assert_eq!(refused["message"], "이미 취소된 결제 입니다.");
}

async fn a_payment_emptied_in_parts_stays_partially_cancelled(toss: Toss) {
    let payment = toss.paid(1000).await;
    toss.cancel(&payment, &part(400)).await.is(200, "PARTIAL_CANCELED");
    let empty = toss.cancel(&payment, &part(600)).await.is(200, "PARTIAL_CANCELED");
    assert_eq!(empty["balanceAmount"], 0);
    let refused = toss.cancel(&payment, &reason()).await.is(403, "NOT_CANCELABLE_AMOUNT");
    assert_eq!(refused["message"], "취소 할 수 없는 금액 입니다.");
    let seen = toss.query(&payment).await.is(200, "PARTIAL_CANCELED");
    assert_eq!(seen["balanceAmount"], 0);
}

async fn more_than_the_balance_is_refused_and_changes_nothing(toss: Toss) {
    let payment = toss.paid(1000).await;
    toss.cancel(&payment, &part(1001)).await.is(403, "NOT_CANCELABLE_AMOUNT");
    assert_eq!(toss.query(&payment).await.is(200, "DONE"), payment);
}

async fn another_balance_than_expected_cancels_nothing(toss: Toss) {
    let payment = toss.paid(1000).await;
    let mut body = part(400);
    body["refundableAmount"] = json!(999);
    let refused = toss.cancel(&payment, &body).await.is(400, "NOT_MATCHES_REFUNDABLE_AMOUNT");
    assert_eq!(refused["message"], "잔액 결과가 일치하지 않습니다.");
    assert_eq!(toss.query(&payment).await.is(200, "DONE"), payment);
    body["refundableAmount"] = json!(1000);
    let cancelled = toss.cancel(&payment, &body).await.is(200, "PARTIAL_CANCELED");
    assert_eq!(cancelled["balanceAmount"], 600);
}

async fn the_whole_balance_by_name_is_a_full_cancel(toss: Toss) {
    let payment = toss.paid(1000).await;
    let cancelled = toss.cancel(&payment, &part(1000)).await;
    assert_eq!(cancelled.ok()["balanceAmount"], 0);
    toss.supposed_answer("the whole balance by name", &cancelled, 200, "CANCELED");
}

async fn what_no_shopper_touched_cannot_be_cancelled(toss: Toss) {
    let payment = toss.ready(1000).await;
    let refused = toss.cancel(&payment, &reason()).await;
    toss.supposed_answer("a cancel while READY", &refused, 403, "NOT_CANCELABLE_PAYMENT");
}

async fn what_was_never_approved_cannot_be_cancelled(toss: Toss) {
    let under_way = toss.authenticated(1000).await;
    let refused = toss.cancel(&under_way, &reason()).await;
    toss.supposed_answer("a cancel while IN_PROGRESS", &refused, 403, "NOT_CANCELABLE_PAYMENT");
    let declined = toss.authenticated_with(json!({ "amount": 1000, "decline": "REJECT_CARD_COMPANY" })).await;
    toss.confirm(&declined).await.is(403, "REJECT_CARD_COMPANY");
    let refused = toss.cancel(&declined, &reason()).await;
    toss.supposed_answer("a cancel when ABORTED", &refused, 403, "NOT_CANCELABLE_PAYMENT");
    toss.advance(11 * MINUTE).await;
    toss.query(&under_way).await.is(200, "EXPIRED");
    let refused = toss.cancel(&under_way, &reason()).await;
    toss.supposed_answer("a cancel when EXPIRED", &refused, 403, "NOT_CANCELABLE_PAYMENT");
}

async fn an_acquired_card_payment_is_still_cancelled(toss: Toss) {
    let payment = toss.paid(1000).await;
    assert_eq!(payment["card"]["acquireStatus"], "READY");
    toss.advance(3 * DAY).await;
    let acquired = toss.query(&payment).await.ok();
    toss.supposed("acquired after days", &acquired["card"]["acquireStatus"], &json!("COMPLETED"));
    let cancelled = toss.cancel(&payment, &reason()).await.is(200, "CANCELED");
    assert_eq!(cancelled["card"]["acquireStatus"], "CANCEL_REQUESTED");
    toss.advance(3 * DAY).await;
    let later = toss.query(&payment).await.ok();
    assert_eq!(later["card"]["acquireStatus"], "CANCELED");
}

async fn a_card_payment_with_tax_exemption_is_cancelled_as_a_whole(toss: Toss) {
    let payment = toss.paid_with(json!({ "amount": 10000, "taxExemptionAmount": 3000 })).await;
    assert_eq!(payment["taxExemptionAmount"], 3000);
    let refused = toss.cancel(&payment, &part(1000)).await;
    assert_eq!(refused.status, 403, "{}", refused.text);
    toss.supposed_answer("a part of it", &refused, 403, "NOT_ALLOWED_PARTIAL_REFUND");
    toss.query(&payment).await.is(200, "DONE");
    toss.cancel(&payment, &reason()).await.is(200, "CANCELED");
}
