//! An order's changes, told live: each once, in order, soon, and to those alone who know the order.

#[cfg(feature = "browser")]
mod browser;
mod limits;
mod outage;

use std::time::{Duration, Instant};

use devstack::part::Part;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::{
    accepting::{log_length, statements},
    harness::{
        database,
        events::Event,
        shop::{SERVER_KEY, Shop},
        wait_for,
    },
};

const PRICE: i64 = 10_000;
/// From the commit to the stream.
const SOON: Duration = Duration::from_secs(2);

fn told(events: &[Event]) -> Vec<&str> {
    events.iter().map(Event::to).collect()
}

/// Another api takes the place of the shop's, which is returned.
pub(crate) async fn another_api(shop: &mut Shop, more: &[(&str, &str)]) -> Part {
    let env = shop.env(more);
    let former = std::mem::replace(&mut shop.api, Part::api(env).await.unwrap());
    let (api, simulator) = (shop.api.addr().to_string(), shop.simulator.addr().to_string());
    shop.point_at(&api, &simulator);
    former
}

async fn refund(shop: &Shop, order: &str, amount: Option<i64>) {
    let bearer = format!("Bearer {SERVER_KEY}");
    let key = format!("{order}-{amount:?}");
    let headers = [("authorization", bearer.as_str()), ("idempotency-key", &key)];
    let mut body = json!({"cancelReason": "단순 변심"});
    if let Some(amount) = amount {
        body["cancelAmount"] = json!(amount);
    }
    let path = format!("/api/v1/orders/{order}/cancel");
    let asked = shop.send(reqwest::Method::POST, &path, Some(body), &headers).await;
    assert_eq!(asked.status, StatusCode::ACCEPTED, "{}", asked.text);
}

#[tokio::test]
async fn every_change_is_told_once_in_order_and_within_two_seconds() {
    let mut shop = Shop::start(0).await;
    let product = shop.product("Ogu T", PRICE, 10).await;
    let order = shop.order(PRICE, &[(product, 1)]).await;
    let mut stream = shop.events(&order, &[]).await;
    assert_eq!(stream.next_of_any_kind().await.unwrap().name, "retry", "a client is told when to come back");
    let first = stream.next().await.unwrap();
    assert_eq!((first.name.as_str(), first.id, first.to()), ("status", Some(0), "READY"));
    assert_eq!((&first.data["status"], &first.data["moneyMoved"]), (&json!("READY"), &json!(false)));

    let key = shop.authenticate(&order, PRICE).await;
    assert_eq!(shop.confirm(&order, &key, PRICE).await.status, StatusCode::ACCEPTED);
    let committed = Instant::now();
    let confirming = stream.next().await.unwrap();
    assert!(committed.elapsed() < SOON, "{:?}", committed.elapsed());
    assert_eq!((confirming.to(), &confirming.data["moneyMoved"]), ("IN_PROGRESS", &Value::Null));
    assert_eq!((&confirming.data["from"], &confirming.data["cause"]), (&json!("READY"), &json!("confirm_accepted")));

    shop.add_worker().await;
    shop.until(&order, "DONE").await;
    let committed = Instant::now();
    let paid = stream.next().await.unwrap();
    assert!(committed.elapsed() < SOON, "{:?}", committed.elapsed());
    assert_eq!((paid.to(), &paid.data["status"], &paid.data["moneyMoved"]), ("DONE", &json!("DONE"), &json!(true)));
    assert!(paid.id > confirming.id && confirming.id > first.id);
    let end = stream.next().await.unwrap();
    assert_eq!((end.name.as_str(), &end.data), ("end", &json!({"status": "DONE", "moneyMoved": true})));
    assert_eq!(stream.next().await, None, "nothing follows the end");

    // What the stream told is the timeline.
    let view = shop.get(&format!("/api/v1/orders/{order}")).await.json();
    let timeline: Vec<Value> = [&confirming, &paid]
        .iter()
        .map(|event| {
            let mut data = event.data.clone();
            data.as_object_mut().unwrap().retain(|name, _| name != "status" && name != "moneyMoved");
            data
        })
        .collect();
    assert_eq!(view["timeline"], json!(timeline));
    shop.finish().await;
}

#[tokio::test]
async fn who_comes_back_is_told_what_was_missed_and_nothing_twice() {
    let shop = Shop::start(1).await;
    let product = shop.product("Ogu T", PRICE, 10).await;
    let order = shop.accepted(PRICE, &[(product, 1)]).await;
    let other = shop.accepted(PRICE, &[(product, 1)]).await;
    shop.until(&order, "DONE").await;
    shop.until(&other, "DONE").await;

    let from_the_start = shop.events(&order, &[("last-event-id", "0")]).await.rest().await;
    assert_eq!(told(&from_the_start), ["IN_PROGRESS", "DONE", "end"]);
    let ids: Vec<String> = from_the_start.iter().filter_map(|event| event.id).map(|id| id.to_string()).collect();
    let from_the_first = shop.events(&order, &[("last-event-id", &ids[0])]).await.rest().await;
    assert_eq!(from_the_first, from_the_start[1..]);
    let from_the_last = shop.no_events(&order, &[("last-event-id", &ids[1])]).await;
    assert_eq!(from_the_last.status, StatusCode::NO_CONTENT, "all was told: a browser must not come back");

    // Where we gave out no such id for this order, the order is told as to somebody new.
    let others = shop.events(&other, &[("last-event-id", "0")]).await.rest().await;
    let others = others.iter().find_map(|event| event.id).unwrap().to_string();
    for id in [others.as_str(), "", "-1", "999999999", "9999999999999999999999", "nonsense", "1; drop"] {
        let told_new = shop.events(&order, &[("last-event-id", id)]).await.rest().await;
        assert_eq!(told_new, from_the_start[1..], "{id}");
    }
    shop.finish().await;
}

#[tokio::test]
async fn a_stream_that_breaks_off_goes_on_where_it_was() {
    let mut shop = Shop::start(0).await;
    let product = shop.product("Ogu T", PRICE, 10).await;
    let order = shop.order(PRICE, &[(product, 1)]).await;
    let mut stream = shop.events(&order, &[]).await;
    let seen = stream.next().await.unwrap().id.unwrap().to_string();
    drop(stream);
    let key = shop.authenticate(&order, PRICE).await;
    shop.confirm(&order, &key, PRICE).await;
    let stream = shop.events(&order, &[("last-event-id", &seen)]).await;
    shop.add_worker().await;
    assert_eq!(told(&stream.rest().await), ["IN_PROGRESS", "DONE", "end"]);
    shop.finish().await;
}

#[tokio::test]
async fn a_refund_is_told_from_its_request_to_its_end() {
    let mut shop = Shop::start(1).await;
    let product = shop.product("Ogu T", PRICE, 10).await;
    let order = shop.accepted(PRICE, &[(product, 1)]).await;
    shop.until(&order, "DONE").await;
    let paid = shop.events(&order, &[]).await.rest().await;
    assert_eq!(told(&paid), ["DONE", "end"]);
    let seen = paid[0].id.unwrap().to_string();
    shop.stop_workers().await;

    refund(&shop, &order, Some(4_000)).await;
    let mut stream = shop.events(&order, &[("last-event-id", &seen)]).await;
    let requested = stream.next().await.unwrap();
    assert_eq!((requested.to(), &requested.data["cause"]), ("DONE", &json!("refund_requested")));
    shop.add_worker().await;
    let rest = stream.rest().await;
    assert_eq!(told(&rest), ["PARTIAL_CANCELED", "end"]);
    assert_eq!(rest[0].data["cause"], "refunded_in_part");

    refund(&shop, &order, None).await;
    let rest = shop.events(&order, &[("last-event-id", &rest[0].id.unwrap().to_string())]).await.rest().await;
    assert_eq!(told(&rest), ["PARTIAL_CANCELED", "CANCELED", "end"]);
    assert_eq!(rest[1].data["moneyMoved"], false);
    shop.finish().await;
}

#[tokio::test]
async fn many_who_watch_many_orders_are_each_told_of_their_own_alone() {
    let mut shop = Shop::start(0).await;
    let product = shop.product("Ogu T", PRICE, 100).await;
    let mut streams = Vec::new();
    for _ in 0..6 {
        let order = shop.order(PRICE, &[(product, 1)]).await;
        for _ in 0..2 {
            streams.push((order.clone(), shop.events(&order, &[]).await));
        }
    }
    for (order, _) in streams.iter().step_by(4) {
        let key = shop.authenticate(order, PRICE).await;
        shop.confirm(order, &key, PRICE).await;
    }
    for (at, (order, stream)) in streams.iter_mut().enumerate() {
        assert_eq!(stream.next().await.unwrap().to(), "READY", "{order}");
        if at % 4 < 2 {
            assert_eq!(stream.next().await.unwrap().to(), "IN_PROGRESS", "{order}");
        }
    }
    // Those whose orders did not move are told nothing, until ours end with the process.
    let api = another_api(&mut shop, &[]).await;
    api.handle().request();
    for (order, stream) in streams {
        assert_eq!(stream.rest().await, [], "{order}");
    }
    shop.finish_with_live_intents().await;
}

/// Ids are given out before they are committed: whoever looks for "newer than the newest that anybody saw" loses the event
/// of a transaction that was slow.
#[tokio::test]
async fn an_event_that_is_committed_after_newer_ones_of_other_orders_is_told_too() {
    let shop = Shop::start(0).await;
    let product = shop.product("Ogu T", PRICE, 10).await;
    let (slow, fast) = (shop.order(PRICE, &[(product, 1)]).await, shop.order(PRICE, &[(product, 1)]).await);
    let (mut slow_stream, mut fast_stream) = (shop.events(&slow, &[]).await, shop.events(&fast, &[]).await);
    slow_stream.next().await.unwrap();
    fast_stream.next().await.unwrap();
    let ended = format!(
        "with moved as (update orders set status = 'EXPIRED' where order_no = '{slow}' returning id)
         insert into order_events (order_id, from_status, to_status, cause, actor)
         select id, 'READY', 'EXPIRED', 'not_paid_in_time', 'worker' from moved"
    );
    let mut transaction = shop.database.pool.begin().await.unwrap();
    sqlx::query(sqlx::AssertSqlSafe(ended)).execute(&mut *transaction).await.unwrap();
    let key = shop.authenticate(&fast, PRICE).await;
    shop.confirm(&fast, &key, PRICE).await;
    let newer = fast_stream.next().await.unwrap();
    assert_eq!(newer.to(), "IN_PROGRESS", "this stream stays, and has shown a newer event");
    transaction.commit().await.unwrap();
    let older = slow_stream.next().await.unwrap();
    assert_eq!(older.to(), "EXPIRED");
    assert!(older.id < newer.id, "the case that this story is about");
    shop.finish_with_live_intents().await;
}

#[tokio::test]
async fn nothing_is_asked_of_the_database_while_nobody_watches_and_one_thing_for_all_who_do() {
    let (server, database) = database::own_server().await;
    database.execute("alter database hanbeon set log_statement = 'all'").await;
    let log = server.log_path();
    let shop = Shop::on(database, 0).await;
    let product = shop.product("Ogu T", PRICE, 100).await;
    let mut orders = Vec::new();
    for _ in 0..5 {
        orders.push(shop.order(PRICE, &[(product, 1)]).await);
    }
    let looks = |from| {
        let counts = statements(&log, from);
        counts.iter().filter(|(text, _)| text.contains("Which of the orders")).map(|(_, count)| count).sum::<usize>()
    };
    let mut streams = Vec::new();
    for order in orders.iter().cycle().take(15) {
        streams.push(shop.events(order, &[]).await);
    }
    let (from, begun) = (log_length(&log), Instant::now());
    wait_for("four looks", Duration::from_secs(20), async || (looks(from) >= 4).then_some(())).await;
    let (seen, possible) = (looks(from), begun.elapsed().as_millis() / 500 + 1);
    assert!(u128::try_from(seen).unwrap() <= possible, "15 streams cost {seen} looks in {:?}", begun.elapsed());
    drop(streams);
    // Two seconds without one, where there were four.
    wait_for("nobody to look", Duration::from_secs(30), async || {
        let from = log_length(&log);
        tokio::time::sleep(Duration::from_secs(2)).await; // the time that is looked at
        let counts = statements(&log, from);
        counts.is_empty().then_some(())
    })
    .await;
    shop.finish().await;
    server.stop().await.unwrap();
}

#[tokio::test]
async fn without_a_stream_the_page_itself_converges() {
    let mut shop = Shop::start(0).await;
    let product = shop.product("Ogu T", PRICE, 10).await;
    let order = shop.accepted(PRICE, &[(product, 1)]).await;
    let path = format!("/order/{order}");
    let page = shop.get(&path).await;
    let newest = page.text.split("data-newest=\"").nth(1).unwrap().split('"').next().unwrap();
    let first = shop.events(&order, &[]).await.next().await.unwrap();
    assert_eq!(first.id.unwrap().to_string(), newest, "the page knows what the stream will tell it first");
    assert!(page.text.contains(&format!("data-events=\"/api/v1/orders/{order}/events\"")), "{}", page.text);
    assert!(page.text.contains("<noscript><meta http-equiv=\"refresh\" content=\"2\"></noscript>"), "{}", page.text);
    let policy = page.header("content-security-policy");
    assert!(policy.contains("script-src 'self';") && policy.contains("connect-src 'self';"), "{policy}");
    shop.add_worker().await;
    shop.until(&order, "DONE").await;
    let paid = shop.get(&path).await;
    assert!(paid.text.contains("결제되었습니다") && !paid.text.contains("data-events"), "{}", paid.text);
    assert!(!paid.text.contains("http-equiv=\"refresh\""), "{}", paid.text);
    shop.finish().await;
}
