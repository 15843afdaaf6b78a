//! Workers that stand still for longer than they may, and then go on as if nothing had been.

use std::time::Duration;

use serde_json::json;

use super::{worker, worker_with};
use crate::harness::{process::Process, shop::Shop, wait_for};

const PRICE: i64 = 50_000;

async fn until_leased_no_more(shop: &Shop) {
    wait_for("the lease to run out", Duration::from_secs(30), async || {
        (shop.database.number("select count(*) from outbox where lease_until > now()").await == 0).then_some(())
    })
    .await;
}

async fn ends(worker: &mut Process) {
    worker.signal("TERM").await;
    assert!(worker.ended().await);
}

#[tokio::test]
async fn an_answer_that_is_heard_after_the_lease_is_gone_changes_nothing_but_its_own_row() {
    let mut shop = Shop::hurried(0).await;
    let product = shop.product("Ogu T", PRICE, 1).await;
    shop.control("rules", json!({"match": {"endpoint": "confirm"}, "times": 1, "then": {"kind": "hold"}})).await;
    let mut zombie = worker(&shop, None).await;
    let order = shop.accepted(PRICE, &[(product, 1)]).await;
    wait_for("Toss to hold the answer", Duration::from_secs(30), async || {
        (shop.approvals(&order).await == 1).then_some(())
    })
    .await;
    zombie.signal("STOP").await;
    until_leased_no_more(&shop).await;
    shop.add_worker().await;
    shop.until(&order, "DONE").await;
    let causes = shop.causes(&order).await;
    shop.forget_rules().await;
    zombie.signal("CONT").await;
    wait_for("the zombie's attempt", Duration::from_secs(30), async || {
        (shop.database.number("select count(*) from attempts where stale").await == 1).then_some(())
    })
    .await;
    // What was repeated is looked at once more, maybe before the zombie speaks.
    assert_eq!(shop.database.number("select count(*) from attempts where call = 'confirm'").await, 2);
    assert_eq!((shop.approvals(&order).await, shop.causes(&order).await), (1, causes));
    assert_eq!(shop.stock(product).await, 0);
    ends(&mut zombie).await;
    shop.finish().await;
}

/// Frozen between the claim and the call for longer than the time to confirm. Nobody else works meanwhile.
async fn frozen_at(place: &str) {
    let shop = Shop::hurried_by(60, 0).await;
    let product = shop.product("Ogu T", PRICE, 1).await;
    let folder = tempfile::tempdir().unwrap();
    let go_on = folder.path().join("go-on");
    let settings = [("HANBEON_STOP_AT", place), ("HANBEON_GO_ON", go_on.to_str().unwrap())];
    let mut frozen = worker_with(&shop, &settings).await;
    let order = shop.accepted(PRICE, &[(product, 1)]).await;
    frozen.stopped_at(place).await;
    frozen.signal("STOP").await;
    std::fs::write(&go_on, "").unwrap();
    wait_for("the time to confirm to pass", Duration::from_mins(1), async || {
        let young = "select count(*) from payments where accepted_at > now() - interval '10 seconds'";
        (shop.database.number(young).await == 0).then_some(())
    })
    .await;
    frozen.signal("CONT").await;
    shop.until(&order, "EXPIRED").await;
    let posts = shop.requests(&order).await.iter().filter(|request| request["method"] == "POST").count();
    assert_eq!((posts, shop.approvals(&order).await), (0, 0), "{place}: posted after the time to confirm");
    assert_eq!(shop.stock(product).await, 1);
    ends(&mut frozen).await;
    shop.finish().await;
}

#[tokio::test]
async fn a_worker_frozen_right_after_its_claim_posts_nothing_after_the_time_to_confirm() {
    frozen_at("AfterClaim").await;
}

#[tokio::test]
async fn a_worker_frozen_right_before_it_decides_what_to_call_posts_nothing_after_the_time_to_confirm() {
    frozen_at("BeforeAttempt").await;
}

/// An order whose decline hid an approval, and a worker that is frozen while it writes that down, holding locks.
async fn frozen_while_it_reconciles(step: &str) {
    let shop = Shop::hurried_by(4, 0).await;
    let product = shop.product("Ogu T", PRICE, 5).await;
    let lie = json!({"kind": "errorAfter", "status": 403, "code": "REJECT_CARD_PAYMENT"});
    shop.control("rules", json!({"match": {"endpoint": "confirm"}, "times": 1, "then": lie})).await;
    let place = format!("InReconcile/query/{step}");
    let folder = tempfile::tempdir().unwrap();
    let go_on = folder.path().join("go-on");
    let settings = [("HANBEON_STOP_AT", place.as_str()), ("HANBEON_GO_ON", go_on.to_str().unwrap())];
    let mut frozen = worker_with(&shop, &settings).await;
    let order = shop.accepted(PRICE, &[(product, 1)]).await;
    shop.until(&order, "ABORTED").await;
    let other = shop.order(PRICE, &[(product, 1)]).await;
    let key = shop.authenticate(&other, PRICE).await;
    shop.database.execute("update payments set check_at = now()").await;
    frozen.stopped_at(&place).await;
    frozen.signal("STOP").await;
    std::fs::write(&go_on, "").unwrap();
    // The api gives up a lock after half a second, and whoever confirms repeats it. One of these tries gets the lock while the
    // worker is still frozen.
    wait_for(&format!("{step}: another confirm of the product"), Duration::from_secs(4), async || {
        let confirmed = shop.confirm(&other, &key, PRICE).await;
        assert!(matches!(confirmed.status.as_u16(), 202 | 503), "{step}: {}", confirmed.text);
        (confirmed.status.as_u16() == 202).then_some(())
    })
    .await;
    frozen.signal("CONT").await;
    for order in [&order, &other] {
        shop.until(order, "DONE").await;
    }
    assert_eq!(shop.stock(product).await, 3);
    assert_eq!(shop.causes(&order).await, ["confirm_accepted", "declined", "late_approval"]);
    ends(&mut frozen).await;
    shop.finish().await;
}

#[tokio::test]
async fn a_worker_frozen_between_any_two_statements_of_a_transaction_holds_up_nobody_for_long() {
    for step in ["order", "products", "intent", "stock", "all"] {
        frozen_while_it_reconciles(step).await;
    }
}
