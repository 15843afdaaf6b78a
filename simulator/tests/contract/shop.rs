//! A shop that hears webhooks.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use crate::toss::{Toss, fresh};

/// Only a case that is going to fail waits this long.
const LIMIT: Duration = Duration::from_secs(20);

pub(crate) struct Shop {
    pub(crate) url: String,
    /// The status the shop answers with.
    pub(crate) answer: Arc<AtomicU16>,
    heard: mpsc::UnboundedReceiver<Hook>,
}

#[derive(Debug)]
pub(crate) struct Hook {
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Hook {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers[&format!("tosspayments-webhook-transmission-{name}")].to_str().unwrap()
    }
}

#[derive(Clone)]
struct Desk {
    answer: Arc<AtomicU16>,
    heard: mpsc::UnboundedSender<Hook>,
}

impl Shop {
    pub(crate) async fn open(toss: &Toss, events: &[&str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let (sender, heard) = mpsc::unbounded_channel();
        let answer = Arc::new(AtomicU16::new(200));
        let desk = Desk { answer: Arc::clone(&answer), heard: sender };
        let app = Router::new().route("/hook", post(hear)).with_state(desk);
        let stop = toss.stop.clone();
        toss.tasks.spawn(async move {
            axum::serve(listener, app).with_graceful_shutdown(stop.cancelled_owned()).await.unwrap();
        });
        for event in events {
            toss.control("webhooks", &json!({ "event": event, "url": url })).await;
        }
        Self { url, answer, heard }
    }

    pub(crate) fn answers(&self, status: u16) {
        self.answer.store(status, Ordering::SeqCst);
    }

    pub(crate) async fn next(&mut self) -> Hook {
        loop {
            let hook = self.any().await;
            if hook.body.get("mark").is_none() {
                return hook;
            }
        }
    }

    async fn any(&mut self) -> Hook {
        tokio::time::timeout(LIMIT, self.heard.recv()).await.expect("no webhook came").unwrap()
    }

    /// What arrives before a webhook that we have sent by now ourselves. It shows that something came, and makes it
    /// likely that nothing did: Toss promises no order.
    pub(crate) async fn rest(&mut self, toss: &Toss) -> Vec<Hook> {
        let mark = json!({ "mark": fresh("mark") });
        toss.control("webhooks/forge", &json!({ "url": self.url, "body": mark })).await;
        let mut rest = Vec::new();
        loop {
            let hook = self.any().await;
            if hook.body == mark {
                return rest;
            }
            if hook.body.get("mark").is_none() {
                rest.push(hook);
            }
        }
    }
}

async fn hear(State(desk): State<Desk>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let body = serde_json::from_slice(&body).unwrap();
    // A case that has heard enough may be over.
    let _ = desk.heard.send(Hook { headers, body });
    StatusCode::from_u16(desk.answer.load(Ordering::SeqCst)).unwrap()
}
