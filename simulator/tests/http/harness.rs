//! A simulator of its own for each test, with shorthands for the calls the tests make most.

use std::time::Duration;

use reqwest::{Client, Method, RequestBuilder, Response, redirect};
use serde_json::{Value, json};
use simulator::{DEFAULT_SECRET_KEY, Settings};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Far longer than anything here takes; only a test that is going to fail ever waits this long.
pub(crate) const LIMIT: Duration = Duration::from_secs(20);

pub(crate) struct Sim {
    pub(crate) base: String,
    pub(crate) client: Client,
    pub(crate) stop: CancellationToken,
    pub(crate) tasks: TaskTracker,
}

/// What Toss answered: status, trace id, and the exact text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) trace_id: String,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) async fn read(response: Response) -> Self {
        let trace_id = response.headers()["x-tosspayments-trace-id"].to_str().unwrap().to_owned();
        Self { status: response.status().as_u16(), trace_id, text: response.text().await.unwrap() }
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap()
    }

    /// Status and code (of an error) or status field (of a payment).
    pub(crate) fn says(&self) -> (u16, String) {
        let json = self.json();
        let text = json.get("code").unwrap_or(&json["status"]);
        (self.status, text.as_str().unwrap().to_owned())
    }
}

impl Sim {
    pub(crate) async fn start() -> Self {
        Self::with(Settings::default()).await
    }

    pub(crate) async fn with(settings: Settings) -> Self {
        // The second test in the process finds the provider already installed, which is just as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let served = simulator::serve(listener, settings, stop.clone());
        tasks.spawn(async { served.await.unwrap() });
        let client = Client::builder().no_proxy().redirect(redirect::Policy::none()).timeout(LIMIT).build().unwrap();
        Self { base, client, stop, tasks }
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.base))
    }

    pub(crate) fn confirm_request(&self, body: &Value) -> RequestBuilder {
        let request = self.request(Method::POST, "/v1/payments/confirm");
        request.basic_auth(DEFAULT_SECRET_KEY, Some("")).json(body)
    }

    pub(crate) async fn confirm(&self, body: &Value) -> Answer {
        Answer::read(self.confirm_request(body).send().await.unwrap()).await
    }

    pub(crate) async fn confirm_with_key(&self, key: &str, body: &Value) -> Answer {
        Answer::read(self.confirm_request(body).header("Idempotency-Key", key).send().await.unwrap()).await
    }

    /// Plays the shopper and confirms: a card payment that is DONE.
    pub(crate) async fn paid(&self, order_id: &str, amount: i64) -> Value {
        let payment = self.authenticated(order_id, amount).await;
        assert_eq!(self.confirm(&payment).await.says(), (200, "DONE".into()));
        payment
    }

    /// A call on Toss's paths with the default secret key.
    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        let request = self.request(Method::POST, path).basic_auth(DEFAULT_SECRET_KEY, Some(""));
        Answer::read(request.json(body).send().await.unwrap()).await
    }

    pub(crate) fn cancel_request(&self, payment: &Value, body: &Value) -> RequestBuilder {
        let path = format!("/v1/payments/{}/cancel", payment["paymentKey"].as_str().unwrap());
        self.request(Method::POST, &path).basic_auth(DEFAULT_SECRET_KEY, Some("")).json(body)
    }

    pub(crate) async fn cancel(&self, payment: &Value, body: &Value) -> Answer {
        Answer::read(self.cancel_request(payment, body).send().await.unwrap()).await
    }

    pub(crate) async fn query(&self, path: &str) -> Answer {
        let request = self.request(Method::GET, path).basic_auth(DEFAULT_SECRET_KEY, Some(""));
        Answer::read(request.send().await.unwrap()).await
    }

    pub(crate) async fn status(&self, payment: &Value) -> String {
        self.query(&format!("/v1/payments/{}", payment["paymentKey"].as_str().unwrap())).await.says().1
    }

    pub(crate) async fn control(&self, path: &str, body: Value) -> Value {
        let response = self.request(Method::POST, &format!("/control/{path}")).json(&body).send().await.unwrap();
        assert!(response.status().is_success(), "{path} {body}: {}", response.text().await.unwrap());
        response.json().await.unwrap_or_default()
    }

    pub(crate) async fn see(&self, path: &str) -> Value {
        self.request(Method::GET, &format!("/control/{path}")).send().await.unwrap().json().await.unwrap()
    }

    /// Plays the shopper and returns the body of the confirm that is due.
    pub(crate) async fn authenticated(&self, order_id: &str, amount: i64) -> Value {
        self.authenticated_with(json!({ "orderId": order_id, "amount": amount })).await
    }

    pub(crate) async fn authenticated_with(&self, body: Value) -> Value {
        let payment = self.control("authenticate", body).await;
        assert_eq!(payment["status"], "IN_PROGRESS");
        json!({
            "paymentKey": payment["paymentKey"],
            "orderId": payment["orderId"],
            "amount": payment["amount"],
        })
    }

    pub(crate) async fn advance(&self, seconds: u64) {
        self.control("clock", json!({ "advanceSeconds": seconds })).await;
    }

    /// How often the ledger says that money moved for this order.
    pub(crate) async fn approvals(&self, order_id: &str) -> u64 {
        self.see(&format!("audit?orderId={order_id}")).await["orders"][0]["approvals"].as_u64().unwrap()
    }

    /// The requests about this order, as soon as `enough` of them are there.
    pub(crate) async fn requests(&self, order_id: &str, enough: impl Fn(&[Value]) -> bool) -> Vec<Value> {
        let wait = async {
            loop {
                let seen = self.see(&format!("requests?orderId={order_id}")).await;
                let seen = seen["requests"].as_array().unwrap().clone();
                if enough(&seen) {
                    return seen;
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(LIMIT, wait).await.expect("the requests never arrived")
    }
}
