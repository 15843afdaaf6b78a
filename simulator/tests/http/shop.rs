//! A shop that receives webhooks: it answers as it is told and keeps what it got.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use crate::harness::{LIMIT, Sim};

pub(crate) struct Shop {
    pub(crate) url: String,
    /// What the shop answers; None keeps the simulator waiting.
    pub(crate) answer: Arc<Mutex<Option<u16>>>,
    received: mpsc::UnboundedReceiver<Hook>,
}

#[derive(Debug)]
pub(crate) struct Hook {
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

#[derive(Clone)]
struct Desk {
    answer: Arc<Mutex<Option<u16>>>,
    received: mpsc::UnboundedSender<Hook>,
}

impl Hook {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers[&format!("tosspayments-webhook-transmission-{name}")].to_str().unwrap()
    }

    /// The payment's status that it tells of.
    pub(crate) fn status(&self) -> String {
        self.json()["data"]["status"].as_str().unwrap().to_owned()
    }
}

impl Shop {
    /// Opens and registers for the changes of payments.
    pub(crate) async fn open(sim: &Sim) -> Self {
        let shop = Self::unknown(sim).await;
        sim.control("webhooks", json!({ "event": "PAYMENT_STATUS_CHANGED", "url": shop.url })).await;
        shop
    }

    /// Opens without registering for anything.
    pub(crate) async fn unknown(sim: &Sim) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let (sender, received) = mpsc::unbounded_channel();
        let answer = Arc::new(Mutex::new(Some(200)));
        let desk = Desk { answer: Arc::clone(&answer), received: sender };
        let app = Router::new().route("/hook", post(receive)).with_state(desk);
        let stop = sim.stop.clone();
        sim.tasks.spawn(async move {
            axum::serve(listener, app).with_graceful_shutdown(stop.cancelled_owned()).await.unwrap();
        });
        Self { url, answer, received }
    }

    pub(crate) fn answers(&self, status: Option<u16>) {
        *self.answer.lock().unwrap() = status;
    }

    pub(crate) async fn next(&mut self) -> Hook {
        tokio::time::timeout(LIMIT, self.received.recv()).await.expect("no webhook came").unwrap()
    }

    /// What has arrived and was not looked at yet.
    pub(crate) fn at_once(&mut self) -> Option<Hook> {
        self.received.try_recv().ok()
    }
}

async fn receive(State(desk): State<Desk>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let hook = Hook { headers, text: String::from_utf8(body.to_vec()).unwrap() };
    let answer = *desk.answer.lock().unwrap();
    desk.received.send(hook).unwrap();
    match answer {
        Some(status) => StatusCode::from_u16(status).unwrap(),
        None => std::future::pending().await,
    }
}
