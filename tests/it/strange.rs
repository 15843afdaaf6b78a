//! Strange values in what Toss answers and in what comes in its name: every one is read or refused. No process ends over
//! one, and no order is stuck behind it.
//!
//! ```text
//! STRANGE_SEED=17 cargo test -p tests --test it -- --nocapture strange
//! ```

mod answers;
mod hooks;
mod mutations;

use serde_json::{Value, json};
use shared::settings::Env;

use mutations::Mutations;

const PRICE: i64 = 50_000;

/// The seed that the environment asks for, or a new one. A run says its own, so that it can be repeated.
#[expect(clippy::print_stdout, reason = "which seed ran is what a run is kept for")]
fn mutations(run: &str) -> Mutations {
    let seed = match Env::of_process().text("STRANGE_SEED") {
        Some(text) => text.parse().unwrap_or_else(|_| panic!("STRANGE_SEED is no number: {text}")),
        None => rand::random_range(0..1_000_000_000),
    };
    println!("{run} runs with STRANGE_SEED={seed}");
    Mutations::of(seed)
}

/// A Payment as Toss answers it (API reference, Payment object), with invented values.
fn card_payment(order: &str, key: &str) -> Value {
    json!({
        "mId": "tsim_docs", "lastTransactionKey": "txrd_a01sim000000000000000000001", "paymentKey": key,
        "orderId": order, "orderName": "Ogu T", "taxExemptionAmount": 0, "status": "DONE",
        "requestedAt": "2026-09-01T12:00:00+09:00", "approvedAt": "2026-09-01T12:00:31+09:00", "useEscrow": false,
        "cultureExpense": false,
        "card": {
            "issuerCode": "61", "acquirerCode": "61", "number": "12345678****123*", "installmentPlanMonths": 0,
            "isInterestFree": false, "interestPayer": null, "approveNo": "00000000", "useCardPoint": false,
            "cardType": "신용", "ownerType": "개인", "acquireStatus": "READY", "amount": PRICE,
        },
        "virtualAccount": null, "transfer": null, "mobilePhone": null, "giftCertificate": null, "cashReceipt": null,
        "cashReceipts": null, "discount": null, "cancels": null, "secret": "ps_0000000000000000000000000000",
        "type": "NORMAL", "easyPay": null, "country": "KR", "failure": null, "isPartialCancelable": true,
        "receipt": {"url": format!("https://dashboard-sandbox.tosspayments.com/receipt/redirection?transactionId={key}&ref=PX")},
        "checkout": {"url": format!("https://api.tosspayments.com/v1/payments/{key}/checkout")},
        "currency": "KRW", "totalAmount": PRICE, "balanceAmount": PRICE, "suppliedAmount": 45_455, "vat": 4_545,
        "taxFreeAmount": 0, "method": "카드", "version": "2022-11-16", "metadata": null,
    })
}

fn partly_refunded_payment(order: &str, key: &str) -> Value {
    let mut payment = card_payment(order, key);
    payment["status"] = json!("PARTIAL_CANCELED");
    payment["balanceAmount"] = json!(PRICE - 3_000);
    payment["cancels"] = json!([{
        "transactionKey": "txrd_a01sim000000000000000000002", "cancelReason": "refund-17", "taxExemptionAmount": 0,
        "canceledAt": "2026-09-02T09:00:00+09:00", "transferDiscountAmount": 0, "easyPayDiscountAmount": 0,
        "receiptKey": null, "cancelStatus": "DONE", "cancelRequestId": null, "cancelAmount": 3_000, "taxFreeAmount": 0,
        "refundableAmount": PRICE - 3_000,
    }]);
    payment
}

fn waiting_payment(order: &str, key: &str) -> Value {
    let mut payment = card_payment(order, key);
    payment["status"] = json!("WAITING_FOR_DEPOSIT");
    payment["method"] = json!("가상계좌");
    (payment["approvedAt"], payment["card"]) = (Value::Null, Value::Null);
    payment["virtualAccount"] = json!({
        "accountNumber": "X1234567890123", "accountType": "일반", "bankCode": "88", "customerName": "김심",
        "dueDate": "2026-09-08T12:00:00+09:00", "expired": false, "settlementStatus": "INCOMPLETED",
        "refundStatus": "NONE", "refundReceiveAccount": null, "depositorName": null,
    });
    payment
}

fn bytes(value: &Value) -> Vec<u8> {
    value.to_string().into_bytes()
}
