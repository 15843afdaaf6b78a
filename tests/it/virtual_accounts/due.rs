//! Around the due time.

use super::{Duration, PRICE, STOCK, Shop, Story, clock, json, wait_for};
use crate::harness::shop::answered;

#[tokio::test]
async fn a_deposit_at_the_due_second_is_in_time() {
    let shop = Shop::hurried(1).await;
    // Held from before the account is issued: an hour later it is that second, and no part of one more.
    shop.control("clock", json!({"frozen": true})).await;
    let story = Story::with(shop, STOCK, json!({"validHours": 1})).await;
    story.stop_clock_after_due(0).await;
    story.deposit().await;
    story.let_the_clock_go_on(1).await;
    story.shop.look_back().await;
    assert_eq!((story.status().await.as_str(), story.stock().await), ("DONE", STOCK - 1));
    assert_eq!(story.causes().await, ["toss_approved"]);
    story.end().await;
}

#[tokio::test]
async fn a_due_time_that_passes_unpaid_is_noticed_at_once_and_the_stock_is_back() {
    let story = Story::due_in(Shop::hurried(1).await, 6).await;
    // The next look was planned by the due time, not by the pace of looks.
    let planned = "select count(*) from payments where check_at > now() + interval '9 seconds'";
    assert_eq!(story.shop.database.number(planned).await, 0);
    story.until("EXPIRED").await;
    assert_eq!((story.stock().await, story.held().await), (STOCK, 0));
    assert_eq!(story.causes().await, ["deposit_too_late"]);
    let late = "select extract(epoch from e.at - (p.answer #>> '{virtualAccount,dueDate}')::timestamptz)::bigint
                from order_events e join payments p on p.order_id = e.order_id where e.to_status = 'EXPIRED'";
    let late = story.shop.database.number(late).await;
    assert!((0..=20).contains(&late), "noticed after {late} seconds, fifteen times as fast as in earnest");
    let page = story.page("en").await;
    assert!(page.contains("Expired without a deposit") && page.contains("No money has moved"), "{page}");
    // And then it is looked at again after a while, for a deposit that is known late.
    let later = "select count(*) from payments where check_at > now() + interval '10 minutes'";
    assert_eq!(story.shop.database.number(later).await, 1);
    story.end().await;
}

#[tokio::test]
async fn only_toss_says_that_a_due_time_is_over() {
    let shop = Shop::hurried(1).await;
    // Toss's clock stands still; ours goes on.
    shop.control("clock", json!({"frozen": true})).await;
    let story = Story::due_in(shop, 2).await;
    wait_for("several looks after the due time", Duration::from_mins(1), async || {
        let after = "select count(*) from attempts a join payments p on p.order_id = a.order_id
                     where a.call = 'query' and a.finished_at > (p.answer #>> '{virtualAccount,dueDate}')::timestamptz";
        assert_eq!(story.status().await, "WAITING_FOR_DEPOSIT", "our clock decides nothing");
        (story.shop.database.number(after).await >= 3).then_some(())
    })
    .await;
    assert_eq!((story.status().await.as_str(), story.stock().await), ("WAITING_FOR_DEPOSIT", STOCK - 1));
    let page = story.page("en").await;
    assert!(page.contains("The time to deposit is over") && page.contains("http-equiv=\"refresh\""), "{page}");
    story.let_the_clock_go_on(10).await;
    story.until("EXPIRED").await;
    assert_eq!(story.stock().await, STOCK);
    story.end().await;
}

#[tokio::test]
async fn a_second_late_is_late_when_the_bank_refuses() {
    let story = Story::begin().await;
    story.stop_clock_after_due(1).await;
    let asked = json!({"paymentKey": story.key});
    let url = format!("{}/control/deposit", story.shop.simulator_url());
    let refused = answered(story.shop.http.post(url).json(&asked)).await;
    assert_eq!((refused.status.as_u16(), refused.code().as_str()), (409, "EXPIRED"));
    story.shop.look_back().await;
    assert_eq!((story.status().await.as_str(), story.stock().await, story.held().await), ("EXPIRED", STOCK, 0));
    story.end().await;
}

#[tokio::test]
async fn a_second_late_is_in_time_when_toss_takes_it() {
    let story = Story::begin().await;
    story.stop_clock_after_due(1).await;
    story.deposit_late().await;
    story.shop.look_back().await;
    assert_eq!((story.status().await.as_str(), story.stock().await), ("DONE", STOCK - 1));
    assert_eq!(story.causes().await, ["toss_approved"]);
    story.end().await;
}

#[tokio::test]
async fn a_deposit_that_is_known_after_the_end_is_delivered_when_the_stock_allows() {
    let story = Story::begin().await;
    story.stop_clock_after_due(60).await;
    story.shop.look_back().await;
    assert_eq!((story.status().await.as_str(), story.stock().await), ("EXPIRED", STOCK));
    story.shop.look_back().await;
    assert_eq!(story.status().await, "EXPIRED");
    // Long after the confirm: a look that shows nothing is still not the last one.
    story.shop.database.execute("update payments set accepted_at = now() - interval '2 hours'").await;
    story.shop.look_back().await;
    story.deposit_late().await;
    story.shop.look_back().await;
    assert_eq!((story.status().await.as_str(), story.stock().await), ("DONE", STOCK - 1));
    assert_eq!(story.causes().await, ["deposit_too_late", "late_approval"]);
    story.end().await;
}

#[tokio::test]
async fn a_deposit_that_is_known_after_the_end_and_cannot_be_delivered_needs_an_account_to_go_back_to() {
    let story = Story::with(Shop::hurried(1).await, 1, json!({"validHours": 1})).await;
    story.stop_clock_after_due(60).await;
    story.shop.look_back().await;
    assert_eq!(story.status().await, "EXPIRED");
    let other = story.shop.accepted(PRICE, &[(story.product, 1)]).await;
    story.shop.until(&other, "DONE").await;
    story.deposit_late().await;
    story.shop.look_back().await;
    story.until("REVIEW").await;
    assert_eq!(story.causes().await, ["deposit_too_late", "late_approval_returning", "refund_needs_account"]);
    assert_eq!((story.held().await, story.stock().await), (PRICE, 0));
    assert_eq!(story.view().await["moneyMoved"], true);
    let page = story.page("en").await;
    assert!(page.contains("an account is needed") && page.contains("50,000 KRW was charged"), "{page}");
    let account = json!({"bank": "88", "accountNumber": "110123456789", "holderName": "김심"});
    let without = story.shop.refund(&story.order, "without", json!({"cancelReason": "늦은 입금"})).await;
    assert_eq!((without.status.as_u16(), without.code().as_str()), (422, "REFUND_ACCOUNT_REQUIRED"));
    let body = json!({"cancelReason": "늦은 입금", "refundReceiveAccount": account});
    let asked = story.shop.refund(&story.order, "with", body).await;
    assert_eq!(asked.status.as_u16(), 202, "{}", asked.text);
    story.until("CANCELED").await;
    assert_eq!((story.stock().await, story.held().await), (0, 0), "the piece is somebody else's");
    story.end().await;
}

#[tokio::test]
async fn toss_is_silent_around_the_due_time_and_is_asked_until_it_speaks() {
    let shop = Shop::hurried(1).await;
    shop.control("rules", json!({"match": {"endpoint": "query"}, "then": {"kind": "dropBefore"}})).await;
    let story = Story::due_in(shop, 4).await;
    wait_for("questions that nobody answers", Duration::from_mins(1), async || {
        let silent = "select count(*) from attempts where call = 'query' and http_status is null";
        let over = clock(&story.shop).await > story.due_at;
        (over && story.shop.database.number(silent).await >= 2).then_some(())
    })
    .await;
    assert_eq!(story.status().await, "WAITING_FOR_DEPOSIT", "silence is no proof");
    story.shop.forget_rules().await;
    story.until("EXPIRED").await;
    assert_eq!((story.stock().await, story.held().await), (STOCK, 0));
    story.end().await;
}

#[tokio::test]
async fn the_longest_account_is_looked_at_all_along_and_ends_with_its_ninety_days() {
    let story = Story::with(Shop::hurried(1).await, STOCK, json!({"validHours": 2160})).await;
    assert!(story.due_at > clock(&story.shop).await + time::Duration::days(89));
    let soon = "select count(*) from payments where check_at < now() + interval '10 minutes'";
    assert_eq!(story.shop.database.number(soon).await, 1, "a deposit is not noticed months later");
    story.shop.look_back().await;
    assert_eq!(story.status().await, "WAITING_FOR_DEPOSIT");
    story.stop_clock_after_due(1).await;
    story.shop.look_back().await;
    assert_eq!((story.status().await.as_str(), story.stock().await), ("EXPIRED", STOCK));
    story.end().await;
}
