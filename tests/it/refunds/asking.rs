//! What may be asked for, and what it leaves behind.

use serde_json::{Value, json};

use super::{PRICE, over, reason};
use crate::harness::{shop::Shop, wait_for};

#[tokio::test]
async fn everything_is_given_back_once_however_often_it_is_asked_for() {
    let shop = Shop::start(1).await;
    let product = shop.product("Ogu T", PRICE, 5).await;
    let order = shop.paid(2 * PRICE, &[(product, 2)]).await;
    let accepted = shop.refunding(&order, "a-1", reason()).await;
    assert_eq!(accepted.header("location"), format!("/api/v1/orders/{order}"));
    assert_eq!(accepted.header("retry-after"), "1");
    let promised = accepted.json();
    assert_eq!((&promised["cancelNo"], &promised["cancelAmount"]), (&json!(1), &json!(2 * PRICE)), "{promised}");
    shop.until(&order, "CANCELED").await;
    // Without and with the quotes of a structured header it is the same key.
    for key in ["a-1", "\"a-1\""] {
        let again = shop.refunding(&order, key, reason()).await;
        assert_eq!(again.json(), promised, "the promise is repeated, not the state");
    }
    assert_eq!((shop.stock(product).await, shop.held(&order).await), (5, 0));
    let view = shop.view(&order).await;
    assert_eq!((&view["moneyMoved"], &view["payment"]["balance"]), (&json!(false), &json!(0)), "{view}");
    let cancel = &view["cancels"][0];
    assert_eq!(
        (&cancel["status"], &cancel["reason"], &cancel["requestedBy"]),
        (&json!("DONE"), &json!("단순 변심"), &json!("server"))
    );
    assert_eq!(shop.causes(&order).await, ["confirm_accepted", "toss_approved", "refund_requested", "refunded"]);
    let page = shop.get(&format!("/order/{order}")).await;
    assert!(page.text.contains("전액 돌려드렸습니다"), "{}", page.text);
    let refused = shop.refund(&order, "a-2", reason()).await;
    assert_eq!((refused.status.as_u16(), refused.code().as_str()), (409, "ALREADY_CANCELED"));
    shop.finish().await;
}

#[tokio::test]
async fn parts_add_up_and_the_last_one_cancels_the_order() {
    let shop = Shop::start(1).await;
    let product = shop.product("Ogu T", PRICE, 5).await;
    let order = shop.paid(2 * PRICE, &[(product, 2)]).await;
    for (key, amount, left) in [("a", 1, 19_999), ("b", 12_345, 7_654)] {
        shop.refunding(&order, key, over(amount)).await;
        wait_for("the refund", std::time::Duration::from_mins(1), async || {
            (shop.view(&order).await["payment"]["balance"] == left).then_some(())
        })
        .await;
        assert_eq!(shop.status(&order).await, "PARTIAL_CANCELED");
        assert_eq!((shop.held(&order).await, shop.stock(product).await), (left, 3), "goods come back when it is said");
    }
    let too_much = shop.refund(&order, "c", over(7_655)).await;
    assert_eq!((too_much.status.as_u16(), too_much.code().as_str()), (422, "CANCEL_AMOUNT_TOO_LARGE"));
    assert_eq!(too_much.json()["refundable"], 7_654);
    // Toss may keep calling it partly canceled: the balance decides.
    shop.refunding(&order, "c", over(7_654)).await;
    shop.until(&order, "CANCELED").await;
    assert_eq!((shop.held(&order).await, shop.stock(product).await), (0, 5));
    let causes = shop.causes(&order).await;
    let in_part = ["refund_requested", "refunded_in_part", "refund_requested", "refunded_in_part"];
    assert_eq!(causes[2..6], in_part, "{causes:?}");
    assert_eq!(causes[6..], ["refund_requested", "refunded"]);
    shop.finish().await;
}

#[tokio::test]
async fn lines_that_come_back_are_for_sale_again_as_it_was_said() {
    let shop = Shop::start(1).await;
    let (cup, tray) = (shop.product("cup", PRICE, 5).await, shop.product("tray", 3 * PRICE, 2).await);
    let order = shop.paid(6 * PRICE, &[(cup, 3), (tray, 1)]).await;
    let lines = |lines: &[(i64, i32, bool)]| {
        let line = |(id, quantity, restock): &(i64, i32, bool)| json!({"productId": id, "quantity": quantity, "restock": restock});
        json!({"cancelReason": "파손", "lines": lines.iter().map(line).collect::<Vec<Value>>()})
    };
    let sold = async |order: &str, balance: i64| {
        wait_for("the refund", std::time::Duration::from_mins(1), async || {
            (shop.view(order).await["payment"]["balance"] == balance).then_some(())
        })
        .await;
        (shop.stock(cup).await, shop.stock(tray).await)
    };
    // One cup is broken, one is as new.
    shop.refunding(&order, "broken", lines(&[(cup.0, 1, false)])).await;
    assert_eq!(sold(&order, 5 * PRICE).await, (2, 1));
    shop.refunding(&order, "as-new", lines(&[(cup.0, 1, true)])).await.json();
    assert_eq!(sold(&order, 4 * PRICE).await, (3, 1));
    let too_many = shop.refund(&order, "too-many", lines(&[(tray.0, 1, true), (cup.0, 2, true)])).await;
    assert_eq!((too_many.status.as_u16(), too_many.code().as_str()), (422, "TOO_MANY_PIECES"));
    assert_eq!((&too_many.json()["field"], &too_many.json()["left"]), (&json!("lines[1].quantity"), &json!(1)));
    let unknown = shop.refund(&order, "unknown", lines(&[(999, 1, true)])).await;
    assert_eq!((unknown.status.as_u16(), unknown.code().as_str()), (422, "UNKNOWN_LINE"));
    // Some money is kept for the way back: the amount wins over what the lines cost.
    let mut fee = lines(&[(tray.0, 1, true)]);
    fee["cancelAmount"] = json!(3 * PRICE - 2_500);
    shop.refunding(&order, "fee", fee).await;
    assert_eq!(sold(&order, PRICE + 2_500).await, (3, 2));
    assert_eq!(shop.view(&order).await["lines"][0]["refunded"], 2);
    // Everything: what has not come back yet, no piece twice, and not the broken one.
    shop.refunding(&order, "rest", reason()).await;
    shop.until(&order, "CANCELED").await;
    assert_eq!((shop.stock(cup).await, shop.stock(tray).await), (4, 2));
    shop.finish().await;
}

#[tokio::test]
async fn bad_input_is_told_and_changes_nothing() {
    let shop = Shop::start(1).await;
    let product = shop.product("Ogu T", PRICE, 5).await;
    let paid = shop.paid(PRICE, &[(product, 1)]).await;
    let unpaid = shop.order(PRICE, &[(product, 1)]).await;
    let account = json!({"bank": "88", "accountNumber": "110123456789", "holderName": "김한번"});
    let to_account = json!({"cancelReason": "r", "refundReceiveAccount": account});
    for (order, body, status, code) in [
        (paid.as_str(), over(0), 400, "INVALID_AMOUNT"),
        (&paid, over(-1), 400, "INVALID_AMOUNT"),
        (&paid, over(PRICE + 1), 422, "CANCEL_AMOUNT_TOO_LARGE"),
        (&paid, json!({}), 400, "INVALID_REQUEST"),
        (&paid, json!({"cancelReason": "가".repeat(201)}), 400, "INVALID_CANCEL_REASON"),
        (&paid, to_account, 422, "REFUND_ACCOUNT_NOT_ALLOWED"),
        (&unpaid, reason(), 409, "NOT_PAID"),
        ("019ab7f2-3c55-7d8e-9b14-4f0f6a1c2d3e", reason(), 404, "ORDER_NOT_FOUND"),
        ("7", reason(), 400, "INVALID_ORDER_ID"),
    ] {
        let answered = shop.refund(order, "a-key", body).await;
        assert_eq!((answered.status.as_u16(), answered.code().as_str()), (status, code), "{}", answered.text);
    }
    let address = format!("/api/v1/orders/{paid}/cancel");
    let stranger = shop.send(reqwest::Method::POST, &address, Some(reason()), &[("idempotency-key", "a-key")]).await;
    assert_eq!((stranger.status.as_u16(), stranger.code().as_str()), (401, "UNAUTHORIZED"));
    let bearer = format!("Bearer {}", crate::harness::shop::SERVER_KEY);
    let keyless = shop.send(reqwest::Method::POST, &address, Some(reason()), &[("authorization", &bearer)]).await;
    assert_eq!((keyless.status.as_u16(), keyless.code().as_str()), (400, "IDEMPOTENCY_KEY_REQUIRED"));
    let odd = shop.refund(&paid, "a key", reason()).await;
    assert_eq!((odd.status.as_u16(), odd.code().as_str()), (400, "INVALID_IDEMPOTENCY_KEY"));
    for table in ["cancels", "cancel_lines", "api_requests"] {
        assert_eq!(shop.database.number(&format!("select count(*) from {table}")).await, 0, "{table}");
    }
    assert_eq!((shop.held(&paid).await, shop.stock(product).await), (PRICE, 4));
    // What was refused left its key free.
    shop.refunding(&paid, "a-key", reason()).await;
    let other = shop.refund(&paid, "a-key", over(1)).await;
    assert_eq!((other.status.as_u16(), other.code().as_str()), (422, "IDEMPOTENCY_KEY_REUSED"));
    shop.until(&paid, "CANCELED").await;
    shop.finish().await;
}

#[tokio::test]
async fn one_at_a_time_and_the_second_is_told_so() {
    let shop = Shop::start(1).await;
    let product = shop.product("Ogu T", PRICE, 5).await;
    let order = shop.paid(PRICE, &[(product, 1)]).await;
    shop.on_cancel(&order, json!({"kind": "hold"}), 1).await;
    shop.refunding(&order, "first", over(4_000)).await;
    let second = shop.refund(&order, "second", over(4_000)).await;
    assert_eq!((second.status.as_u16(), second.code().as_str()), (409, "OPERATION_IN_PROGRESS"));
    let page = shop.send(reqwest::Method::GET, &format!("/order/{order}"), None, &[("accept-language", "ko")]).await;
    assert!(page.text.contains("4,000원을 돌려드리는 중입니다"), "{}", page.text);
    shop.forget_rules().await;
    shop.until(&order, "PARTIAL_CANCELED").await;
    shop.refunding(&order, "second", over(4_000)).await;
    wait_for("the second refund", std::time::Duration::from_mins(1), async || {
        (shop.view(&order).await["payment"]["balance"] == 2_000).then_some(())
    })
    .await;
    shop.finish().await;
}

#[tokio::test]
async fn of_many_at_once_under_different_keys_one_is_accepted() {
    let shop = Shop::start(1).await;
    let product = shop.product("Ogu T", PRICE, 5).await;
    let order = shop.paid(PRICE, &[(product, 1)]).await;
    shop.on_cancel(&order, json!({"kind": "hold"}), 1).await;
    let keys: Vec<String> = (0..20).map(|n| format!("key-{n}")).collect();
    let asked = keys.iter().map(|key| shop.refund(&order, key, over(6_000)));
    let statuses: Vec<u16> =
        futures_util::future::join_all(asked).await.iter().map(|answered| answered.status.as_u16()).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 202).count(), 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| [202, 409].contains(status)), "{statuses:?}");
    shop.forget_rules().await;
    shop.until(&order, "PARTIAL_CANCELED").await;
    assert_eq!(shop.held(&order).await, 4_000);
    shop.finish().await;
}

#[tokio::test]
async fn the_same_key_while_it_runs_is_told_to_wait() {
    let shop = Shop::start(1).await;
    let product = shop.product("Ogu T", PRICE, 5).await;
    let order = shop.paid(PRICE, &[(product, 1)]).await;
    // Somebody keeps the order locked, so the first request waits in the middle of its statement.
    let mut other = shop.database.pool.begin().await.unwrap();
    let lock = format!("select from orders where order_no = '{order}' for update");
    sqlx::query(sqlx::AssertSqlSafe(lock)).execute(&mut *other).await.unwrap();
    let first = shop.refund(&order, "a-key", reason());
    let second = async {
        wait_for("the first to wait", std::time::Duration::from_secs(30), async || {
            let waiting = "select count(*) from pg_locks where locktype = 'advisory' and granted
                           and database = (select oid from pg_database where datname = current_database())";
            (shop.database.number(waiting).await > 0).then_some(())
        })
        .await;
        let second = shop.refund(&order, "a-key", reason()).await;
        other.rollback().await.unwrap();
        second
    };
    let (first, second) = tokio::join!(first, second);
    assert_eq!((second.status.as_u16(), second.code().as_str()), (409, "REQUEST_IN_PROGRESS"));
    assert_eq!(second.header("retry-after"), "1");
    assert_eq!(first.status.as_u16(), 202, "{}", first.text);
    shop.until(&order, "CANCELED").await;
    shop.finish().await;
}
