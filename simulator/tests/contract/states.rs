//! How a payment goes from one status to the next, whoever moves it.

use serde_json::{Value, json};

use crate::case::{Case, cases};
use crate::toss::{Toss, confirm_body, refund_account};

pub(crate) fn cases() -> Vec<Case> {
    cases![
        Control: an_ordinary_payment_goes_from_ready_to_cancelled,
        Control: a_payment_that_ended_is_not_confirmed_again,
        Control: a_declined_payment_is_not_confirmed_again,
        Control: a_wrong_request_leaves_the_payment_as_it_was,
        Control: a_cancel_in_tosss_console_is_seen_like_any_other,
        Control: a_refunded_deposit_is_cancelled,
    ]
}

fn reason() -> Value {
    json!({ "cancelReason": "반품", "refundReceiveAccount": null })
}

async fn an_ordinary_payment_goes_from_ready_to_cancelled(toss: Toss) {
    let payment = toss.ready(1000).await;
    let due = toss.approved_in_the_window(&payment).await;
    assert_eq!(toss.query(&due).await.says().1, "IN_PROGRESS");
    toss.confirm(&due).await.is(200, "DONE");
    toss.cancel(&due, &reason()).await.is(200, "CANCELED");
    toss.query(&due).await.is(200, "CANCELED");
}

async fn a_payment_that_ended_is_not_confirmed_again(toss: Toss) {
    let payment = toss.paid(1000).await;
    toss.cancel(&payment, &json!({ "cancelReason": "반품", "cancelAmount": 1 })).await.is(200, "PARTIAL_CANCELED");
    toss.confirm(&confirm_body(&payment)).await.is(400, "ALREADY_PROCESSED_PAYMENT");
    let other = toss.paid(1000).await;
    toss.cancel(&other, &reason()).await.is(200, "CANCELED");
    toss.confirm(&confirm_body(&other)).await.is(400, "ALREADY_PROCESSED_PAYMENT");
    let waiting = toss.waiting(1000).await;
    let refused = toss.confirm(&confirm_body(&waiting)).await;
    toss.supposed_answer("a confirm of a waiting deposit", &refused, 400, "ALREADY_PROCESSED_PAYMENT");
}

async fn a_declined_payment_is_not_confirmed_again(toss: Toss) {
    let due = toss.authenticated_with(json!({ "amount": 1000, "decline": "REJECT_CARD_COMPANY" })).await;
    toss.confirm(&due).await.is(403, "REJECT_CARD_COMPANY");
    let refused = toss.confirm(&due).await;
    toss.supposed_answer("a second confirm after a decline", &refused, 400, "ALREADY_PROCESSED_PAYMENT");
    toss.query(&due).await.is(200, "ABORTED");
}

async fn a_wrong_request_leaves_the_payment_as_it_was(toss: Toss) {
    let due = toss.authenticated(1000).await;
    for body in [json!({}), json!({ "paymentKey": due["paymentKey"] })] {
        toss.confirm(&body).await.is(400, "INVALID_REQUEST");
    }
    toss.query(&due).await.is(200, "IN_PROGRESS");
    toss.confirm(&due).await.is(200, "DONE");
}

async fn a_cancel_in_tosss_console_is_seen_like_any_other(toss: Toss) {
    let payment = toss.paid(1000).await;
    toss.control("cancel", &json!({ "paymentKey": payment["paymentKey"], "cancelAmount": 400 })).await;
    let seen = toss.query(&payment).await.is(200, "PARTIAL_CANCELED");
    assert_eq!((&seen["balanceAmount"], &seen["cancels"][0]["cancelAmount"]), (&json!(600), &json!(400)));
    let body = json!({ "cancelReason": "반품", "cancelAmount": 600, "refundableAmount": 1000 });
    toss.cancel(&payment, &body).await.is(400, "NOT_MATCHES_REFUNDABLE_AMOUNT");
}

async fn a_refunded_deposit_is_cancelled(toss: Toss) {
    let payment = toss.deposited(30000).await;
    let body = json!({ "cancelReason": "반품", "refundReceiveAccount": refund_account() });
    toss.cancel(&payment, &body).await.is(200, "CANCELED");
    toss.cancel(&payment, &body).await.is(400, "ALREADY_CANCELED_PAYMENT");
}
