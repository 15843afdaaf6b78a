//! Deposits that the bank takes back: the one way in which a paid order is not paid any more.

use super::{STOCK, Story, json};

/// A paid order whose deposit was taken back, and is known to be.
async fn reversed() -> Story {
    let story = Story::begin().await;
    story.deposit().await;
    story.shop.look_back().await;
    assert_eq!(story.status().await, "DONE");
    story.take_back().await;
    story.shop.look_back().await;
    story.until("WAITING_FOR_DEPOSIT").await;
    story
}

#[tokio::test]
async fn a_deposit_that_is_taken_back_is_waited_for_again_with_its_stock_held() {
    let story = reversed().await;
    assert_eq!(story.causes().await, ["toss_approved", "deposit_reversed"]);
    assert_eq!((story.stock().await, story.held().await), (STOCK - 1, 0));
    let view = story.view().await;
    assert_eq!((&view["moneyMoved"], &view["payment"]["balance"]), (&json!(false), &json!(null)), "{view}");
    assert!(view["payment"]["approvedAt"].is_null(), "{view}");
    let number = view["payment"]["virtualAccount"]["accountNumber"].as_str().unwrap();
    let page = story.page("en").await;
    for said in ["The bank took your deposit back", "Nothing is paid now", number] {
        assert!(page.contains(said), "{said}: {page}");
    }
    assert!(story.page("ko").await.contains("은행이 입금을 되돌렸습니다"));
    let card = story.shop.authenticate(&story.order, super::PRICE).await;
    let refused = story.shop.confirm(&story.order, &card, super::PRICE).await;
    assert_eq!((refused.status.as_u16(), refused.code().as_str()), (409, "PAYMENT_IN_PROGRESS"));
    story.end().await;
}

#[tokio::test]
async fn another_deposit_after_it_pays_the_order() {
    let story = reversed().await;
    story.deposit().await;
    story.shop.look_back().await;
    assert_eq!((story.status().await.as_str(), story.stock().await), ("DONE", STOCK - 1));
    assert_eq!(story.causes().await, ["toss_approved", "deposit_reversed", "toss_approved"]);
    // And once more.
    story.take_back().await;
    story.shop.look_back().await;
    story.until("WAITING_FOR_DEPOSIT").await;
    story.deposit().await;
    story.shop.look_back().await;
    assert_eq!(story.status().await, "DONE");
    story.end().await;
}

#[tokio::test]
async fn the_due_time_after_it_ends_the_order_and_the_stock_comes_back_once() {
    let story = reversed().await;
    story.stop_clock_after_due(1).await;
    story.shop.look_back().await;
    assert_eq!((story.status().await.as_str(), story.stock().await), ("EXPIRED", STOCK));
    assert_eq!(story.causes().await, ["toss_approved", "deposit_reversed", "deposit_too_late"]);
    story.shop.look_back().await;
    assert_eq!((story.status().await.as_str(), story.stock().await), ("EXPIRED", STOCK));
    let page = story.page("en").await;
    assert!(page.contains("The bank took the deposit back") && page.contains("No money has moved"), "{page}");
    story.end().await;
}

#[tokio::test]
async fn what_is_taken_back_and_over_before_we_look_is_told_step_by_step() {
    let story = Story::begin().await;
    story.deposit().await;
    story.shop.look_back().await;
    story.take_back().await;
    story.stop_clock_after_due(60).await;
    story.shop.look_back().await;
    story.until("WAITING_FOR_DEPOSIT").await;
    story.shop.look_back().await;
    story.until("EXPIRED").await;
    assert_eq!(story.causes().await, ["toss_approved", "deposit_reversed", "deposit_too_late"]);
    assert_eq!(story.stock().await, STOCK);
    story.end().await;
}

#[tokio::test]
async fn a_late_deposit_that_was_delivered_may_be_taken_back_too() {
    let story = Story::begin().await;
    story.stop_clock_after_due(1).await;
    story.shop.look_back().await;
    story.deposit_late().await;
    story.shop.look_back().await;
    assert_eq!((story.status().await.as_str(), story.stock().await), ("DONE", STOCK - 1));
    story.take_back().await;
    story.shop.look_back().await;
    story.until("EXPIRED").await;
    assert_eq!(story.causes().await, ["deposit_too_late", "late_approval", "deposit_reversed", "deposit_too_late"]);
    assert_eq!(story.stock().await, STOCK);
    story.end().await;
}

#[tokio::test]
async fn a_look_that_may_be_older_than_the_deposit_takes_nothing_back() {
    let story = Story::begin().await;
    story.deposit().await;
    story.shop.look_back().await;
    assert_eq!(story.status().await, "DONE");
    let stale = json!({"kind": "stale", "seconds": 600, "shows": "before"});
    let rule = json!({"match": {"endpoint": "query", "orderId": story.order}, "times": 1, "then": stale});
    story.shop.control("rules", rule).await;
    story.shop.look_back().await;
    assert_eq!(story.causes().await, ["toss_approved"]);
    let soon = "select count(*) from payments where status = 'DONE' and check_at < now() + interval '1 minute'";
    assert_eq!(story.shop.database.number(soon).await, 1, "it is looked at again");
    story.shop.look_back().await;
    assert_eq!((story.status().await.as_str(), story.stock().await), ("DONE", STOCK - 1));
    assert_eq!(story.causes().await, ["toss_approved"]);
    story.end().await;
}
