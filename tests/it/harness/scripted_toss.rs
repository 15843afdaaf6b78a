//! A Toss whose answers a test writes, byte for byte: for what the simulator, which answers as Toss does, never says.

use std::sync::Arc;

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

/// A call that arrived.
pub(crate) struct Call {
    /// As `POST /v1/payments/confirm`.
    pub(crate) line: String,
    /// Null for a query.
    pub(crate) body: Value,
}

impl Call {
    /// Of which payment it is about.
    pub(crate) fn payment_key(&self) -> String {
        match self.body["paymentKey"].as_str() {
            Some(key) => key.to_owned(),
            None => self.line.split('/').nth(3).unwrap_or_default().to_owned(),
        }
    }
}

type Script = dyn Fn(&Call) -> (u16, Vec<u8>) + Send + Sync;

/// Answers until it is dropped.
pub(crate) struct ScriptedToss {
    pub(crate) url: String,
    _accepting: AbortOnDropHandle<()>,
}

impl ScriptedToss {
    /// `script` says status and body for each call.
    pub(crate) async fn start(script: impl Fn(&Call) -> (u16, Vec<u8>) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (tracker, script): (_, Arc<Script>) = (TaskTracker::new(), Arc::new(script));
        let connections = tracker.clone();
        let accepting = tracker.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(answer(stream, Arc::clone(&script)));
            }
        });
        Self { url, _accepting: AbortOnDropHandle::new(accepting) }
    }
}

/// One call on a connection. A client that hangs up is nothing to us.
async fn answer(mut stream: TcpStream, script: Arc<Script>) {
    let mut arrived = Vec::new();
    let (head, body) = loop {
        match stream.read_buf(&mut arrived).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        let Some(end) = arrived.windows(4).position(|window| window == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&arrived[..end]).into_owned();
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
        });
        let body = &arrived[end + 4..];
        if body.len() >= length.unwrap_or_default() {
            break (head, body.to_vec());
        }
    };
    let line = head.lines().next().unwrap_or_default().trim_end_matches(" HTTP/1.1").to_owned();
    let (status, body) = script(&Call { line, body: serde_json::from_slice(&body).unwrap_or_default() });
    let head = format!(
        "HTTP/1.1 {status} Scripted\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    let _ = stream.write_all(&[head.as_bytes(), &body].concat()).await;
}
