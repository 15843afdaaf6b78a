//! `POST /v1/payments/{paymentKey}/cancel`: what it takes, what it leaves behind, and whom it refuses.

use serde_json::{Value, json};

use crate::case::{Case, cases};
use crate::toss::{Toss, fresh, int, refund_account, text};

pub(crate) fn cases() -> Vec<Case> {
    cases![
        Control: a_full_cancel_takes_everything_that_is_left,
        Control: each_part_is_kept_and_the_newest_gives_the_key,
        Control: a_cancel_amount_may_be_a_text_of_digits,
        Key: a_cancel_needs_a_reason_of_two_hundred_characters_at_most,
        Key: a_payment_that_never_existed_cannot_be_cancelled,
        Control: a_cancel_of_nothing_is_refused,
        Control: a_payment_without_partial_cancels_is_cancelled_as_a_whole,
        Control: a_refund_account_with_letters_is_refused,
        Control: a_refund_to_a_bank_that_is_none_is_refused,
        Control: a_refund_account_is_shown_afterwards,
        Control: a_currency_has_to_be_the_payments_own,
        Control: cancels_in_quick_succession_may_be_refused,
        Control: a_balance_and_a_key_together_never_cancel_twice,
    ]
}

fn part(amount: i64) -> Value {
    json!({ "cancelReason": "반품", "cancelAmount": amount })
}

async fn a_full_cancel_takes_everything_that_is_left(toss: Toss) {
    let payment = toss.paid(10000).await;
    let reason = json!({ "cancelReason": "고객 변심" });
    let cancelled = toss.cancel(&payment, &reason).await.is(200, "CANCELED");
    let rest = ["balanceAmount", "suppliedAmount", "vat", "taxFreeAmount", "taxExemptionAmount"];
    for field in rest {
        assert_eq!(cancelled[field], 0, "{field}");
    }
    assert_eq!(cancelled["totalAmount"], 10000);
    let cancels = cancelled["cancels"].as_array().unwrap();
    assert_eq!(cancels.len(), 1);
    assert_eq!((&cancels[0]["cancelAmount"], &cancels[0]["refundableAmount"]), (&json!(10000), &json!(0)));
    assert_eq!((&cancels[0]["cancelReason"], &cancels[0]["cancelStatus"]), (&json!("고객 변심"), &json!("DONE")));
    assert_eq!(toss.query(&payment).await.ok(), cancelled);
}

async fn each_part_is_kept_and_the_newest_gives_the_key(toss: Toss) {
    let payment = toss.paid(10000).await;
    let (mut left, mut keys) = (10000, vec![text(&payment["lastTransactionKey"]).to_owned()]);
    for (count, amount) in [3000, 2000, 1].into_iter().enumerate() {
        let answer = toss.cancel(&payment, &part(amount)).await.is(200, "PARTIAL_CANCELED");
        left -= amount;
        assert_eq!((int(&answer["balanceAmount"]), int(&answer["totalAmount"])), (left, 10000));
        let cancels = answer["cancels"].as_array().unwrap();
        assert_eq!(cancels.len(), count + 1);
        let newest = cancels.iter().find(|cancel| cancel["transactionKey"] == answer["lastTransactionKey"]).unwrap();
        assert_eq!((int(&newest["cancelAmount"]), int(&newest["refundableAmount"])), (amount, left));
        keys.push(text(&answer["lastTransactionKey"]).to_owned());
    }
    let count = keys.len();
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), count, "two movements have one transactionKey");
    let last = toss.cancel(&payment, &json!({ "cancelReason": "나머지" })).await.is(200, "PARTIAL_CANCELED");
    assert_eq!(last["balanceAmount"], 0);
}

async fn a_cancel_amount_may_be_a_text_of_digits(toss: Toss) {
    let payment = toss.paid(400_000).await;
    let body = json!({ "cancelReason": "반품", "cancelAmount": "390000" });
    assert_eq!(toss.cancel(&payment, &body).await.is(200, "PARTIAL_CANCELED")["balanceAmount"], 10000);
}

async fn a_cancel_needs_a_reason_of_two_hundred_characters_at_most(toss: Toss) {
    let payment = toss.waiting(30000).await;
    for body in [json!({}), json!({ "cancelReason": null }), json!({ "cancelReason": "가".repeat(201) })] {
        let refused = toss.cancel(&payment, &body).await.is(400, "INVALID_REQUEST");
        assert!(refused["message"].is_string());
    }
    toss.query(&payment).await.is(200, "WAITING_FOR_DEPOSIT");
    toss.cancel(&payment, &json!({ "cancelReason": "가".repeat(200) })).await.is(200, "CANCELED");
}

async fn a_payment_that_never_existed_cannot_be_cancelled(toss: Toss) {
    let refused = toss.cancel(&json!({ "paymentKey": fresh("payment") }), &part(1)).await;
    assert_eq!(refused.is(404, "NOT_FOUND_PAYMENT")["message"], "존재하지 않는 결제 정보 입니다.");
}

async fn a_cancel_of_nothing_is_refused(toss: Toss) {
    let payment = toss.paid(1000).await;
    for amount in [json!(0), json!(-1), json!("x"), json!({})] {
        let refused = toss.cancel(&payment, &json!({ "cancelReason": "반품", "cancelAmount": amount })).await;
        assert!((400..500).contains(&refused.status), "{}", refused.text);
    }
    assert_eq!(toss.query(&payment).await.ok(), payment);
}

async fn a_payment_without_partial_cancels_is_cancelled_as_a_whole(toss: Toss) {
    let payment = toss.paid_with(json!({ "amount": 1000, "isPartialCancelable": false })).await;
    assert_eq!(payment["isPartialCancelable"], false);
    toss.cancel(&payment, &part(400)).await.is(403, "NOT_ALLOWED_PARTIAL_REFUND");
    assert_eq!(toss.query(&payment).await.ok(), payment);
    toss.cancel(&payment, &json!({ "cancelReason": "반품" })).await.is(200, "CANCELED");
}

async fn a_refund_account_with_letters_is_refused(toss: Toss) {
    let payment = toss.deposited(30000).await;
    let mut account = refund_account();
    account["accountNumber"] = json!("X1002123456789");
    let body = json!({ "cancelReason": "반품", "refundReceiveAccount": account });
    let refused = toss.cancel(&payment, &body).await.is(400, "INVALID_REFUND_ACCOUNT_NUMBER");
    assert_eq!(refused["message"], "잘못된 환불 계좌번호입니다.");
    toss.query(&payment).await.is(200, "DONE");
}

async fn a_refund_to_a_bank_that_is_none_is_refused(toss: Toss) {
    let payment = toss.deposited(30000).await;
    let mut account = refund_account();
    account["bank"] = json!("00");
    let body = json!({ "cancelReason": "반품", "refundReceiveAccount": account });
    assert_eq!(toss.cancel(&payment, &body).await.is(400, "INVALID_BANK")["message"], "유효하지 않은 은행입니다.");
    for bank in ["20", "우리", "WOORI"] {
        account["bank"] = json!(bank);
        let mut body = part(1000);
        body["refundReceiveAccount"] = account.clone();
        toss.cancel(&payment, &body).await.is(200, "PARTIAL_CANCELED");
    }
}

async fn a_refund_account_is_shown_afterwards(toss: Toss) {
    let payment = toss.deposited(30000).await;
    let body = json!({ "cancelReason": "반품", "refundReceiveAccount": refund_account() });
    let cancelled = toss.cancel(&payment, &body).await.is(200, "CANCELED");
    assert_eq!(cancelled["balanceAmount"], 0);
    let status = text(&cancelled["virtualAccount"]["refundStatus"]);
    assert!(["PENDING", "COMPLETED"].contains(&status), "{status}");
}

async fn a_currency_has_to_be_the_payments_own(toss: Toss) {
    let payment = toss.paid(1000).await;
    let mut body = part(100);
    body["currency"] = json!("USD");
    let refused = toss.cancel(&payment, &body).await;
    assert!((400..500).contains(&refused.status), "{}", refused.text);
    toss.supposed_answer("another currency", &refused, 400, "INVALID_CURRENCY");
    body["currency"] = json!("KRW");
    toss.cancel(&payment, &body).await.is(200, "PARTIAL_CANCELED");
}

async fn cancels_in_quick_succession_may_be_refused(toss: Toss) {
    toss.control("switches", &json!({ "consecutiveCancel": "refuse" })).await;
    toss.control("clock", &json!({ "frozen": true })).await;
    let payment = toss.paid(1000).await;
    toss.cancel(&payment, &part(100)).await.is(200, "PARTIAL_CANCELED");
    let refused = toss.cancel(&payment, &part(100)).await.is(403, "FORBIDDEN_CONSECUTIVE_REQUEST");
    assert_eq!(refused["message"], "반복적인 요청은 허용되지 않습니다. 잠시 후 다시 시도해주세요.");
    toss.advance(2).await;
    assert_eq!(toss.cancel(&payment, &part(100)).await.is(200, "PARTIAL_CANCELED")["balanceAmount"], 800);
}

async fn a_balance_and_a_key_together_never_cancel_twice(toss: Toss) {
    let (payment, key) = (toss.paid(1000).await, fresh("key"));
    let mut body = part(300);
    body["refundableAmount"] = json!(1000);
    let first = toss.cancel_with_key(&key, &payment, &body).await;
    first.is(200, "PARTIAL_CANCELED");
    assert_eq!(toss.cancel_with_key(&key, &payment, &body).await.text, first.text);
    toss.cancel_with_key(&fresh("key"), &payment, &body).await.is(400, "NOT_MATCHES_REFUNDABLE_AMOUNT");
    assert_eq!(toss.query(&payment).await.ok()["balanceAmount"], 700);
}
