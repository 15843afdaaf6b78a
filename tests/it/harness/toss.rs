//! What the stories do to Toss, and see there.

use serde_json::{Value, json};

use super::shop::Shop;

impl Shop {
    /// What Toss holds for the order.
    pub(crate) async fn held(&self, order: &str) -> i64 {
        let ledger = self.control_get(&format!("ledger?orderId={order}")).await;
        ledger["entries"].as_array().unwrap().iter().map(|entry| entry["amount"].as_i64().unwrap()).sum()
    }

    /// The next cancels of the order meet this.
    pub(crate) async fn on_cancel(&self, order: &str, then: Value, times: u32) {
        let rule = json!({"match": {"endpoint": "cancel", "orderId": order}, "times": times, "then": then});
        self.control("rules", rule).await;
    }

    /// Toss is healthy again, and answers what it held back.
    pub(crate) async fn forget_rules(&self) {
        let deleted = self.http.delete(format!("{}/control/rules", self.simulator_url())).send().await.unwrap();
        assert!(deleted.status().is_success());
    }
}
