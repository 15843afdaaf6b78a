//! How refunds, reviews and orders with two payments end: with proof, by Toss's answers, and never because of patience, of
//! another merchant's answer or of a fault of ours. After each step the stock adds up.

mod by_operators;
mod refunds_after_their_end;
mod refunds_that_end;
mod reviews_in;
mod reviews_out;
mod secrets;
mod two_payments;

use std::time::Duration;

use reqwest::StatusCode;
use serde_json::{Value, json};
use shared::order::ProductId;

use crate::harness::{
    shop::{Shop, answered},
    wait_for,
};

const PRICE: i64 = 10_000;
/// More than any story here waits for one thing, on a machine that is busy with other things.
const LIMIT: Duration = Duration::from_mins(1);

/// Times of the worker that these stories depend on, undivided, in milliseconds.
mod times {
    /// So long an unresolved send may still act: a call may take a minute, and half a minute more is for what lags behind.
    pub(super) const SEND_HORIZON: i64 = 90_000;
    /// Between two lookups that show nothing, before they are believed.
    pub(super) const BETWEEN_LOOKUPS: i64 = 60_000;
}

impl Shop {
    /// An order over one piece, not paid.
    async fn one(&self, product: ProductId) -> String {
        self.order(PRICE, &[(product, 1)]).await
    }

    /// The paymentKey of a virtual account that was confirmed for the order, which waits for the deposit.
    async fn waiting_for_deposit(&self, order: &str) -> String {
        let key = self.authenticate_account(order, PRICE, &json!({})).await;
        assert_eq!(self.confirm_patiently(order, &key, PRICE).await.status, StatusCode::ACCEPTED);
        self.until(order, "WAITING_FOR_DEPOSIT").await;
        key
    }

    /// A confirm of a card that Toss approves and calls declined. Returns its paymentKey once we believe it.
    async fn lied_to(&self, order: &str) -> String {
        self.rule(
            "confirm",
            order,
            json!({"kind": "errorAfter", "status": 403, "code": "REJECT_CARD_PAYMENT"}),
            Some(1),
        )
        .await;
        let key = self.authenticate(order, PRICE).await;
        assert_eq!(self.confirm_patiently(order, &key, PRICE).await.status, StatusCode::ACCEPTED);
        self.until(order, "ABORTED").await;
        key
    }

    /// What the order's calls to this endpoint meet, so often or from now on.
    async fn rule(&self, endpoint: &str, order: &str, then: Value, times: Option<u32>) -> u64 {
        let mut rule = json!({"match": {"endpoint": endpoint, "orderId": order}, "then": then});
        if let Some(times) = times {
            rule["times"] = json!(times);
        }
        self.control("rules", rule).await["ruleId"].as_u64().unwrap()
    }

    /// What Toss holds by this payment.
    async fn held_by(&self, order: &str, key: &str) -> i64 {
        let ledger = self.control_get(&format!("ledger?orderId={order}")).await;
        let entries = ledger["entries"].as_array().unwrap();
        entries.iter().filter(|entry| entry["paymentKey"] == key).map(|entry| entry["amount"].as_i64().unwrap()).sum()
    }

    /// Has Toss asked about this payment now, as the clock would have it later, and waits for what comes of it.
    async fn look_at(&self, key: &str) {
        let due = format!("update payments set check_at = now() where payment_key = '{key}' and check_at is not null");
        self.database.execute(&due).await;
        let is_due = format!("select count(*) from payments where payment_key = '{key}' and check_at <= now()");
        wait_for("the lookup", LIMIT, async || (self.database.number(&is_due).await == 0).then_some(())).await;
        self.until_outbox_is_empty().await;
    }

    /// A number from the order's row, under the name `o`.
    async fn of_order(&self, order: &str, what: &str) -> i64 {
        self.database.number(&format!("select {what} from orders o where o.order_no = '{order}'")).await
    }

    /// Another buyer who wants a piece.
    async fn buys(&self, product: ProductId) -> String {
        let order = self.one(product).await;
        let key = self.authenticate(&order, PRICE).await;
        let answered = self.confirm_patiently(&order, &key, PRICE).await;
        if answered.status == StatusCode::ACCEPTED { order } else { answered.code() }
    }

    /// A confirm or cancel at Toss that no worker of ours sent, under a key of its own.
    async fn post_to_toss(&self, secret: &str, path: &str, body: Value) -> Value {
        let request = self.http.post(format!("{}{path}", self.simulator_url())).basic_auth(secret, Some(""));
        answered(request.header("idempotency-key", uuid::Uuid::now_v7().to_string()).json(&body)).await.json()
    }

    /// Everything about payments and refunds happened this much earlier, and the worker is to look at once. Lookups that
    /// showed nothing did not: those are a minute apart by the clock.
    async fn age(&self, interval: &str) {
        for (table, column) in [
            ("payments", "accepted_at"),
            ("payments", "unanswered_at"),
            ("payments", "server_error_at"),
            ("payments", "no_answer_since"),
            ("cancels", "requested_at"),
            ("cancels", "unanswered_at"),
            ("cancels", "no_answer_since"),
        ] {
            self.database.execute(&format!("update {table} set {column} = {column} - interval '{interval}'")).await;
        }
        self.due_now().await;
    }

    /// What waits for its next try is tried now.
    async fn due_now(&self) {
        self.database.execute("update outbox set due_at = now() where lease_until < now()").await;
    }

    /// The order's refund has ended in this state.
    async fn until_refund_is(&self, order: &str, refund_no: usize, status: &str) -> Value {
        wait_for(&format!("refund {refund_no} of {order} to be {status}"), LIMIT * 2, async || {
            let view = self.view(order).await;
            (view["cancels"][refund_no - 1]["status"] == status).then_some(view)
        })
        .await
    }

    /// The cancels that were sent to Toss for the order, oldest first.
    async fn cancels_sent(&self, order: &str) -> Vec<Sent> {
        let sql = "select a.key_epoch, (extract(epoch from a.finished_at) * 1000)::bigint - a.duration_ms,
                          (extract(epoch from a.finished_at) * 1000)::bigint
                   from attempts a join orders o on o.id = a.order_id
                   where o.order_no = $1::uuid and a.call = 'cancel' order by a.finished_at";
        let rows: Vec<(i16, i64, i64)> = sqlx::query_as(sql).bind(order).fetch_all(&self.database.pool).await.unwrap();
        rows.into_iter().map(|(epoch, begun_at, over_at)| Sent { epoch, begun_at, over_at }).collect()
    }
}

/// A cancel that was sent, with its times in milliseconds of the database's clock.
#[derive(Debug)]
struct Sent {
    /// Which Idempotency-Key of its refund it carried.
    epoch: i16,
    begun_at: i64,
    over_at: i64,
}
