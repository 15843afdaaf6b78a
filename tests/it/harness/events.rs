//! A stream of Server-Sent Events, as a program reads it.

use std::time::Duration;

use reqwest::{Response, StatusCode};
use serde_json::Value;

use super::{answered::Answered, shop::Shop};

/// Longer than anything takes that is told live, and the heartbeat.
const LIMIT: Duration = Duration::from_secs(20);

pub(crate) struct Events {
    response: Response,
    text: String,
}

/// One event, or a comment.
#[derive(Debug, PartialEq)]
pub(crate) struct Event {
    pub(crate) name: String,
    pub(crate) id: Option<i64>,
    pub(crate) data: Value,
}

impl Event {
    fn parse(block: &str) -> Self {
        let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name)).map(str::trim_start);
        let name = field("event:").or_else(|| field("retry:").map(|_| "retry"));
        Self {
            name: name.unwrap_or("comment").to_owned(),
            id: field("id:").map(|id| id.parse().unwrap()),
            data: field("data:").map_or(Value::Null, |data| serde_json::from_str(data).unwrap()),
        }
    }

    /// The state that the change led to.
    pub(crate) fn to(&self) -> &str {
        self.data["to"].as_str().unwrap_or(&self.name)
    }
}

impl Events {
    /// The next event that is more than a heartbeat or the hint when to come back; none when the stream has ended.
    pub(crate) async fn next(&mut self) -> Option<Event> {
        let next = async {
            loop {
                let event = self.next_of_any_kind().await?;
                if event.name != "retry" && event.name != "comment" {
                    return Some(event);
                }
            }
        };
        tokio::time::timeout(LIMIT, next).await.expect("the stream tells nothing")
    }

    pub(crate) async fn next_of_any_kind(&mut self) -> Option<Event> {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let (event, rest) = (Event::parse(block), rest.to_owned());
                self.text = rest;
                return Some(event);
            }
            let chunk = tokio::time::timeout(LIMIT, self.response.chunk()).await.expect("the stream is silent");
            self.text.push_str(std::str::from_utf8(&chunk.unwrap()?).unwrap());
        }
    }

    /// All that is left, to the end of the stream.
    pub(crate) async fn rest(mut self) -> Vec<Event> {
        let mut events = Vec::new();
        while let Some(event) = self.next().await {
            events.push(event);
        }
        events
    }
}

impl Shop {
    pub(crate) async fn ask_for_events(&self, order: &str, headers: &[(&str, &str)]) -> Response {
        let mut request = self.http.get(format!("{}/api/v1/orders/{order}/events", self.api.url()));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.send().await.unwrap()
    }

    pub(crate) async fn events(&self, order: &str, headers: &[(&str, &str)]) -> Events {
        let response = self.ask_for_events(order, headers).await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert_eq!(response.headers()["cache-control"], "no-store");
        Events { response, text: String::new() }
    }

    /// For streams that are refused.
    pub(crate) async fn no_events(&self, order: &str, headers: &[(&str, &str)]) -> Answered {
        let response = self.ask_for_events(order, headers).await;
        let (status, headers) = (response.status(), response.headers().clone());
        assert_ne!(status, StatusCode::OK);
        Answered { status, headers, text: response.text().await.unwrap() }
    }
}
