//! Each connection is an open file, and many systems allow a process few unless it asks for more.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::harness::{
    process::{Binary, Process, free_addr, until_it_answers},
    shop::Shop,
};

const ALLOWED: u32 = 64;
const CONNECTIONS: usize = 300;

/// Asks and keeps the connection open, as a live page does.
async fn asked_and_kept(addr: &str) -> TcpStream {
    let mut stream = TcpStream::connect(addr).await.unwrap();
    stream.write_all(b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let mut answer = [0; 12];
    let read = timeout(Duration::from_secs(10), stream.read_exact(&mut answer)).await;
    read.expect("it takes no more connections").expect("it closes the connection");
    assert_eq!(&answer, b"HTTP/1.1 200");
    stream
}

#[tokio::test]
async fn who_is_allowed_few_open_files_asks_for_more() {
    let shop = Shop::start(0).await;
    for (binary, setting) in [(Binary::Api, "API_ADDR"), (Binary::Worker, "WORKER_ADDR")] {
        let addr = free_addr();
        let env = shop.env_pairs().into_iter().chain([(setting.to_owned(), addr.clone())]);
        let process = Process::start_with_few_files(binary, ALLOWED, env);
        until_it_answers(&shop, &addr).await;
        let mut kept = Vec::new();
        for _ in 0..CONNECTIONS {
            kept.push(asked_and_kept(&addr).await);
        }
        // Where the system shows it: enough for all streams there may be, too.
        if let Ok(limits) = std::fs::read_to_string(format!("/proc/{}/limits", process.id())) {
            let line = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
            let soft: usize = line.split_whitespace().nth(3).unwrap().parse().unwrap();
            let least = if setting == "API_ADDR" { 4_000 } else { 500 };
            assert!(soft > least, "{line}");
        }
        drop(kept);
        process.kill().await;
    }
    shop.finish().await;
}
