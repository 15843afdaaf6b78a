//! Virtual accounts, from the confirm that issues one to every way in which it can end. Nobody tells us of a deposit here:
//! our own looks find all of it. Toss's clock is moved by hand, ours passes; both are asked to agree on nothing.

mod due;
mod lost;
mod reversed;

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use shared::order::ProductId;
use time::{OffsetDateTime, UtcOffset, format_description::well_known::Rfc3339, macros::format_description};

use crate::harness::{shop::Shop, wait_for};

const PRICE: i64 = 50_000;
const STOCK: i64 = 2;

/// An order that waits for its deposit.
struct Story {
    shop: Shop,
    product: ProductId,
    order: String,
    key: String,
    due_at: OffsetDateTime,
}

impl Story {
    /// An account that is open for an hour of Toss's clock.
    async fn begin() -> Self {
        Self::with(Shop::hurried(1).await, STOCK, json!({"validHours": 1})).await
    }

    /// An account that is open for so many seconds from what Toss's clock shows.
    async fn due_in(shop: Shop, seconds: i64) -> Self {
        let due_date =
            (clock(&shop).await + time::Duration::seconds(seconds)).to_offset(UtcOffset::from_hms(9, 0, 0).unwrap());
        let due_date = due_date.format(format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]")).unwrap();
        Self::with(shop, STOCK, json!({"dueDate": due_date})).await
    }

    async fn with(shop: Shop, stock: i64, open: Value) -> Self {
        let product = shop.product("Ogu T", PRICE, stock).await;
        let order = shop.order(PRICE, &[(product, 1)]).await;
        let key = shop.authenticate_account(&order, PRICE, &open).await;
        assert_eq!(shop.confirm(&order, &key, PRICE).await.status.as_u16(), 202);
        shop.until(&order, "WAITING_FOR_DEPOSIT").await;
        let view = shop.get(&format!("/api/v1/orders/{order}")).await.json();
        let due_at = view["payment"]["virtualAccount"]["dueAt"].as_str().unwrap();
        let due_at = OffsetDateTime::parse(due_at, &Rfc3339).unwrap();
        Self { shop, product, order, key, due_at }
    }

    /// Moves Toss's clock to so many seconds after the due time, and holds it there.
    async fn stop_clock_after_due(&self, seconds: i64) {
        self.shop.control("clock", json!({"frozen": true})).await;
        // Toss's times are whole seconds; a part of one may have passed.
        let ahead = self.due_at + time::Duration::seconds(seconds) - clock(&self.shop).await;
        self.shop.control("clock", json!({"advanceSeconds": ahead.whole_seconds()})).await;
        assert_eq!(clock(&self.shop).await, self.due_at + time::Duration::seconds(seconds));
    }

    async fn let_the_clock_go_on(&self, seconds: i64) {
        self.shop.control("clock", json!({"advanceSeconds": seconds, "frozen": false})).await;
    }

    async fn deposit(&self) {
        self.shop.control("deposit", json!({"paymentKey": self.key})).await;
    }

    /// One that was made in time and is known only now.
    async fn deposit_late(&self) {
        self.shop.control("deposit", json!({"paymentKey": self.key, "late": true})).await;
    }

    async fn take_back(&self) {
        self.shop.control("revert-deposit", json!({"paymentKey": self.key})).await;
    }

    async fn until(&self, status: &str) {
        self.shop.until(&self.order, status).await;
    }

    async fn status(&self) -> String {
        self.shop.status(&self.order).await
    }

    async fn stock(&self) -> i64 {
        self.shop.stock(self.product).await
    }

    async fn view(&self) -> Value {
        self.shop.get(&format!("/api/v1/orders/{}", self.order)).await.json()
    }

    async fn page(&self, language: &str) -> String {
        let path = format!("/order/{}", self.order);
        self.shop.send(Method::GET, &path, None, &[("accept-language", language)]).await.text
    }

    /// The causes of the order's events after the account was issued.
    async fn causes(&self) -> Vec<String> {
        let causes = self.shop.causes(&self.order).await;
        assert_eq!(causes[..2], ["confirm_accepted", "account_issued"]);
        causes[2..].to_vec()
    }

    /// What Toss holds of the shopper's money.
    async fn held(&self) -> i64 {
        self.shop.held(&self.order).await
    }

    async fn queries(&self) -> usize {
        self.shop.requests(&self.order).await.iter().filter(|request| request["method"] == "GET").count()
    }

    /// The story is over; what would be looked at in a moment is left for later.
    async fn end(self) {
        self.shop
            .database
            .execute("update payments set check_at = now() + interval '1 hour' where check_at is not null")
            .await;
        self.shop.finish().await;
    }
}

/// What Toss's clock shows, to the second.
async fn clock(shop: &Shop) -> OffsetDateTime {
    let clock = shop.control_get("clock").await;
    OffsetDateTime::parse(clock["now"].as_str().unwrap(), &Rfc3339).unwrap()
}

#[tokio::test]
async fn the_account_is_shown_nothing_is_called_paid_and_the_deposit_pays() {
    let story = Story::begin().await;
    let view = story.view().await;
    let account = &view["payment"]["virtualAccount"];
    assert_eq!(
        (&view["moneyMoved"], &account["bank"], &account["bankCode"]),
        (&json!(false), &json!("신한은행"), &json!("88"))
    );
    let number = account["accountNumber"].as_str().unwrap();
    let (korean, english) = (story.page("ko").await, story.page("en").await);
    for page in [&korean, &english] {
        assert!(page.contains(&format!(">{number}<")) && page.contains("50,000"), "{page}");
        assert!(!page.contains("결제되었습니다") && !page.contains(">Paid<") && !page.contains("김심"), "{page}");
    }
    assert!(korean.contains("신한은행") && korean.contains("(한국 시간)"), "{korean}");
    assert!(english.contains("Shinhan Bank") && english.contains("(KST)"), "{english}");
    let secret = "select count(*) from payments where answer ->> 'secret' like 'ps\\_%'";
    assert_eq!(story.shop.database.number(secret).await, 1, "what tells Toss's notices from others'");

    story.shop.look_back().await;
    assert_eq!((story.status().await.as_str(), story.stock().await), ("WAITING_FOR_DEPOSIT", STOCK - 1));
    story.deposit().await;
    story.shop.look_back().await;
    assert_eq!((story.status().await.as_str(), story.stock().await), ("DONE", STOCK - 1));
    assert_eq!(story.causes().await, ["toss_approved"]);
    assert!(!story.page("en").await.contains(number), "nobody is led to pay again");
    story.end().await;
}

#[tokio::test]
async fn while_a_deposit_is_waited_for_the_same_confirm_is_answered_alike_and_another_is_refused() {
    let story = Story::begin().await;
    let again = story.shop.confirm(&story.order, &story.key, PRICE).await;
    assert_eq!(again.status.as_u16(), 202, "{}", again.text);
    assert_eq!(story.view().await["payments"].as_array().unwrap().len(), 1);
    for other in [
        story.shop.authenticate(&story.order, PRICE).await,
        story.shop.authenticate_account(&story.order, PRICE, &json!({"validHours": 1})).await,
    ] {
        let refused = story.shop.confirm(&story.order, &other, PRICE).await;
        assert_eq!((refused.status.as_u16(), refused.code().as_str()), (409, "PAYMENT_IN_PROGRESS"));
    }
    let page = story.page("en").await;
    assert!(page.contains("rather pay another way"), "{page}");
    story.deposit().await;
    story.shop.look_back().await;
    assert_eq!((story.status().await.as_str(), story.held().await), ("DONE", PRICE));
    story.end().await;
}

#[tokio::test]
async fn an_account_that_is_closed_in_tosss_console_ends_the_payment_and_a_card_pays_the_order() {
    let story = Story::begin().await;
    story.shop.control("cancel", json!({"paymentKey": story.key})).await;
    story.shop.look_back().await;
    assert_eq!((story.status().await.as_str(), story.stock().await), ("ABORTED", STOCK));
    let card = story.shop.authenticate(&story.order, PRICE).await;
    assert_eq!(story.shop.confirm(&story.order, &card, PRICE).await.status.as_u16(), 202);
    story.until("DONE").await;
    assert_eq!((story.held().await, story.stock().await), (PRICE, STOCK - 1));
    story.end().await;
}
