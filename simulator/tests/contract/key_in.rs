//! `POST /v1/payments/key-in`: a card by its number, for merchants with a contract for it.

use serde_json::{Value, json};

use crate::case::{Case, cases};
use crate::toss::{Toss, fresh, text};

pub(crate) fn cases() -> Vec<Case> {
    cases![
        KeyInContract: a_card_number_pays_at_once,
        KeyInContract: installments_begin_at_fifty_thousand,
        KeyInContract: a_card_number_has_to_be_one,
        KeyInContract: what_is_required_is_required,
    ]
}

fn card(change: &Value) -> Value {
    let mut body = json!({
        "amount": 60000, "orderId": fresh("order"), "orderName": "책 한 권", "cardNumber": "9410001234567890",
        "cardExpirationYear": "32", "cardExpirationMonth": "12", "customerIdentityNumber": "900101",
    });
    body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
    body
}

async fn a_card_number_pays_at_once(toss: Toss) {
    let payment = toss.post("/v1/payments/key-in", &card(&json!({}))).await.is(200, "DONE");
    assert_eq!((&payment["method"], &payment["totalAmount"]), (&json!("카드"), &json!(60000)));
    assert!(text(&payment["card"]["number"]).starts_with("94100012****"), "{payment}");
    assert_eq!(toss.query(&payment).await.ok(), payment);
    toss.cancel(&payment, &json!({ "cancelReason": "반품" })).await.is(200, "CANCELED");
}

async fn installments_begin_at_fifty_thousand(toss: Toss) {
    for months in [0, 2, 12] {
        let payment = toss.post("/v1/payments/key-in", &card(&json!({ "cardInstallmentPlan": months }))).await;
        assert_eq!(payment.is(200, "DONE")["card"]["installmentPlanMonths"], months);
    }
    for change in [
        json!({ "cardInstallmentPlan": 2, "amount": 49999 }),
        json!({ "cardInstallmentPlan": 1 }),
        json!({ "cardInstallmentPlan": 13 }),
    ] {
        let refused = toss.post("/v1/payments/key-in", &card(&change)).await;
        assert_eq!(refused.status, 400, "{change}: {}", refused.text);
    }
}

async fn a_card_number_has_to_be_one(toss: Toss) {
    for number in ["941000", "abcdefghijklmnop", "941000123456789012345"] {
        let refused = toss.post("/v1/payments/key-in", &card(&json!({ "cardNumber": number }))).await;
        assert_eq!(refused.status, 400, "{}", refused.text);
    }
    let refused = toss.post("/v1/payments/key-in", &card(&json!({ "cardNumber": "941000" }))).await;
    refused.is(400, "INVALID_CARD_NUMBER");
}

async fn what_is_required_is_required(toss: Toss) {
    for field in ["amount", "orderId", "orderName", "cardNumber", "cardExpirationYear", "cardExpirationMonth"] {
        let mut body = card(&json!({}));
        body.as_object_mut().unwrap().remove(field);
        let refused = toss.post("/v1/payments/key-in", &body).await;
        assert_eq!(refused.status, 400, "{field}: {}", refused.text);
    }
}
