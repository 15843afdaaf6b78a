//! The way into REVIEW: only because of what Toss says of that very payment, or because it is silent about it while it answers
//! about others. Never by a fault of our key, an allowance that is used up, an outage, or half a proof.

use serde_json::{Value, json};
use shared::order::ProductId;

use super::{LIMIT, PRICE, times, wait_for};
use crate::{harness::shop::Shop, refunds::reason};

const DIVISOR: i64 = 15;
const CONFIRM: &str = "/v1/payments/confirm";

fn confirm_of(order: &str, key: &str) -> Value {
    json!({"paymentKey": key, "orderId": order, "amount": PRICE})
}

/// A shop whose secret has shown a payment of its merchant, and whose workers are away.
async fn known_shop(stock: i64) -> (Shop, ProductId) {
    let mut shop = Shop::hurried(1).await;
    // Toss is asked and answers on behalf of nobody of ours here and there.
    shop.lost_attempts_allowed = true;
    let product = shop.product("Ogu T", PRICE, stock + 1).await;
    let first = shop.accepted(PRICE, &[(product, 1)]).await;
    shop.until(&first, "DONE").await;
    shop.stop_workers().await;
    (shop, product)
}

/// An accepted confirm, and its paymentKey.
async fn accepted(shop: &Shop, product: ProductId) -> (String, String) {
    let order = shop.one(product).await;
    let key = shop.authenticate(&order, PRICE).await;
    assert_eq!(shop.confirm_patiently(&order, &key, PRICE).await.status.as_u16(), 202);
    (order, key)
}

async fn calls(shop: &Shop) -> i64 {
    // Those about a payment, and those about a secret.
    let calls = "select (select count(*) from attempts) + (select coalesce(sum(checks), 0) from lanes)";
    shop.database.number(calls).await
}

/// Waits for so many more calls, of which none ends anything.
async fn after_calls(shop: &Shop, more: i64) {
    let before = calls(shop).await;
    let ended = "select count(*) from orders where status not in ('DONE', 'IN_PROGRESS')";
    wait_for("more calls", LIMIT, async || {
        assert_eq!(shop.database.number(ended).await, 0, "orders ended: {}", ends(shop).await);
        (calls(shop).await >= before + more).then_some(())
    })
    .await;
}

/// How orders ended that were being confirmed.
async fn ends(shop: &Shop) -> String {
    let sql = "select coalesce(string_agg(to_status || ' ' || cause, ', '), '') from order_events
               where to_status not in ('DONE', 'IN_PROGRESS')";
    sqlx::query_scalar(sql).fetch_one(&shop.database.pool).await.unwrap()
}

async fn reviews(shop: &Shop) -> i64 {
    shop.database.number("select count(*) from order_events where to_status = 'REVIEW'").await
}

/// What the order ends as once our secret is taken again.
#[derive(Clone, Copy, Debug)]
enum Fate {
    Charged,
    NeverCharged,
    Declined,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_that_toss_does_not_take_fails_nobody_for_however_long_and_the_right_one_ends_all() {
    for code in [None, Some("INVALID_API_KEY"), Some("INCORRECT_BASIC_AUTH_FORMAT")] {
        let (mut shop, product) = known_shop(6).await;
        let rotated = shop.control("merchants/rotate", json!({"clientKey": simulator::DEFAULT_CLIENT_KEY})).await;
        let secret = rotated["secretKey"].as_str().unwrap();
        let fates = [Fate::Charged, Fate::NeverCharged, Fate::Declined, Fate::Charged, Fate::NeverCharged];
        let mut orders = Vec::new();
        for fate in fates {
            let order = shop.one(product).await;
            let key = match fate {
                Fate::Charged | Fate::NeverCharged => shop.authenticate(&order, PRICE).await,
                Fate::Declined => shop.authenticate_declined(&order, PRICE, "REJECT_CARD_PAYMENT").await,
            };
            assert_eq!(shop.confirm_patiently(&order, &key, PRICE).await.status.as_u16(), 202);
            match fate {
                Fate::Charged | Fate::Declined => {
                    drop(shop.post_to_toss(secret, CONFIRM, confirm_of(&order, &key)).await);
                }
                Fate::NeverCharged => {}
            }
            orders.push((order, fate));
        }
        match code {
            None => drop(shop.control("merchants/revoke", json!({"secretKey": simulator::DEFAULT_SECRET_KEY})).await),
            Some(code) => {
                for endpoint in ["confirm", "query"] {
                    let then = json!({"kind": "error", "status": 401, "code": code});
                    shop.control("rules", json!({"match": {"endpoint": endpoint}, "then": then})).await;
                }
            }
        }
        shop.add_worker().await;
        after_calls(&shop, 2).await;
        shop.age("25 hours").await;
        // Each would have gone into review at a probe of its own.
        after_calls(&shop, 10).await;
        for (order, fate) in &orders {
            assert_eq!(shop.status(order).await, "IN_PROGRESS", "{code:?}, {fate:?}: it is the key's fault");
        }
        assert_eq!((reviews(&shop).await, shop.stock(product).await), (0, 1));
        shop.audit_now().await;

        shop.stop_workers().await;
        shop.forget_rules().await;
        shop.add_worker_with(&[("TOSS_SECRET_KEY", secret)]).await;
        shop.due_now().await;
        for (order, fate) in &orders {
            let ends = match fate {
                Fate::Charged => "DONE",
                Fate::NeverCharged => "EXPIRED",
                Fate::Declined => "ABORTED",
            };
            shop.until(order, ends).await;
            shop.audit_now().await;
        }
        assert_eq!((reviews(&shop).await, shop.stock(product).await), (0, 4));
        shop.finish().await;
    }
}

/// The workers were away for more than a day, and the first lookup meets something.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_first_lookup_that_tells_nothing_after_a_day_is_followed_by_another() {
    let answers = [
        json!({"kind": "rateLimit"}),
        json!({"kind": "rateLimit", "retryAfterSeconds": 1}),
        json!({"kind": "html", "status": 502}),
        json!({"kind": "html", "status": 403}),
        json!({"kind": "dropBefore"}),
        json!({"kind": "dropAfter"}),
        json!({"kind": "truncate"}),
        json!({"kind": "error", "status": 500, "code": "FAILED_PAYMENT_INTERNAL_SYSTEM_PROCESSING"}),
        json!({"kind": "error", "status": 403, "code": "FORBIDDEN_CONSECUTIVE_REQUEST"}),
        json!({"kind": "error", "status": 400, "code": "A_CODE_OF_TOMORROW"}),
        json!({"kind": "stale", "seconds": 86_400}),
        json!({"kind": "stale", "seconds": 86_400, "shows": "before"}),
    ];
    let stock = i64::try_from(answers.len()).unwrap();
    let (mut shop, product) = known_shop(stock).await;
    let mut orders = Vec::new();
    for then in &answers {
        let (order, key) = accepted(&shop, product).await;
        let charged = shop.post_to_toss(simulator::DEFAULT_SECRET_KEY, CONFIRM, confirm_of(&order, &key)).await;
        assert_eq!(charged["status"], "DONE", "{charged}");
        shop.rule("query", &order, then.clone(), Some(1)).await;
        orders.push((order, then.to_string()));
    }
    shop.age("25 hours").await;
    shop.add_worker().await;
    for (order, shown) in &orders {
        wait_for(shown, LIMIT, async || (shop.status(order).await != "IN_PROGRESS").then_some(())).await;
        assert_eq!(shop.causes(order).await, ["confirm_accepted", "toss_approved"], "{shown}");
        shop.audit_now().await;
    }
    assert_eq!(shop.stock(product).await, 0);
    shop.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_lookups_that_show_nothing_after_a_day_are_a_minute_apart_and_expire_the_order() {
    let (mut shop, product) = known_shop(3).await;
    let junk = shop.one(product).await;
    assert_eq!(shop.confirm_patiently(&junk, "never-made-by-anybody", PRICE).await.status.as_u16(), 202);
    let (unpaid, _) = accepted(&shop, product).await;
    let interrupted = accepted(&shop, product).await.0;
    // The second lookup tells nothing; the proof is then half complete, which is no reason either.
    let html = json!({"match": {"endpoint": "query", "orderId": interrupted, "nth": 2}, "then": {"kind": "html", "status": 502}});
    shop.control("rules", html).await;
    shop.age("25 hours").await;
    shop.add_worker().await;
    for order in [&junk, &unpaid, &interrupted] {
        shop.until(order, "EXPIRED").await;
        shop.audit_now().await;
        assert_eq!(shop.causes(order).await, ["confirm_accepted", "not_confirmed_in_time"]);
        let sql = format!(
            "select (extract(epoch from max(a.finished_at) - min(a.finished_at)) * 1000)::bigint
             from attempts a join orders o on o.id = a.order_id
             where o.order_no = '{order}' and a.call = 'query' and a.http_status <> 502"
        );
        let apart = shop.database.number(&sql).await;
        assert!(apart >= times::BETWEEN_LOOKUPS / DIVISOR - 200, "{apart} ms between the two");
    }
    assert_eq!(shop.stock(product).await, 3);
    shop.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn silence_about_one_payment_for_a_day_while_others_are_answered_is_a_review() {
    let (mut shop, product) = known_shop(1_000).await;
    let (silent, key) = accepted(&shop, product).await;
    let charged = shop.post_to_toss(simulator::DEFAULT_SECRET_KEY, CONFIRM, confirm_of(&silent, &key)).await;
    assert_eq!(charged["status"], "DONE", "{charged}");
    for endpoint in ["confirm", "query"] {
        shop.rule(endpoint, &silent, json!({"kind": "dropBefore"}), None).await;
    }
    shop.add_worker().await;
    shop.age("11 minutes").await;
    // Others are answered meanwhile, so the key is open and Toss is there.
    let others_are_answered = async || {
        let other = shop.accepted(PRICE, &[(product, 1)]).await;
        shop.until(&other, "DONE").await;
        shop.due_now().await;
    };
    wait_for("its silence to be noted", LIMIT, async || {
        others_are_answered().await;
        let since = "select count(*) from payments where no_answer_since is not null";
        (shop.database.number(since).await == 1).then_some(())
    })
    .await;
    assert_eq!(shop.status(&silent).await, "IN_PROGRESS");
    shop.age("25 hours").await;
    wait_for("the review", LIMIT, async || {
        others_are_answered().await;
        (shop.status(&silent).await == "REVIEW").then_some(())
    })
    .await;
    assert_eq!(shop.causes(&silent).await, ["confirm_accepted", "no_answer_about_this_payment"]);
    assert_eq!(shop.of_order(&silent, "o.review_holds_stock::int::bigint").await, 1);
    shop.audit_now().await;
    shop.forget_rules().await;
    shop.look_at(&key).await;
    shop.until(&silent, "DONE").await;
    shop.audit_now().await;
    shop.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outage_of_toss_is_no_silence_about_a_payment_however_long_it_lasts() {
    for then in [json!({"kind": "dropBefore"}), json!({"kind": "html", "status": 502}), json!({"kind": "rateLimit"})] {
        let (mut shop, product) = known_shop(4).await;
        let mut charged = Vec::new();
        for _ in 0..2 {
            let (order, key) = accepted(&shop, product).await;
            shop.post_to_toss(simulator::DEFAULT_SECRET_KEY, CONFIRM, confirm_of(&order, &key)).await;
            charged.push(order);
        }
        let uncharged = [accepted(&shop, product).await.0, accepted(&shop, product).await.0];
        for endpoint in ["confirm", "query"] {
            shop.control("rules", json!({"match": {"endpoint": endpoint}, "then": then})).await;
        }
        shop.add_worker().await;
        after_calls(&shop, 2).await;
        shop.age("25 hours").await;
        after_calls(&shop, 3).await;
        shop.age("25 hours").await;
        after_calls(&shop, 3).await;
        assert_eq!((reviews(&shop).await, shop.stock(product).await), (0, 0), "{then}");
        shop.forget_rules().await;
        shop.due_now().await;
        for (orders, ends) in [(charged.as_slice(), "DONE"), (uncharged.as_slice(), "EXPIRED")] {
            for order in orders {
                shop.until(order, ends).await;
            }
        }
        shop.audit_now().await;
        assert_eq!((reviews(&shop).await, shop.stock(product).await), (0, 2), "{then}");
        shop.finish().await;
    }
}

/// Nobody of ours has ever seen a payment under this secret: what it does not find is no proof.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_merchants_secret_under_load_fails_nobody_and_with_the_right_one_all_are_paid() {
    let absent = ["NOT_FOUND_PAYMENT", "NOT_FOUND_PAYMENT_SESSION"];
    for code in [None, Some(absent[0]), Some(absent[1])] {
        let (mut shop, product) = known_shop(24).await;
        let other = shop.control("merchants", json!({"merchantId": "tother"})).await;
        let wrong = other["keys"][0]["secretKey"].as_str().unwrap();
        // What an earlier worker sent under the right secret, and Toss approved, is asked about under the wrong one.
        let (sent, key) = accepted(&shop, product).await;
        let charged = shop.post_to_toss(simulator::DEFAULT_SECRET_KEY, CONFIRM, confirm_of(&sent, &key)).await;
        assert_eq!(charged["status"], "DONE", "{charged}");
        shop.database
            .execute(&format!(
                "update payments set ask_first = true, sent_with = null, accepted_at = now() - interval '2 minutes'
                 where payment_key = '{key}'"
            ))
            .await;
        let mut orders = vec![sent];
        // It is not known how Toss answers a confirm of another merchant's payment.
        if let Some(code) = code {
            let then = json!({"kind": "error", "status": 404, "code": code});
            shop.control("rules", json!({"match": {"endpoint": "confirm"}, "then": then})).await;
        }
        for _ in 0..2 {
            shop.add_worker_with(&[("TOSS_SECRET_KEY", wrong)]).await;
        }
        for _ in 0..12 {
            orders.push(shop.accepted(PRICE, &[(product, 1)]).await);
        }
        // Enough for two lookups of one payment, each at its distance.
        after_calls(&shop, 30).await;
        for order in &orders {
            assert_eq!(shop.status(order).await, "IN_PROGRESS", "{code:?}: {:?}", shop.causes(order).await);
        }
        shop.audit_now().await;
        shop.stop_workers().await;
        shop.forget_rules().await;
        shop.add_worker().await;
        shop.database.execute("update payments set accepted_at = now() where status = 'IN_PROGRESS'").await;
        shop.due_now().await;
        for order in &orders {
            shop.until(order, "DONE").await;
            assert_eq!(shop.approvals(order).await, 1);
        }
        shop.audit_now().await;
        shop.finish().await;
    }
}

/// As a webhook has it asked about again, which Toss sends when an account is closed.
#[tokio::test]
async fn an_account_that_was_closed_at_our_word_is_no_contradiction_when_it_is_looked_at_again() {
    let shop = Shop::hurried(1).await;
    let product = shop.product("Ogu T", PRICE, 1).await;
    let order = shop.one(product).await;
    shop.waiting_for_deposit(&order).await;
    shop.refunding(&order, "close", reason()).await;
    shop.until(&order, "CANCELED").await;
    shop.until_outbox_is_empty().await;
    // Later than an answer could be older than the closing.
    shop.database.execute("update order_events set at = at - interval '10 minutes'").await;
    shop.database.execute("update payments set check_at = now()").await;
    shop.look_back().await;
    assert_eq!(shop.causes(&order).await.last().unwrap(), "account_closed");
    assert_eq!((shop.status(&order).await.as_str(), shop.stock(product).await), ("CANCELED", 1));
    shop.audit_now().await;
    shop.finish().await;
}
