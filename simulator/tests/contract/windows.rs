//! The two clocks: thirty minutes for the shopper, ten for the shop, and what is left when one runs out.

use serde_json::{Value, json};

use crate::case::{Case, cases};
use crate::toss::{MINUTE, Toss, confirm_body};

pub(crate) fn cases() -> Vec<Case> {
    cases![
        Control: a_window_is_open_for_thirty_minutes,
        Control: a_confirm_is_due_within_ten_minutes,
        Control: the_second_clock_starts_when_the_shopper_is_done,
        Control: an_expired_payment_says_so_and_holds_nothing,
        Control: an_expired_window_cannot_be_confirmed,
        Control: an_expired_payment_never_comes_back,
    ]
}

async fn a_window_is_open_for_thirty_minutes(toss: Toss) {
    let (in_time, late) = (toss.ready(1000).await, toss.ready(1000).await);
    toss.advance(30 * MINUTE - 5).await;
    let due = toss.approved_in_the_window(&in_time).await;
    toss.query(&late).await.is(200, "READY");
    toss.advance(10).await;
    toss.query(&late).await.is(200, "EXPIRED");
    toss.confirm(&due).await.is(200, "DONE");
}

async fn a_confirm_is_due_within_ten_minutes(toss: Toss) {
    let (in_time, late) = (toss.authenticated(1000).await, toss.authenticated(1000).await);
    toss.advance(10 * MINUTE - 5).await;
    toss.confirm(&in_time).await.is(200, "DONE");
    toss.advance(10).await;
    toss.confirm(&late).await.is(404, "NOT_FOUND_PAYMENT_SESSION");
    toss.query(&late).await.is(200, "EXPIRED");
}

async fn the_second_clock_starts_when_the_shopper_is_done(toss: Toss) {
    let payment = toss.ready(1000).await;
    toss.advance(29 * MINUTE).await;
    let due = toss.approved_in_the_window(&payment).await;
    toss.advance(9 * MINUTE).await;
    toss.confirm(&due).await.is(200, "DONE");
}

async fn an_expired_payment_says_so_and_holds_nothing(toss: Toss) {
    let opened = toss.ready(1000).await;
    let due = toss.authenticated(2000).await;
    toss.advance(31 * MINUTE).await;
    for (payment, amount) in [(opened, 1000), (due, 2000)] {
        let expired = toss.query(&payment).await.is(200, "EXPIRED");
        let failure = json!({ "code": "EXPIRED_PAYMENT", "message": "결제가 만료되었습니다. 다시 시도해주세요." });
        assert_eq!(expired["failure"], failure);
        assert_eq!((&expired["totalAmount"], &expired["balanceAmount"]), (&json!(amount), &json!(amount)));
        for field in [
            "approvedAt",
            "lastTransactionKey",
            "method",
            "secret",
            "receipt",
            "useEscrow",
            "card",
            "virtualAccount",
            "transfer",
            "mobilePhone",
            "giftCertificate",
            "easyPay",
            "cancels",
        ] {
            assert_eq!(expired.get(field), Some(&Value::Null), "{field}");
        }
    }
}

async fn an_expired_window_cannot_be_confirmed(toss: Toss) {
    let payment = toss.ready(1000).await;
    toss.advance(31 * MINUTE).await;
    toss.confirm(&confirm_body(&payment)).await.is(404, "NOT_FOUND_PAYMENT_SESSION");
}

async fn an_expired_payment_never_comes_back(toss: Toss) {
    let due = toss.authenticated(1000).await;
    toss.advance(11 * MINUTE).await;
    for _ in 0..2 {
        toss.confirm(&due).await.is(404, "NOT_FOUND_PAYMENT_SESSION");
        toss.query(&due).await.is(200, "EXPIRED");
    }
}
