//! The one asked, Toss or a simulator, and short hands for the calls the cases make most.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use reqwest::header::HeaderMap;
use reqwest::{Client, Method, RequestBuilder, redirect};
use serde_json::{Value, json};
use simulator::Settings;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::settings::Target;

/// Toss says that a list may take sixty seconds.
const LIMIT: Duration = Duration::from_mins(1);

/// A simulator of our own, for one case.
pub(crate) struct Own {
    base: String,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Own {
    /// None when the suite is pointed elsewhere.
    pub(crate) async fn start(target: &Target) -> Option<Self> {
        // The second start in the process finds the provider already installed, which is just as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        if target.base.is_some() {
            return None;
        }
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let served = simulator::serve(listener, Settings::default(), stop.clone());
        tasks.spawn(async { served.await.unwrap() });
        Some(Self { base, stop, tasks })
    }

    pub(crate) async fn stop(self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

#[derive(Clone)]
pub(crate) struct Toss {
    pub(crate) base: String,
    pub(crate) secret_key: String,
    pub(crate) widget_secret_key: Option<String>,
    pub(crate) client: Client,
    /// What was answered where Toss says nothing.
    pub(crate) observed: Arc<Mutex<Vec<String>>>,
    pub(crate) stop: CancellationToken,
    pub(crate) tasks: TaskTracker,
    /// Whether it is a simulator of ours, held to the defaults that it documents.
    ours: bool,
}

/// What came back: status, headers and the exact text.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {} {}", self.status, self.text))
    }

    /// Status and code (of an error) or status field (of a payment).
    pub(crate) fn says(&self) -> (u16, String) {
        let json = self.json();
        let text = json.get("code").unwrap_or(&json["status"]);
        (self.status, text.as_str().unwrap_or_else(|| panic!("{}", self.text)).to_owned())
    }

    #[track_caller]
    pub(crate) fn is(&self, status: u16, says: &str) -> Value {
        assert_eq!(self.says(), (status, says.to_owned()), "{}", self.text);
        self.json()
    }

    #[track_caller]
    pub(crate) fn ok(&self) -> Value {
        assert_eq!(self.status, 200, "{}", self.text);
        self.json()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).unwrap_or_else(|| panic!("no {name}: {:?}", self.headers)).to_str().unwrap()
    }

    pub(crate) fn trace_id(&self) -> &str {
        self.header("x-tosspayments-trace-id")
    }
}

impl Toss {
    pub(crate) fn new(target: &Target, own: Option<&Own>) -> Self {
        let client = Client::builder().no_proxy().redirect(redirect::Policy::none()).timeout(LIMIT);
        // An address elsewhere may well be behind a proxy; our own never is.
        let client = if own.is_some() { client } else { Client::builder().timeout(LIMIT) };
        Self {
            base: own.map(|own| own.base.clone()).or_else(|| target.base.clone()).unwrap(),
            secret_key: target.secret_key.clone(),
            widget_secret_key: target.widget_secret_key.clone(),
            client: client.build().unwrap(),
            observed: Arc::default(),
            stop: own.map(|own| own.stop.clone()).unwrap_or_default(),
            tasks: own.map(|own| own.tasks.clone()).unwrap_or_default(),
            ours: own.is_some(),
        }
    }

    /// Where Toss says nothing: the simulator is held to its default, of anybody else the answer is reported.
    #[track_caller]
    pub(crate) fn supposed<T: std::fmt::Debug + PartialEq>(&self, what: &str, seen: &T, default: &T) {
        if self.ours {
            assert_eq!(seen, default, "{what}");
        } else {
            let alike = if seen == default { "as supposed" } else { "NOT as supposed" };
            self.observed.lock().unwrap().push(format!("{what}: observed: {seen:?}, {alike}"));
        }
    }

    #[track_caller]
    pub(crate) fn supposed_answer(&self, what: &str, seen: &Answer, status: u16, says: &str) {
        self.supposed(what, &seen.says(), &(status, says.to_owned()));
    }

    pub(crate) fn anonymous(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.base))
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.anonymous(method, path).basic_auth(&self.secret_key, Some(""))
    }

    pub(crate) fn posting(&self, path: &str, body: &Value) -> RequestBuilder {
        self.request(Method::POST, path).json(body)
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        read(self.posting(path, body)).await
    }

    pub(crate) async fn post_with_key(&self, path: &str, key: &str, body: &Value) -> Answer {
        read(self.posting(path, body).header("Idempotency-Key", key)).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        read(self.request(Method::GET, path)).await
    }

    pub(crate) async fn confirm(&self, body: &Value) -> Answer {
        self.post("/v1/payments/confirm", body).await
    }

    pub(crate) async fn confirm_with_key(&self, key: &str, body: &Value) -> Answer {
        self.post_with_key("/v1/payments/confirm", key, body).await
    }

    pub(crate) async fn query(&self, payment: &Value) -> Answer {
        self.get(&format!("/v1/payments/{}", text(&payment["paymentKey"]))).await
    }

    pub(crate) async fn cancel(&self, payment: &Value, body: &Value) -> Answer {
        self.post(&cancel_path(payment), body).await
    }

    pub(crate) async fn cancel_with_key(&self, key: &str, payment: &Value, body: &Value) -> Answer {
        self.post_with_key(&cancel_path(payment), key, body).await
    }

    /// A payment that no shopper has touched.
    pub(crate) async fn ready(&self, amount: i64) -> Value {
        let body = json!({
            "method": "CARD", "amount": amount, "currency": "KRW", "orderId": fresh("order"), "orderName": "책 한 권",
            "successUrl": "https://shop.example/success", "failUrl": "https://shop.example/fail",
        });
        self.post("/v1/payments", &body).await.is(200, "READY")
    }

    /// A virtual account that waits for its deposit.
    pub(crate) async fn waiting(&self, amount: i64) -> Value {
        self.post("/v1/virtual-accounts", &account(amount)).await.is(200, "WAITING_FOR_DEPOSIT")
    }
}

/// Control calls.
impl Toss {
    pub(crate) async fn control(&self, path: &str, body: &Value) -> Value {
        let answer = read(self.anonymous(Method::POST, &format!("/control/{path}")).json(body)).await;
        assert!(answer.status < 300, "{path} {body}: {}", answer.text);
        serde_json::from_str(&answer.text).unwrap_or_default()
    }

    pub(crate) async fn see(&self, path: &str) -> Value {
        read(self.anonymous(Method::GET, &format!("/control/{path}"))).await.ok()
    }

    /// Plays the shopper; the answer is the body of the confirm that is due.
    pub(crate) async fn authenticated_with(&self, mut body: Value) -> Value {
        body.as_object_mut().unwrap().entry("orderId").or_insert_with(|| fresh("order").into());
        let payment = self.control("authenticate", &body).await;
        assert_eq!(payment["status"], "IN_PROGRESS");
        confirm_body(&payment)
    }

    pub(crate) async fn authenticated(&self, amount: i64) -> Value {
        self.authenticated_with(json!({ "amount": amount })).await
    }

    /// The shopper presses "pay" in the window that is open for this payment; the answer is the confirm that is due.
    pub(crate) async fn approved_in_the_window(&self, payment: &Value) -> Value {
        let request = self.anonymous(Method::POST, &format!("/window/{}", text(&payment["paymentKey"])));
        let pressed = request.header("content-type", "application/x-www-form-urlencoded").body("outcome=approve");
        assert_eq!(read(pressed).await.status, 303);
        confirm_body(payment)
    }

    /// Plays the shopper and confirms: the payment that Toss answers.
    pub(crate) async fn paid_with(&self, body: Value) -> Value {
        let due = self.authenticated_with(body).await;
        self.confirm(&due).await.is(200, "DONE")
    }

    pub(crate) async fn paid(&self, amount: i64) -> Value {
        self.paid_with(json!({ "amount": amount })).await
    }

    /// A virtual account with the money on it.
    pub(crate) async fn deposited(&self, amount: i64) -> Value {
        let payment = self.waiting(amount).await;
        self.control("deposit", &json!({ "paymentKey": payment["paymentKey"] })).await;
        self.query(&payment).await.is(200, "DONE")
    }

    /// The next call of this endpoint takes long enough for another to come in between.
    pub(crate) async fn slow_down(&self, endpoint: &str) {
        let rule = json!({ "match": { "endpoint": endpoint }, "times": 1, "then": { "kind": "delay", "ms": 3000 } });
        self.control("rules", &rule).await;
    }

    /// Waits until the simulator's log shows a request for this path.
    pub(crate) async fn has_arrived(&self, path: &str) {
        while !self.see("requests").await["requests"].to_string().contains(path) {
            tokio::task::yield_now().await;
        }
    }

    pub(crate) async fn advance(&self, seconds: i64) {
        self.control("clock", &json!({ "advanceSeconds": seconds })).await;
    }
}

pub(crate) const MINUTE: i64 = 60;
pub(crate) const DAY: i64 = 24 * 60 * MINUTE;

pub(crate) async fn read(request: RequestBuilder) -> Answer {
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    Answer { status, headers, text: response.text().await.unwrap() }
}

pub(crate) fn cancel_path(payment: &Value) -> String {
    format!("/v1/payments/{}/cancel", text(&payment["paymentKey"]))
}

pub(crate) fn confirm_body(payment: &Value) -> Value {
    let amount = payment.get("amount").unwrap_or(&payment["totalAmount"]);
    json!({ "paymentKey": payment["paymentKey"], "orderId": payment["orderId"], "amount": amount })
}

pub(crate) fn account(amount: i64) -> Value {
    json!({
        "amount": amount, "orderId": fresh("order"), "orderName": "책 한 권", "customerName": "김심", "bank": "88",
    })
}

pub(crate) fn refund_account() -> Value {
    json!({ "bank": "20", "accountNumber": "1002123456789", "holderName": "김심" })
}

/// Nobody else has used it, also at an address that others use.
pub(crate) fn fresh(what: &str) -> String {
    format!("{what}-{:016x}", rand::random::<u64>())
}

#[track_caller]
pub(crate) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}"))
}

#[track_caller]
pub(crate) fn int(value: &Value) -> i64 {
    value.as_i64().unwrap_or_else(|| panic!("no whole number: {value}"))
}
