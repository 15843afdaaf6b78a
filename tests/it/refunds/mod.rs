//! Refunds that an operator or the shop's own server asks for: once each, by the balance, and never by a status.

mod accounts;
mod asking;
mod endings;
mod form;
mod sequences;

use reqwest::Method;
use serde_json::{Value, json};
use shared::order::ProductId;

use crate::harness::{
    answered::Answered,
    shop::{SERVER_KEY, Shop},
};

const PRICE: i64 = 10_000;

impl Shop {
    /// As the shop's own server asks.
    pub(crate) async fn refund(&self, order: &str, key: &str, body: Value) -> Answered {
        let bearer = format!("Bearer {SERVER_KEY}");
        let headers = [("authorization", bearer.as_str()), ("idempotency-key", key)];
        self.send(Method::POST, &format!("/api/v1/orders/{order}/cancel"), Some(body), &headers).await
    }

    /// An accepted refund.
    pub(crate) async fn refunding(&self, order: &str, key: &str, body: Value) -> Answered {
        let answered = self.refund(order, key, body).await;
        assert_eq!(answered.status.as_u16(), 202, "{}", answered.text);
        answered
    }

    pub(crate) async fn paid(&self, amount: i64, lines: &[(ProductId, i32)]) -> String {
        let order = self.accepted(amount, lines).await;
        self.until(&order, "DONE").await;
        order
    }

    pub(crate) async fn payment_key(&self, order: &str) -> String {
        let sql = format!(
            "select p.payment_key from payments p join orders o on o.id = p.order_id
             where o.order_no = '{order}' order by p.payment_no desc limit 1"
        );
        sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).fetch_one(&self.database.pool).await.unwrap()
    }
}

pub(crate) fn reason() -> Value {
    json!({"cancelReason": "단순 변심"})
}

pub(crate) fn over(amount: i64) -> Value {
    json!({"cancelReason": "단순 변심", "cancelAmount": amount})
}
