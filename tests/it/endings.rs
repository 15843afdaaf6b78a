//! How payments end: paid, declined, too late, waiting for a deposit; each with what proves it, and with the stock right.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};
use shared::outbox::Call;
use worker::codes::{Class, rows};

use crate::harness::{shop::Shop, wait_for};

const PRICE: i64 = 50_000;

async fn proof(shop: &Shop, order: &str) -> Value {
    sqlx::query_scalar(
        "select p.answer from payments p join orders o on o.id = p.order_id
         where o.order_no = $1::uuid and p.payment_no = o.payment_count",
    )
    .bind(order)
    .fetch_one(&shop.database.pool)
    .await
    .unwrap()
}

fn rule(order: &str, endpoint: &str, then: &Value, times: Option<u32>) -> Value {
    let mut rule = json!({"match": {"endpoint": endpoint, "orderId": order}, "then": then});
    if let Some(times) = times {
        rule["times"] = json!(times);
    }
    rule
}

#[tokio::test]
async fn a_declined_card_gives_the_stock_back_and_another_card_pays_the_same_order() {
    let shop = Shop::start(1).await;
    let product = shop.product("Ogu T", PRICE, 1).await;
    let order = shop.order(PRICE, &[(product, 1)]).await;
    let declined = shop.authenticate_declined(&order, PRICE, "REJECT_CARD_PAYMENT").await;
    assert_eq!(shop.confirm(&order, &declined, PRICE).await.status.as_u16(), 202);
    shop.until(&order, "ABORTED").await;
    assert_eq!(shop.stock(product).await, 1, "it came back with the decline");
    assert_eq!(proof(&shop, &order).await["code"], "REJECT_CARD_PAYMENT");
    let view = shop.get(&format!("/api/v1/orders/{order}")).await.json();
    assert_eq!(
        (&view["moneyMoved"], &view["failure"]["code"]),
        (&json!(false), &json!("REJECT_CARD_PAYMENT")),
        "{view}"
    );
    assert_eq!(shop.requests(&order).await.len(), 1, "a clear refusal needs no second question");
    let again = shop.confirm(&order, &declined, PRICE).await;
    assert_eq!(again.status.as_u16(), 202, "the same confirm is the same answer: {}", again.text);
    assert_eq!(shop.status(&order).await, "ABORTED");

    let other = shop.authenticate(&order, PRICE).await;
    assert_eq!(shop.confirm(&order, &other, PRICE).await.status.as_u16(), 202);
    shop.until(&order, "DONE").await;
    assert_eq!(shop.stock(product).await, 0);
    assert_eq!(shop.approvals(&order).await, 1);
    assert_eq!(shop.causes(&order).await, ["confirm_accepted", "declined", "confirm_accepted", "toss_approved"]);
    shop.look_back().await;
    assert_eq!(shop.status(&order).await, "DONE", "a look back at the declined card changes nothing");
    shop.finish().await;
}

/// Every code of the table, answered once to a confirm that would have been approved otherwise.
#[tokio::test]
async fn every_documented_answer_to_a_confirm_ends_as_its_class_says() {
    let shop = Shop::hurried(1).await;
    let product = shop.product("Ogu T", PRICE, 1_000).await;
    let mut orders = Vec::new();
    for (code, class) in rows(Call::Confirm).iter().chain(&[("A_CODE_OF_TOMORROW", Class::Unclear)]) {
        let order = shop.order(PRICE, &[(product, 1)]).await;
        // A 409 is never kept under an Idempotency-Key, as Toss documents; any other answer is.
        let status = if *class == Class::Same { 409 } else { 400 };
        let then = json!({"kind": "error", "status": status, "code": code});
        shop.control("rules", rule(&order, "confirm", &then, Some(1))).await;
        let key = shop.authenticate(&order, PRICE).await;
        assert_eq!(shop.confirm_patiently(&order, &key, PRICE).await.status.as_u16(), 202);
        orders.push((order, *code, *class));
    }
    for (order, code, class) in &orders {
        let (status, charged) = match class {
            Class::Refused(_) => ("ABORTED", 0),
            Class::Same | Class::Absent | Class::Unclear | Class::Disguised | Class::NotNow(_) | Class::Lane => {
                ("DONE", 1)
            }
        };
        // The session of a refused one lives on at Toss, so what was too late is declined by the refusal that was kept.
        let what = format!("{code} to end {status}");
        let reached = async || match shop.status(order).await {
            now if now == status || (now == "EXPIRED" && status == "ABORTED") => Some(()),
            _ => None,
        };
        wait_for(&what, Duration::from_mins(2), reached).await;
        assert_eq!(shop.approvals(order).await, charged, "{code}");
    }
    shop.finish().await;
}

#[tokio::test]
async fn an_amount_that_was_tampered_with_in_the_window_is_never_charged() {
    let shop = Shop::start(1).await;
    let product = shop.product("Ogu T", PRICE, 1).await;
    let order = shop.order(PRICE, &[(product, 1)]).await;
    let key = shop.authenticate(&order, 100).await;
    assert_eq!(shop.confirm(&order, &key, PRICE).await.status.as_u16(), 202);
    shop.until(&order, "ABORTED").await;
    assert_eq!((shop.approvals(&order).await, shop.stock(product).await), (0, 1));
    shop.finish().await;
}

#[tokio::test]
async fn the_payment_of_another_order_does_not_pay_this_one() {
    let shop = Shop::start(1).await;
    let product = shop.product("Ogu T", PRICE, 1).await;
    // Somebody paid for something of the same shop, elsewhere, and brings that paymentKey here.
    let elsewhere = shop.authenticate("an-order-of-another-system", PRICE).await;
    let order = shop.order(PRICE, &[(product, 1)]).await;
    assert_eq!(shop.confirm(&order, &elsewhere, PRICE).await.status.as_u16(), 202);
    shop.until(&order, "ABORTED").await;
    assert_eq!(shop.stock(product).await, 1);
    shop.finish().await;
}

#[tokio::test]
async fn a_payment_key_that_toss_never_made_ends_the_payment_and_not_the_order() {
    let shop = Shop::start(1).await;
    let product = shop.product("Ogu T", PRICE, 1).await;
    let order = shop.order(PRICE, &[(product, 1)]).await;
    assert_eq!(shop.confirm(&order, "never-made-by-anybody", PRICE).await.status.as_u16(), 202);
    shop.until(&order, "ABORTED").await;
    assert_eq!(proof(&shop, &order).await["code"], "NOT_FOUND_PAYMENT");
    let key = shop.authenticate(&order, PRICE).await;
    assert_eq!(shop.confirm(&order, &key, PRICE).await.status.as_u16(), 202);
    shop.until(&order, "DONE").await;
    shop.finish().await;
}

#[tokio::test]
async fn toss_away_longer_than_the_time_to_confirm_ends_expired_with_proof_and_uncharged() {
    let shop = Shop::hurried(2).await;
    let product = shop.product("Ogu T", PRICE, 3).await;
    for endpoint in ["confirm", "query"] {
        shop.control("rules", json!({"match": {"endpoint": endpoint}, "then": {"kind": "dropBefore"}})).await;
    }
    let mut orders = Vec::new();
    for _ in 0..3 {
        orders.push(shop.accepted(PRICE, &[(product, 1)]).await);
    }
    wait_for("the time to confirm to pass", Duration::from_mins(2), async || {
        let young = "select count(*) from payments where accepted_at > now() - interval '50 seconds'";
        (shop.database.number(young).await == 0).then_some(())
    })
    .await;
    for order in &orders {
        assert_eq!(shop.status(order).await, "IN_PROGRESS", "patience is no proof");
    }
    shop.forget_rules().await;
    for order in &orders {
        shop.until(order, "EXPIRED").await;
        assert_eq!(proof(&shop, order).await["status"], "IN_PROGRESS", "what Toss showed, twice");
        assert_eq!(shop.causes(order).await, ["confirm_accepted", "not_confirmed_in_time"]);
        let posts = shop.requests(order).await.iter().filter(|request| request["method"] == "POST").count();
        assert!(posts <= 60, "{posts} confirms in the time of ten minutes");
    }
    assert_eq!(shop.stock(product).await, 3);
    let late = "select count(*) from attempts a join payments p on p.order_id = a.order_id
                where a.call = 'confirm' and a.finished_at - a.duration_ms * interval '1 ms' > p.accepted_at + interval '40 seconds'";
    assert_eq!(shop.database.number(late).await, 0, "nothing was posted after the time to confirm");
    shop.finish().await;
}

#[tokio::test]
async fn minutes_of_trouble_end_paid_inside_the_time_to_confirm() {
    let shop = Shop::hurried(1).await;
    let product = shop.product("Ogu T", PRICE, 100).await;
    let mut trouble = vec![json!({"kind": "rateLimit"}), json!({"kind": "html", "status": 502})];
    for code in ["PROVIDER_ERROR", "COMMON_ERROR", "FAILED_PAYMENT_INTERNAL_SYSTEM_PROCESSING"] {
        trouble.push(json!({"kind": "error", "status": 500, "code": code}));
    }
    for (seed, then) in trouble.iter().enumerate() {
        let chance = json!({"match": {"endpoint": "confirm", "probability": 0.5}, "seed": seed, "then": then});
        shop.control("rules", chance).await;
    }
    shop.control("rules", json!({"match": {"endpoint": "confirm"}, "then": {"kind": "dropBefore"}})).await;
    let mut orders = Vec::new();
    let mut keys = Vec::new();
    for _ in 0..30 {
        let order = shop.order(PRICE, &[(product, 1)]).await;
        keys.push(shop.authenticate(&order, PRICE).await);
        orders.push(order);
    }
    join_all(orders.iter().zip(&keys).map(|(order, key)| shop.confirm_patiently(order, key, PRICE))).await;
    // Most of the ten minutes, fifteen times as fast.
    wait_for("seven minutes", Duration::from_mins(2), async || {
        let young = "select count(*) from payments where accepted_at > now() - interval '28 seconds'";
        (shop.database.number(young).await == 0).then_some(())
    })
    .await;
    shop.forget_rules().await;
    for order in &orders {
        shop.until(order, "DONE").await;
        assert_eq!(shop.approvals(order).await, 1);
    }
    shop.finish().await;
}

#[tokio::test]
async fn a_virtual_account_waits_for_its_deposit_and_is_paid_by_it() {
    let shop = Shop::start(1).await;
    let product = shop.product("Ogu T", PRICE, 2).await;
    let order = shop.order(PRICE, &[(product, 1)]).await;
    let key = shop.authenticate_account(&order, PRICE, &json!({})).await;
    assert_eq!(shop.confirm(&order, &key, PRICE).await.status.as_u16(), 202);
    shop.until(&order, "WAITING_FOR_DEPOSIT").await;
    shop.look_back().await;
    assert_eq!(shop.status(&order).await, "WAITING_FOR_DEPOSIT");
    assert_eq!(shop.stock(product).await, 1, "held until it is paid or too late");
    shop.control("deposit", json!({"paymentKey": key})).await;
    shop.look_back().await;
    shop.until(&order, "DONE").await;
    assert_eq!(shop.causes(&order).await, ["confirm_accepted", "account_issued", "toss_approved"]);
    shop.finish().await;
}

#[tokio::test]
async fn what_was_given_back_in_tosss_own_console_before_we_knew_is_taken_over() {
    let shop = Shop::start(1).await;
    let product = shop.product("Ogu T", PRICE, 2).await;
    let order = shop.order(PRICE, &[(product, 1)]).await;
    let key = shop.authenticate(&order, PRICE).await;
    shop.control("rules", rule(&order, "confirm", &json!({"kind": "dropAfter"}), None)).await;
    shop.control("rules", rule(&order, "query", &json!({"kind": "dropBefore"}), None)).await;
    assert_eq!(shop.confirm(&order, &key, PRICE).await.status.as_u16(), 202);
    wait_for("the approval nobody heard of", Duration::from_secs(30), async || {
        (shop.approvals(&order).await == 1).then_some(())
    })
    .await;
    shop.control("cancel", json!({"paymentKey": key})).await;
    shop.forget_rules().await;
    // The repeat is answered as the first was: paid. A look back shows what became of it.
    shop.until(&order, "CANCELED").await;
    assert_eq!(shop.stock(product).await, 2);
    assert_eq!(shop.causes(&order).await.last().unwrap(), "canceled_at_toss");
    shop.finish().await;
}
