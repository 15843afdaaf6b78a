//! Cancels: full, partial, refused, and what they leave on the payment and in the ledger.

use reqwest::Method;
use serde_json::{Value, json};
use simulator::{ConsecutiveCancel, DEFAULT_WIDGET_SECRET_KEY, Settings};

use crate::harness::{Answer, Sim};

/// The one entry of `cancels` after a partial cancel, with what differs each time in braces.
const CANCEL: &str = concat!(
    r#""cancels":[{"transactionKey":"{transaction}","cancelReason":"refund-17","taxExemptionAmount":0,"#,
    r#""canceledAt":"{canceled}","transferDiscountAmount":0,"easyPayDiscountAmount":0,"receiptKey":null,"#,
    r#""cancelStatus":"DONE","cancelRequestId":null,"cancelAmount":3000,"taxFreeAmount":0,"refundableAmount":7000}]"#,
);

fn by(amount: i64) -> Value {
    json!({ "cancelReason": "단순 변심", "cancelAmount": amount })
}

#[tokio::test]
async fn a_partial_cancel_has_every_field_in_toss_order_and_taxes_the_rest() {
    let sim = Sim::start().await;
    let payment = sim.paid("order-partial", 10_000).await;
    let answer = sim.cancel(&payment, &json!({ "cancelReason": "refund-17", "cancelAmount": 3_000 })).await;
    assert_eq!(answer.says(), (200, "PARTIAL_CANCELED".into()));
    let body = answer.json();
    let cancel = &body["cancels"][0];
    let expected = CANCEL
        .replace("{transaction}", cancel["transactionKey"].as_str().unwrap())
        .replace("{canceled}", cancel["canceledAt"].as_str().unwrap());
    assert!(answer.text.contains(&expected), "{}", answer.text);
    assert_eq!(body["lastTransactionKey"], cancel["transactionKey"]);
    let amounts = ["totalAmount", "balanceAmount", "suppliedAmount", "vat", "taxFreeAmount"].map(|name| &body[name]);
    assert_eq!(amounts, [&json!(10_000), &json!(7_000), &json!(6_364), &json!(636), &json!(0)]);
    assert_eq!(body["card"]["amount"], 10_000, "what the card paid once");
    assert_eq!(sim.query("/v1/payments/orders/order-partial").await.text, answer.text);
}

#[tokio::test]
async fn a_full_cancel_is_canceled_whether_or_not_it_names_the_amount() {
    let sim = Sim::start().await;
    for (order_id, body) in [
        ("order-all", json!({ "cancelReason": "품절" })),
        ("order-null", json!({ "cancelReason": "품절", "cancelAmount": null })),
        ("order-exact", json!({ "cancelReason": "품절", "cancelAmount": "9026", "refundableAmount": "9026" })),
    ] {
        let payment = sim.paid(order_id, 9_026).await;
        let answer = sim.cancel(&payment, &body).await;
        assert_eq!(answer.says(), (200, "CANCELED".into()), "{body}");
        let rest = ["balanceAmount", "suppliedAmount", "vat"].map(|name| answer.json()[name].clone());
        assert_eq!(rest, [json!(0), json!(0), json!(0)]);
        assert_eq!(answer.json()["cancels"][0]["refundableAmount"], 0);
        let again = sim.cancel(&payment, &body).await;
        assert_eq!(again.says(), (400, "ALREADY_CANCELED_PAYMENT".into()));
    }
}

#[tokio::test]
async fn partial_cancels_down_to_nothing_stay_partial_canceled() {
    let sim = Sim::start().await;
    let payment = sim.paid("order-slices", 10_000).await;
    for amount in [3_000, 3_000, 4_000] {
        assert_eq!(sim.cancel(&payment, &by(amount)).await.says(), (200, "PARTIAL_CANCELED".into()));
    }
    let seen = sim.query("/v1/payments/orders/order-slices").await.json();
    assert_eq!((&seen["status"], &seen["balanceAmount"]), (&json!("PARTIAL_CANCELED"), &json!(0)));
    let rests: Vec<&Value> = seen["cancels"].as_array().unwrap().iter().map(|one| &one["refundableAmount"]).collect();
    assert_eq!(rests, [&json!(7_000), &json!(4_000), &json!(0)]);
    for body in [json!({ "cancelReason": "again" }), by(1)] {
        assert_eq!(sim.cancel(&payment, &body).await.says(), (403, "NOT_CANCELABLE_AMOUNT".into()));
    }

    let entries = sim.see("ledger?orderId=order-slices").await["entries"].clone();
    let moved: Vec<(&str, i64, i64)> = entries
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            let number = |name: &str| one[name].as_i64().unwrap();
            (one["kind"].as_str().unwrap(), number("amount"), number("balanceAfter"))
        })
        .collect();
    let expected =
        [("APPROVAL", 10_000, 10_000), ("CANCEL", -3_000, 7_000), ("CANCEL", -3_000, 4_000), ("CANCEL", -4_000, 0)];
    assert_eq!(moved, expected);
    let audit = sim.see("audit?orderId=order-slices").await["orders"][0].clone();
    assert_eq!((&audit["approvals"], &audit["balance"], &audit["duplicate"]), (&json!(1), &json!(0), &json!(false)));
}

#[tokio::test]
async fn a_refused_cancel_changes_nothing() {
    let sim = Sim::start().await;
    let payment = sim.paid("order-refused", 10_000).await;
    assert_eq!(sim.cancel(&payment, &by(4_000)).await.status, 200);
    let before = sim.query("/v1/payments/orders/order-refused").await.text;
    let long = "사".repeat(201);
    for (body, status, code) in [
        (by(6_001), 403, "NOT_CANCELABLE_AMOUNT"),
        (
            json!({ "cancelReason": "x", "cancelAmount": 1, "refundableAmount": 10_000 }),
            400,
            "NOT_MATCHES_REFUNDABLE_AMOUNT",
        ),
        (json!({ "cancelReason": "x", "refundableAmount": 0 }), 400, "NOT_MATCHES_REFUNDABLE_AMOUNT"),
        (json!({ "cancelReason": "x", "currency": "USD" }), 400, "INVALID_CURRENCY"),
        (json!({ "cancelReason": "x", "cancelAmount": 1, "taxFreeAmount": 1 }), 403, "NOT_CANCELABLE_AMOUNT"),
        (json!({ "cancelAmount": 1 }), 400, "INVALID_REQUEST"),
        (json!({ "cancelReason": "" }), 400, "INVALID_REQUEST"),
        (json!({ "cancelReason": 7 }), 400, "INVALID_REQUEST"),
        (json!({ "cancelReason": long }), 400, "INVALID_REQUEST"),
        (by(0), 400, "INVALID_REQUEST"),
        (by(-1), 400, "INVALID_REQUEST"),
        (json!({ "cancelReason": "x", "cancelAmount": "ten" }), 400, "INVALID_REQUEST"),
        (json!({ "cancelReason": "x", "refundableAmount": [] }), 400, "INVALID_REQUEST"),
        (json!([]), 400, "INVALID_REQUEST"),
    ] {
        assert_eq!(sim.cancel(&payment, &body).await.says(), (status, code.to_owned()), "{body}");
    }
    assert_eq!(sim.query("/v1/payments/orders/order-refused").await.text, before);
    let longest = json!({ "cancelReason": "사".repeat(200), "refundableAmount": 6_000, "currency": "KRW" });
    assert_eq!(sim.cancel(&payment, &longest).await.says(), (200, "PARTIAL_CANCELED".into()));
}

#[tokio::test]
async fn only_what_was_paid_can_be_cancelled() {
    let sim = Sim::start().await;
    let refused = (403, "NOT_CANCELABLE_PAYMENT".to_owned());
    let reason = json!({ "cancelReason": "x" });
    let waiting = sim.authenticated("order-waiting", 1_000).await;
    assert_eq!(sim.cancel(&waiting, &reason).await.says(), refused, "IN_PROGRESS");
    sim.advance(601).await;
    assert_eq!(sim.cancel(&waiting, &reason).await.says(), refused, "EXPIRED");
    let declined = json!({ "orderId": "order-declined", "amount": 1_000, "decline": "REJECT_CARD_PAYMENT" });
    let declined = sim.authenticated_with(declined).await;
    assert_eq!(sim.confirm(&declined).await.status, 403);
    assert_eq!(sim.cancel(&declined, &reason).await.says(), refused, "ABORTED");
    let none = json!({ "paymentKey": "tsim_none" });
    assert_eq!(sim.cancel(&none, &reason).await.says(), (404, "NOT_FOUND_PAYMENT".into()));
}

#[tokio::test]
async fn a_cancel_under_a_used_key_is_answered_and_not_done_again() {
    let sim = Sim::start().await;
    let payment = sim.paid("order-key", 10_000).await;
    let with_key = |key: &str, body: Value| sim.cancel_request(&payment, &body).header("Idempotency-Key", key).send();
    let first = Answer::read(with_key("refund-1", by(3_000)).await.unwrap()).await;
    let replay = Answer::read(with_key("refund-1", by(9_999)).await.unwrap()).await;
    assert_eq!(replay.text, first.text);
    let wrong = Answer::read(with_key("refund-2", by(8_000)).await.unwrap()).await;
    assert_eq!(wrong.says(), (403, "NOT_CANCELABLE_AMOUNT".into()));
    let corrected = Answer::read(with_key("refund-2", by(1_000)).await.unwrap()).await;
    assert_eq!(corrected.text, wrong.text, "an error burns its key");
    assert_eq!(sim.query("/v1/payments/orders/order-key").await.json()["balanceAmount"], 7_000);
}

#[tokio::test]
async fn of_many_cancels_at_once_no_more_than_the_balance_goes_back() {
    let sim = Sim::start().await;
    let payment = sim.paid("order-race", 10_000).await;
    let cancels: Vec<_> = (0..20)
        .map(|_| {
            let request = sim.cancel_request(&payment, &by(3_000));
            sim.tasks.spawn(async move { Answer::read(request.send().await.unwrap()).await.status })
        })
        .collect();
    let mut done = 0;
    for cancel in cancels {
        done += u32::from(cancel.await.unwrap() == 200);
    }
    assert_eq!(done, 3);
    assert_eq!(sim.see("audit?orderId=order-race").await["orders"][0]["balance"], 1_000);
}

#[tokio::test]
async fn a_second_cancel_within_a_second_is_refused_where_the_switch_says_so() {
    let mut settings = Settings::default();
    settings.switches.consecutive_cancel = ConsecutiveCancel::Refuse;
    let sim = Sim::with(settings).await;
    // A machine may be too busy for two requests within a second; it is not so ten times in a row.
    for attempt in 0..10 {
        let payment = sim.paid(&format!("order-hasty-{attempt}"), 10_000).await;
        assert_eq!(sim.cancel(&payment, &by(1_000)).await.status, 200);
        let hasty = sim.cancel(&payment, &by(1_000)).await;
        if hasty.status == 200 {
            continue;
        }
        assert_eq!(hasty.says(), (403, "FORBIDDEN_CONSECUTIVE_REQUEST".into()));
        sim.advance(1).await;
        assert_eq!(sim.cancel(&payment, &by(1_000)).await.says(), (200, "PARTIAL_CANCELED".into()));
        return;
    }
    panic!("no second cancel was refused");
}

#[tokio::test]
async fn tax_free_parts_go_back_as_asked_and_the_rest_with_the_last_cancel() {
    let sim = Sim::start().await;
    let body = json!({ "orderId": "order-books", "amount": 10_000, "taxFreeAmount": 4_000 });
    let payment = sim.authenticated_with(body).await;
    let split = |answer: &Answer| ["suppliedAmount", "vat", "taxFreeAmount"].map(|name| answer.json()[name].clone());
    assert_eq!(split(&sim.confirm(&payment).await), [json!(5_455), json!(545), json!(4_000)]);
    let body = json!({ "cancelReason": "x", "cancelAmount": 2_000, "taxFreeAmount": 1_000 });
    assert_eq!(split(&sim.cancel(&payment, &body).await), [json!(4_545), json!(455), json!(3_000)]);
    let too_much_taxed = sim.cancel(&payment, &by(5_001)).await;
    assert_eq!(too_much_taxed.says(), (403, "NOT_CANCELABLE_AMOUNT".into()));
    let last = sim.cancel(&payment, &json!({ "cancelReason": "x" })).await;
    assert_eq!(split(&last), [json!(0), json!(0), json!(0)]);
    assert_eq!(last.json()["cancels"][1]["taxFreeAmount"], 3_000);
}

#[tokio::test]
async fn only_the_pair_that_opened_a_payment_cancels_it_and_toss_itself() {
    let sim = Sim::start().await;
    let payment = sim.paid("order-console", 10_000).await;
    let path = format!("/v1/payments/{}/cancel", payment["paymentKey"].as_str().unwrap());
    let request = sim.request(Method::POST, &path).basic_auth(DEFAULT_WIDGET_SECRET_KEY, Some(""));
    let other = Answer::read(request.json(&by(1_000)).send().await.unwrap()).await;
    assert_eq!(other.says(), (400, "INVALID_API_KEY".into()));

    let asked = json!({ "paymentKey": payment["paymentKey"], "cancelAmount": 2_500 });
    let summary = sim.control("cancel", asked).await;
    assert_eq!((&summary["status"], &summary["balanceAmount"]), (&json!("PARTIAL_CANCELED"), &json!(7_500)));
    let seen = sim.query("/v1/payments/orders/order-console").await.json();
    assert_eq!(seen["cancels"][0]["cancelReason"], "상점관리자 취소");
    assert_eq!(sim.see("ledger?orderId=order-console").await["entries"][1]["amount"], -2_500);
}

#[tokio::test]
async fn faults_strike_cancels_too() {
    let sim = Sim::start().await;
    let payment = sim.paid("order-fault", 10_000).await;
    let matched = json!({ "endpoint": "cancel", "orderId": "order-fault" });
    sim.control("rules", json!({ "match": matched, "times": 1, "then": { "kind": "dropAfter" } })).await;
    assert!(sim.cancel_request(&payment, &by(4_000)).send().await.is_err());
    let after = sim.query("/v1/payments/orders/order-fault").await.json();
    assert_eq!(after["balanceAmount"], 6_000, "the answer was lost, the money went back");
}
