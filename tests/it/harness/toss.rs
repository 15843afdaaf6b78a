//! What the stories do to Toss, and see there.

use reqwest::Method;
use serde_json::{Value, json};

use super::{
    answered::{Answered, answered},
    shop::{SERVER_KEY, Shop},
};

impl Shop {
    /// What Toss holds for the order.
    pub(crate) async fn held(&self, order: &str) -> i64 {
        let ledger = self.control_get(&format!("ledger?orderId={order}")).await;
        ledger["entries"].as_array().unwrap().iter().map(|entry| entry["amount"].as_i64().unwrap()).sum()
    }

    /// The approvals of an order in the simulator's own ledger.
    pub(crate) async fn approvals(&self, order: &str) -> usize {
        let ledger = self.control_get(&format!("ledger?orderId={order}")).await;
        ledger["entries"].as_array().unwrap().iter().filter(|entry| entry["kind"] == "APPROVAL").count()
    }

    /// What arrived at Toss about an order: method and path of each request.
    pub(crate) async fn requests(&self, order: &str) -> Vec<Value> {
        self.control_get(&format!("requests?orderId={order}")).await["requests"].as_array().unwrap().clone()
    }

    /// Plays a shopper who asks for an account to pay into, opened as `open` says besides, and returns the paymentKey.
    pub(crate) async fn authenticate_account(&self, order: &str, amount: i64, open: &Value) -> String {
        let mut asked = json!({"orderId": order, "amount": amount, "method": "VIRTUAL_ACCOUNT", "bank": "88", "customerName": "김심"});
        asked.as_object_mut().unwrap().extend(open.as_object().unwrap().clone());
        self.control("authenticate", asked).await["paymentKey"].as_str().unwrap().to_owned()
    }

    /// The next cancels of the order meet this.
    pub(crate) async fn on_cancel(&self, order: &str, then: Value, times: u32) {
        let rule = json!({"match": {"endpoint": "cancel", "orderId": order}, "times": times, "then": then});
        self.control("rules", rule).await;
    }

    /// Ends a rule, and answers what it held back.
    pub(crate) async fn forget_rule(&self, id: u64) {
        let deleted = self.http.delete(format!("{}/control/rules/{id}", self.simulator_url())).send().await.unwrap();
        assert!(deleted.status().is_success());
    }

    /// Ends all rules but these.
    pub(crate) async fn forget_rules_but(&self, kept: &[u64]) {
        let rules = self.control_get("rules").await;
        let all = rules["rules"].as_array().unwrap().iter().map(|rule| rule["ruleId"].as_u64().unwrap());
        for id in all.filter(|id| !kept.contains(id)) {
            self.forget_rule(id).await;
        }
    }

    /// A call to the control API that need not be possible.
    pub(crate) async fn try_control(&self, path: &str, body: Value) -> Answered {
        answered(self.http.post(format!("{}/control/{path}", self.simulator_url())).json(&body)).await
    }

    /// What the shop's own server asks about an order.
    pub(crate) async fn act(&self, order: &str, what: &str, body: Value) -> Answered {
        let bearer = format!("Bearer {SERVER_KEY}");
        let path = format!("/api/v1/orders/{order}/{what}");
        self.send(Method::POST, &path, Some(body), &[("authorization", &bearer)]).await
    }

    /// The shop's server calls the refund off that is under way.
    pub(crate) async fn call_off(&self, order: &str) {
        let view = self.view(order).await;
        let refunds = view["cancels"].as_array().unwrap();
        for refund in refunds.iter().filter(|refund| refund["status"] == "IN_PROGRESS") {
            let what = format!("cancel/{}/call-off", refund["cancelNo"]);
            let answered = self.act(order, &what, json!({"reason": "고객 요청"})).await;
            // It may have ended meanwhile, or be the worker's own.
            assert!([202, 409, 503].contains(&answered.status.as_u16()), "{}", answered.text);
        }
    }

    /// Toss is healthy again, and answers what it held back.
    pub(crate) async fn forget_rules(&self) {
        let deleted = self.http.delete(format!("{}/control/rules", self.simulator_url())).send().await.unwrap();
        assert!(deleted.status().is_success());
    }
}
