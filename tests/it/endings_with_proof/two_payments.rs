//! Two payments of one order: the first was approved and called declined, and is known to be approved only while the second
//! waits for its deposit. Giving the first one back ends nothing that the second still holds or awaits.

use serde_json::{Value, json};
use shared::order::ProductId;

use super::{LIMIT, PRICE, wait_for};
use crate::{harness::shop::Shop, refunds::reason};

/// A shop with one piece, and the order that holds it.
struct Story {
    shop: Shop,
    product: ProductId,
    order: String,
    /// Payment 1, which Toss holds.
    card: String,
    /// Payment 2, which waits for its deposit.
    account: String,
}

/// What is looked at first.
#[derive(Clone, Copy, Debug)]
enum First {
    Card,
    Account,
}

impl Story {
    async fn begin() -> Self {
        let shop = Shop::hurried(1).await;
        let product = shop.product("Ogu T", PRICE, 1).await;
        let order = shop.one(product).await;
        let card = shop.lied_to(&order).await;
        shop.audit_now().await;
        let account = shop.waiting_for_deposit(&order).await;
        let story = Self { shop, product, order, card, account };
        story.holds_the_piece().await;
        story
    }

    /// The order waits with its piece, and nobody else gets it.
    async fn holds_the_piece(&self) {
        assert_eq!(self.shop.status(&self.order).await, "WAITING_FOR_DEPOSIT");
        self.piece_is_held().await;
    }

    async fn piece_is_held(&self) {
        self.shop.audit_now().await;
        assert_eq!(self.shop.stock(self.product).await, 0);
        assert_eq!(self.shop.buys(self.product).await, "OUT_OF_STOCK");
    }

    /// Looks at payment 1 until Toss has it no more.
    async fn give_back(&self) {
        self.shop.look_at(&self.card).await;
        self.card_is_back().await;
    }

    async fn card_is_back(&self) {
        wait_for("payment 1 to be given back", LIMIT, async || {
            (self.shop.held_by(&self.order, &self.card).await == 0).then_some(())
        })
        .await;
        self.shop.until_outbox_is_empty().await;
        self.shop.audit_now().await;
    }

    async fn deposit(&self) {
        self.shop.control("deposit", json!({"paymentKey": self.account})).await;
        self.shop.look_at(&self.account).await;
        self.shop.audit_now().await;
    }

    /// The second payment pays the order, and the piece is sold once.
    async fn is_paid_by_the_account(&self) {
        self.shop.until(&self.order, "DONE").await;
        self.shop.audit_now().await;
        assert_eq!(self.shop.of_order(&self.order, "o.paid_by::bigint").await, 2);
        assert_eq!(
            (self.shop.stock(self.product).await, self.shop.held_by(&self.order, &self.account).await),
            (0, PRICE)
        );
    }

    async fn end(self) {
        self.shop
            .database
            .execute("update payments set check_at = now() + interval '1 hour' where check_at is not null")
            .await;
        self.shop.finish().await;
    }
}

#[tokio::test]
async fn a_first_payment_that_is_given_back_leaves_the_order_to_the_deposit_of_the_second() {
    for first in [First::Card, First::Account] {
        let story = Story::begin().await;
        match first {
            First::Card => {}
            First::Account => story.shop.look_at(&story.account).await,
        }
        story.give_back().await;
        story.holds_the_piece().await;
        story.shop.look_at(&story.account).await;
        story.holds_the_piece().await;
        story.deposit().await;
        story.is_paid_by_the_account().await;
        story.end().await;
    }
}

#[tokio::test]
async fn however_toss_answers_the_refund_of_the_first_payment_the_order_waits_for_the_second() {
    for (then, times) in [
        (json!({"kind": "dropAfter"}), 1),
        (json!({"kind": "dropBefore"}), 1),
        (json!({"kind": "html", "status": 502}), 1),
        (json!({"kind": "errorAfter", "status": 500, "code": "FAILED_REFUND_PROCESS"}), 1),
        (json!({"kind": "error", "status": 500, "code": "PROVIDER_ERROR"}), 1),
        (json!({"kind": "errorAfter", "status": 409, "code": "IDEMPOTENT_REQUEST_PROCESSING"}), 1),
        (json!({"kind": "error", "status": 400, "code": "A_CODE_OF_TOMORROW"}), 1),
        (json!({"kind": "rateLimit"}), 2),
    ] {
        let shown = then.to_string();
        let story = Story::begin().await;
        story.shop.rule("cancel", &story.order, then, Some(times)).await;
        story.give_back().await;
        assert_eq!(story.shop.status(&story.order).await, "WAITING_FOR_DEPOSIT", "{shown}");
        story.piece_is_held().await;
        story.deposit().await;
        story.is_paid_by_the_account().await;
        story.end().await;
    }
}

#[tokio::test]
async fn a_deposit_that_comes_while_the_first_payment_is_on_its_way_back_pays_the_order() {
    let story = Story::begin().await;
    let held = story.shop.rule("cancel", &story.order, json!({"kind": "hold"}), Some(1)).await;
    let due = format!("update payments set check_at = now() where payment_key = '{}'", story.card);
    story.shop.database.execute(&due).await;
    wait_for("the refund", LIMIT, async || (story.shop.held_by(&story.order, &story.card).await == 0).then_some(()))
        .await;
    story.piece_is_held().await;
    story.shop.control("deposit", json!({"paymentKey": story.account})).await;
    story.shop.forget_rule(held).await;
    story.card_is_back().await;
    story.shop.look_at(&story.account).await;
    story.is_paid_by_the_account().await;
    story.end().await;
}

#[tokio::test]
async fn a_deposit_that_never_comes_gives_the_piece_back_once() {
    let story = Story::begin().await;
    story.give_back().await;
    story.holds_the_piece().await;
    story.shop.control("clock", json!({"advanceSeconds": 31 * 24 * 3600})).await;
    story.shop.look_at(&story.account).await;
    story.shop.until(&story.order, "EXPIRED").await;
    story.shop.audit_now().await;
    assert_eq!((story.shop.stock(story.product).await, story.shop.held(&story.order).await), (1, 0));
    let other = story.shop.buys(story.product).await;
    story.shop.until(&other, "DONE").await;
    story.shop.audit_now().await;
    story.end().await;
}

/// The account is closed at our word before the first payment is found; then that is given back, and the piece stays on the
/// shelf.
#[tokio::test]
async fn a_first_payment_that_is_found_after_the_second_was_closed_is_given_back_and_the_piece_comes_back_once() {
    let story = Story::begin().await;
    story.shop.refunding(&story.order, "close", reason()).await;
    story.shop.until(&story.order, "CANCELED").await;
    story.shop.audit_now().await;
    assert_eq!(story.shop.stock(story.product).await, 1);
    story.give_back().await;
    assert_eq!(
        (story.shop.status(&story.order).await.as_str(), story.shop.stock(story.product).await),
        ("CANCELED", 1)
    );
    story.end().await;
}

async fn refused(story: &Story) -> Value {
    let code = json!({"kind": "error", "status": 403, "code": "NOT_CANCELABLE_PAYMENT"});
    story.shop.rule("cancel", &story.order, code, Some(1)).await;
    let due = format!("update payments set check_at = now() where payment_key = '{}'", story.card);
    story.shop.database.execute(&due).await;
    story.shop.until(&story.order, "REVIEW").await;
    assert_eq!(story.shop.of_order(&story.order, "o.review_holds_stock::int::bigint").await, 1);
    story.piece_is_held().await;
    story.shop.view(&story.order).await
}

#[tokio::test]
async fn a_first_payment_that_toss_will_not_give_back_leaves_a_review_that_the_deposit_ends() {
    let story = Story::begin().await;
    let view = refused(&story).await;
    assert_eq!(view["cancels"][0]["status"], "FAILED", "{view}");
    story.deposit().await;
    // Toss holds both payments now: the order is paid, or still in review because of the first.
    let status = story.shop.status(&story.order).await;
    assert!(["DONE", "REVIEW"].contains(&status.as_str()), "{status}");
    story.piece_is_held().await;
    assert_eq!(story.shop.held(&story.order).await, 2 * PRICE, "the first one is still there, for an operator");
    // Who refunds it in Toss's console.
    story.shop.control("cancel", json!({"paymentKey": story.card})).await;
    story.shop.look_at(&story.card).await;
    story.is_paid_by_the_account().await;
    assert_eq!(story.shop.held(&story.order).await, PRICE);
    story.end().await;
}

#[tokio::test]
async fn a_review_of_the_first_payment_that_an_operator_gives_back_waits_for_the_second_again() {
    let story = Story::begin().await;
    refused(&story).await;
    story.shop.control("cancel", json!({"paymentKey": story.card})).await;
    story.shop.look_at(&story.card).await;
    story.shop.until(&story.order, "WAITING_FOR_DEPOSIT").await;
    story.holds_the_piece().await;
    story.deposit().await;
    story.is_paid_by_the_account().await;
    story.end().await;
}
