//! One connection and its requests, as cheaply as a client can make them.

use std::net::SocketAddr;

use anyhow::{Context as _, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use simulator::DEFAULT_SECRET_KEY;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

pub(crate) struct Connection {
    stream: TcpStream,
    received: Vec<u8>,
}

pub(crate) struct Answer<'a> {
    pub(crate) status: u16,
    pub(crate) body: &'a [u8],
}

impl Connection {
    pub(crate) async fn open(addr: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(addr).await.context("no connection; is `ulimit -n` high enough?")?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, received: Vec::with_capacity(8 * 1024) })
    }

    pub(crate) async fn send(&mut self, request: &[u8]) -> anyhow::Result<()> {
        Ok(self.stream.write_all(request).await?)
    }

    /// The answer to the one request that is under way.
    pub(crate) async fn answer(&mut self) -> anyhow::Result<Answer<'_>> {
        self.received.clear();
        let body_at = loop {
            self.receive().await?;
            if let Some(at) = find(&self.received, b"\r\n\r\n") {
                break at + 4;
            }
        };
        let head = std::str::from_utf8(&self.received[..body_at])?;
        let status = head.get(9..12).context("no status line")?.parse()?;
        let length: usize =
            head.lines().find_map(|line| line.strip_prefix("content-length: ")).map_or(Ok(0), str::parse)?;
        while self.received.len() < body_at + length {
            self.receive().await?;
        }
        Ok(Answer { status, body: &self.received[body_at..] })
    }

    async fn receive(&mut self) -> anyhow::Result<()> {
        if self.stream.read_buf(&mut self.received).await? == 0 {
            bail!("the connection closed in the middle of an answer");
        }
        Ok(())
    }
}

pub(crate) fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len()).position(|window| window == wanted)
}

/// Plays the shopper. The key is ours, so the answer need not be read for it.
pub(crate) fn authenticate(round: usize, number: usize) -> Vec<u8> {
    let body =
        format!(r#"{{"orderId":"load-{round}-{number:07}","paymentKey":"load_{round}_{number:07}","amount":10000}}"#);
    post("/control/authenticate", "", &body)
}

pub(crate) fn confirm(round: usize, number: usize, authorization: &str) -> Vec<u8> {
    let body =
        format!(r#"{{"paymentKey":"load_{round}_{number:07}","orderId":"load-{round}-{number:07}","amount":10000}}"#);
    let headers = format!("authorization: {authorization}\r\nidempotency-key: load-{round}-{number:07}\r\n");
    post("/v1/payments/confirm", &headers, &body)
}

pub(crate) fn authorization() -> String {
    format!("Basic {}", STANDARD.encode(format!("{DEFAULT_SECRET_KEY}:")))
}

pub(crate) fn post(path: &str, headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n{headers}content-length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

pub(crate) fn get(path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n").into_bytes()
}
