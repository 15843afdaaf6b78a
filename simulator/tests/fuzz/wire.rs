//! One connection to the simulator, and an answer read from it by hand: whatever a client library would hide must show.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Far longer than any answer takes here.
pub(crate) const LIMIT: Duration = Duration::from_secs(15);

pub(crate) struct Connection {
    stream: TcpStream,
    received: Vec<u8>,
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) kind: String,
    pub(crate) body: Vec<u8>,
    /// The stored answer to an earlier request under the same idempotency key.
    pub(crate) is_replay: bool,
    /// Whether another request may follow on the connection.
    pub(crate) stays: bool,
}

#[derive(Debug)]
pub(crate) enum Ended {
    Answered(Answer),
    /// Closed, with this much of an answer.
    Closed(Vec<u8>),
    Hung,
}

impl Connection {
    pub(crate) async fn open(addr: SocketAddr) -> Self {
        let stream = TcpStream::connect(addr).await.expect("the simulator takes connections");
        stream.set_nodelay(true).unwrap();
        Self { stream, received: Vec::new() }
    }

    pub(crate) async fn ask(&mut self, bytes: &[u8], half_close: bool, method: &str, limit: Duration) -> Ended {
        let talk = async {
            // A server that has heard enough may close before it has heard all; what it said can still be read.
            let _ = self.stream.write_all(bytes).await;
            if half_close {
                let _ = self.stream.shutdown().await;
            }
            self.answer(method).await
        };
        match tokio::time::timeout(limit, talk).await {
            Err(_) => Ended::Hung,
            Ok(Some(answer)) => Ended::Answered(answer),
            Ok(None) => Ended::Closed(std::mem::take(&mut self.received)),
        }
    }

    /// None when the connection closes before an answer is whole.
    async fn answer(&mut self, method: &str) -> Option<Answer> {
        self.received.clear();
        loop {
            let body_at = loop {
                if let Some(at) = self.received.windows(4).position(|window| window == b"\r\n\r\n") {
                    break at + 4;
                }
                self.receive().await?;
            };
            let head = String::from_utf8_lossy(&self.received[..body_at]).to_ascii_lowercase();
            let status: u16 = head.get(9..12)?.parse().ok()?;
            if status == 100 {
                self.received.drain(..body_at);
                continue;
            }
            let header = |name: &str| head.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
            let has_none = method == "HEAD" || matches!(status, 204 | 304);
            let length: usize =
                header("content-length:").filter(|_| !has_none).map_or(Some(0), |text| text.parse().ok())?;
            let stays = header("connection:") != Some("close");
            let is_replay = header("x-tosspayments-trace-id:").is_some_and(|ids| ids.contains(','));
            let kind = header("content-type:").unwrap_or_default().to_owned();
            if header("transfer-encoding:").is_some() && !has_none {
                while !self.received.ends_with(b"0\r\n\r\n") {
                    self.receive().await?;
                }
            }
            while self.received.len() < body_at + length {
                self.receive().await?;
            }
            return Some(Answer { status, kind, body: self.received[body_at..].to_vec(), is_replay, stays });
        }
    }

    async fn receive(&mut self) -> Option<()> {
        let read = self.stream.read_buf(&mut self.received).await;
        read.ok().filter(|length| *length > 0).map(|_| ())
    }
}
