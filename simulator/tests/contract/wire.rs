//! The form on the wire: headers, envelopes, fields in their order, and nulls that are written out.

use serde_json::{Value, json};

use crate::case::{Case, cases};
use crate::order::Node;
use crate::toss::{Answer, Toss, account, fresh, text};

pub(crate) fn cases() -> Vec<Case> {
    cases![
        Key: every_answer_carries_a_trace_id,
        Key: the_idempotency_key_comes_back,
        Key: a_replay_names_the_new_trace_and_the_first,
        Key: an_answer_is_the_bare_object_as_json,
        Control: a_card_payment_has_its_fields_in_order,
        Key: a_virtual_account_has_its_fields_in_order,
        Key: a_cancel_has_its_fields_in_order,
        Control: what_is_not_there_is_null,
        Key: a_payment_nobody_touched_has_every_field,
    ]
}

const PAYMENT: &str = "mId lastTransactionKey paymentKey orderId orderName taxExemptionAmount status requestedAt \
    approvedAt useEscrow cultureExpense card virtualAccount transfer mobilePhone giftCertificate cashReceipt \
    cashReceipts discount cancels secret type easyPay country failure isPartialCancelable receipt checkout currency \
    totalAmount balanceAmount suppliedAmount vat taxFreeAmount method version metadata";
const CARD: &str = "issuerCode acquirerCode number installmentPlanMonths isInterestFree interestPayer approveNo \
    useCardPoint cardType ownerType acquireStatus amount";
const VIRTUAL_ACCOUNT: &str = "accountNumber accountType bankCode customerName dueDate expired settlementStatus \
    refundStatus refundReceiveAccount depositorName";
/// As one real cancel of June 2025 had them; `cardDiscountAmount` is documented and was not there.
const CANCEL: &str = "transactionKey cancelReason taxExemptionAmount canceledAt transferDiscountAmount \
    easyPayDiscountAmount receiptKey cancelStatus cancelRequestId cancelAmount taxFreeAmount refundableAmount";

/// The names have to be there; their order is how Toss sent them and no promise of Toss's.
#[track_caller]
fn fields(toss: &Toss, what: &str, node: &Node, wanted: &str) {
    let (seen, wanted) = (node.names(), wanted.split_whitespace().collect::<Vec<_>>());
    for name in &wanted {
        assert!(seen.contains(name), "{what} has no {name}: {seen:?}");
    }
    toss.supposed(&format!("the order in a {what}"), &seen, &wanted);
}

async fn every_answer_carries_a_trace_id(toss: Toss) {
    let answers = [
        toss.get(&format!("/v1/payments/{}", fresh("payment"))).await,
        toss.post("/v1/virtual-accounts", &account(30000)).await,
        toss.confirm(&json!({})).await,
    ];
    let mut traces: Vec<&str> = answers.iter().map(Answer::trace_id).collect();
    for trace in &traces {
        let hex = trace.chars().all(|c| c.is_ascii_hexdigit() && !c.is_ascii_uppercase());
        assert!(trace.len() == 32 && hex, "{trace}");
    }
    traces.sort_unstable();
    traces.dedup();
    assert_eq!(traces.len(), 3);
}

async fn the_idempotency_key_comes_back(toss: Toss) {
    let key = fresh("key");
    for _ in 0..2 {
        let answer = toss.post_with_key("/v1/virtual-accounts", &key, &account(30000)).await;
        assert_eq!(answer.header("idempotency-key"), key);
    }
    let without = toss.post("/v1/virtual-accounts", &account(30000)).await;
    assert!(without.headers.get("idempotency-key").is_none());
}

async fn a_replay_names_the_new_trace_and_the_first(toss: Toss) {
    let (key, body) = (fresh("key"), account(30000));
    let first = toss.post_with_key("/v1/virtual-accounts", &key, &body).await;
    for _ in 0..2 {
        let again = toss.post_with_key("/v1/virtual-accounts", &key, &body).await;
        let traces: Vec<&str> = again.trace_id().split(',').map(str::trim).collect();
        assert_eq!(traces.len(), 2, "{traces:?}");
        assert_eq!(traces[1], first.trace_id());
        assert_ne!(traces[0], first.trace_id());
    }
}

async fn an_answer_is_the_bare_object_as_json(toss: Toss) {
    let payment = toss.post("/v1/virtual-accounts", &account(30000)).await;
    let error = toss.get(&format!("/v1/payments/{}", fresh("payment"))).await;
    for answer in [&payment, &error] {
        assert!(answer.header("content-type").starts_with("application/json"), "{:?}", answer.headers);
    }
    assert!(payment.json()["paymentKey"].is_string());
    assert_eq!(Node::of(&error.text).names(), ["code", "message"]);
}

async fn a_card_payment_has_its_fields_in_order(toss: Toss) {
    let due = toss.authenticated(1000).await;
    let answer = toss.confirm(&due).await;
    answer.is(200, "DONE");
    let node = Node::of(&answer.text);
    fields(&toss, "payment", &node, PAYMENT);
    fields(&toss, "card", node.field("card"), CARD);
}

async fn a_virtual_account_has_its_fields_in_order(toss: Toss) {
    let answer = toss.post("/v1/virtual-accounts", &account(30000)).await;
    let node = Node::of(&answer.text);
    fields(&toss, "payment", &node, PAYMENT);
    fields(&toss, "virtual account", node.field("virtualAccount"), VIRTUAL_ACCOUNT);
}

async fn a_cancel_has_its_fields_in_order(toss: Toss) {
    let payment = toss.waiting(30000).await;
    let answer = toss.cancel(&payment, &json!({ "cancelReason": "반품" })).await;
    let node = Node::of(&answer.text);
    fields(&toss, "payment", &node, PAYMENT);
    let names = node.field("cancels").first().names();
    let without: Vec<&str> = names.into_iter().filter(|name| *name != "cardDiscountAmount").collect();
    toss.supposed("the order in a cancel", &without, &CANCEL.split_whitespace().collect());
}

async fn what_is_not_there_is_null(toss: Toss) {
    let payment = toss.paid(1000).await;
    for field in [
        "virtualAccount",
        "transfer",
        "mobilePhone",
        "giftCertificate",
        "cashReceipt",
        "cashReceipts",
        "discount",
        "cancels",
        "easyPay",
        "failure",
        "metadata",
    ] {
        assert_eq!(payment.get(field), Some(&Value::Null), "{field}");
    }
    assert_eq!(payment["card"].get("interestPayer"), Some(&Value::Null));
}

async fn a_payment_nobody_touched_has_every_field(toss: Toss) {
    let payment = toss.ready(1000).await;
    for field in PAYMENT.split_whitespace() {
        assert!(payment.get(field).is_some(), "no {field}");
    }
    assert!(payment["approvedAt"].is_null() && payment["lastTransactionKey"].is_null());
    assert!(!text(&payment["checkout"]["url"]).is_empty());
}
