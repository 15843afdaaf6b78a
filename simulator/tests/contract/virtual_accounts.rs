//! Virtual accounts: issued, paid into, taken back, run out.

use serde_json::{Value, json};

use crate::case::{Case, cases};
use crate::toss::{DAY, Toss, account, fresh, int, text};

pub(crate) fn cases() -> Vec<Case> {
    cases![
        Key: an_account_is_issued_and_waits,
        Key: an_account_is_open_for_seven_days_unless_told,
        Key: an_account_is_open_for_ninety_days_at_most,
        Key: hours_and_a_date_exclude_each_other,
        Key: a_bank_may_be_named_in_three_ways,
        Key: what_is_required_is_required,
        Key: numbers_are_taken_where_texts_are_meant,
        Control: a_window_with_an_account_waits_after_its_confirm,
        Control: a_deposit_makes_it_done,
        Control: a_deposit_taken_back_makes_it_wait_again,
        Control: a_due_date_that_passes_only_sets_a_mark,
        Control: a_part_of_a_deposit_is_refunded_to_an_account,
    ]
}

async fn issue(toss: &Toss, change: Value) -> crate::toss::Answer {
    let mut body = account(30000);
    body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
    toss.post("/v1/virtual-accounts", &body).await
}

async fn an_account_is_issued_and_waits(toss: Toss) {
    let body = account(30000);
    let payment = toss.post("/v1/virtual-accounts", &body).await.is(200, "WAITING_FOR_DEPOSIT");
    for field in ["orderId", "orderName"] {
        assert_eq!(payment[field], body[field]);
    }
    assert_eq!((&payment["method"], int(&payment["balanceAmount"])), (&json!("가상계좌"), 30000));
    let account = &payment["virtualAccount"];
    assert_eq!((&account["customerName"], &account["expired"]), (&json!("김심"), &json!(false)));
    assert_eq!((&account["settlementStatus"], &account["refundStatus"]), (&json!("INCOMPLETED"), &json!("NONE")));
    assert!(account["depositorName"].is_null() && payment["approvedAt"].is_null() && payment["card"].is_null());
    assert_eq!(toss.query(&payment).await.ok(), payment);
}

/// Days from the request to the due date, by the calendar of the two texts.
fn days_open(payment: &Value) -> i64 {
    let day = |text: &str| {
        let format = time::macros::format_description!("[year]-[month]-[day]");
        i64::from(time::Date::parse(&text[..10], format).unwrap().to_julian_day())
    };
    day(text(&payment["virtualAccount"]["dueDate"])) - day(text(&payment["requestedAt"]))
}

async fn an_account_is_open_for_seven_days_unless_told(toss: Toss) {
    assert_eq!(days_open(&toss.waiting(30000).await), 7);
    assert_eq!(days_open(&issue(&toss, json!({ "validHours": 48 })).await.ok()), 2);
}

async fn an_account_is_open_for_ninety_days_at_most(toss: Toss) {
    let longest = issue(&toss, json!({ "validHours": 2160 })).await.is(200, "WAITING_FOR_DEPOSIT");
    assert_eq!(days_open(&longest), 90);
    let refused = issue(&toss, json!({ "validHours": 2161 })).await.is(400, "EXCEED_MAX_VALID_HOURS");
    assert_eq!(refused["message"], "가상 계좌의 최대 유효시간을 초과했습니다.");
    issue(&toss, json!({ "dueDate": "2099-01-01T00:00:00" })).await.is(400, "EXCEED_MAX_DUE_DATE");
}

async fn hours_and_a_date_exclude_each_other(toss: Toss) {
    let due = text(&toss.waiting(30000).await["virtualAccount"]["dueDate"])[..19].to_owned();
    let with_date = issue(&toss, json!({ "dueDate": due })).await.is(200, "WAITING_FOR_DEPOSIT");
    assert!(text(&with_date["virtualAccount"]["dueDate"]).starts_with(&due));
    let both = issue(&toss, json!({ "dueDate": due, "validHours": 24 })).await;
    both.is(400, "INVALID_VALID_HOURS_WITH_DUE_DATE_AND_SINGLE");
}

async fn a_bank_may_be_named_in_three_ways(toss: Toss) {
    for bank in ["88", "신한", "SHINHAN"] {
        let payment = issue(&toss, json!({ "bank": bank })).await.is(200, "WAITING_FOR_DEPOSIT");
        assert_eq!(payment["virtualAccount"]["bankCode"], "88");
    }
    issue(&toss, json!({ "bank": "00" })).await.is(400, "INVALID_BANK");
    // The zero at the front belongs to the code.
    let payment = issue(&toss, json!({ "bank": "06" })).await.is(200, "WAITING_FOR_DEPOSIT");
    assert_eq!(payment["virtualAccount"]["bankCode"], "06");
}

async fn what_is_required_is_required(toss: Toss) {
    for field in ["amount", "orderId", "orderName", "customerName", "bank"] {
        let mut body = account(30000);
        body.as_object_mut().unwrap().remove(field);
        let refused = toss.post("/v1/virtual-accounts", &body).await;
        assert_eq!(refused.status, 400, "{field}: {}", refused.text);
    }
    let refused = issue(&toss, json!({ "customerName": "가".repeat(101) })).await;
    assert_eq!(refused.status, 400, "{}", refused.text);
}

async fn numbers_are_taken_where_texts_are_meant(toss: Toss) {
    // Measured with an order of two digits; here one that nobody else has.
    let order: u32 = rand::random_range(100_000_000..1_000_000_000);
    let payment = issue(&toss, json!({ "orderId": order, "validHours": "1" })).await.is(200, "WAITING_FOR_DEPOSIT");
    assert_eq!(payment["orderId"], order.to_string());
}

async fn a_window_with_an_account_waits_after_its_confirm(toss: Toss) {
    let body = json!({ "amount": 30000, "method": "VIRTUAL_ACCOUNT", "customerName": "김심", "bank": "88" });
    let due = toss.authenticated_with(body).await;
    let payment = toss.confirm(&due).await.is(200, "WAITING_FOR_DEPOSIT");
    assert_eq!((&payment["method"], &payment["virtualAccount"]["bankCode"]), (&json!("가상계좌"), &json!("88")));
    toss.advance(3600).await;
    toss.query(&payment).await.is(200, "WAITING_FOR_DEPOSIT");
}

async fn a_deposit_makes_it_done(toss: Toss) {
    let payment = toss.waiting(30000).await;
    let body = json!({ "paymentKey": payment["paymentKey"], "depositorName": "박입금" });
    toss.control("deposit", &body).await;
    let done = toss.query(&payment).await.is(200, "DONE");
    assert!(done["approvedAt"].is_string());
    assert_eq!(done["virtualAccount"]["depositorName"], "박입금");
    assert_eq!((&done["secret"], &done["balanceAmount"]), (&payment["secret"], &json!(30000)));
}

async fn a_deposit_taken_back_makes_it_wait_again(toss: Toss) {
    let payment = toss.deposited(30000).await;
    let body = json!({ "paymentKey": payment["paymentKey"] });
    toss.control("revert-deposit", &body).await;
    toss.query(&payment).await.is(200, "WAITING_FOR_DEPOSIT");
    toss.control("deposit", &body).await;
    toss.query(&payment).await.is(200, "DONE");
}

async fn a_due_date_that_passes_only_sets_a_mark(toss: Toss) {
    let payment = toss.waiting(30000).await;
    toss.advance(8 * DAY).await;
    let late = toss.query(&payment).await.is(200, "WAITING_FOR_DEPOSIT");
    assert_eq!(late["virtualAccount"]["expired"], true);
    assert!(late["failure"].is_null());
}

async fn a_part_of_a_deposit_is_refunded_to_an_account(toss: Toss) {
    let payment = toss.deposited(30000).await;
    let account = json!({ "bank": "20", "accountNumber": "1002123456789", "holderName": "김심" });
    let body = json!({ "cancelReason": fresh("refund"), "cancelAmount": 10000, "refundReceiveAccount": account });
    let left = toss.cancel(&payment, &body).await.is(200, "PARTIAL_CANCELED");
    assert_eq!((int(&left["balanceAmount"]), int(&left["totalAmount"])), (20000, 30000));
    assert_eq!(left["cancels"][0]["cancelStatus"], "DONE");
    let without = toss.cancel(&payment, &json!({ "cancelReason": "반품", "cancelAmount": 1 })).await;
    toss.supposed_answer("a second part without an account", &without, 400, "INVALID_REFUND_ACCOUNT_INFO");
}
