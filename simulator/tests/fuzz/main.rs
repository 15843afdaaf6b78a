//! Requests that are wrong in every way, thousands of them: the simulator answers each, in Toss's own form where Toss
//! would, and its books still balance.
//!
//! Every run draws other requests and prints its seed. `FUZZ_SEED=…` draws the same ones again, `FUZZ_SECONDS=3600`
//! goes on for an hour instead of for [`REQUESTS`]. The simulator is a process of its own, so that nothing it does to
//! itself can pass for a failed test, and whatever it says about a panic is a failure even where the client saw none.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

mod audit;
mod spoil;
mod valid;
mod wire;

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio_util::task::TaskTracker;

use spoil::{Sent, spoil};
use valid::Known;
use wire::{Answer, Connection, Ended, LIMIT};

/// A few seconds' worth.
const REQUESTS: u64 = 6_000;
/// How often the books are looked at.
const AUDIT_EVERY: u64 = 500;
/// What a rule or a latency just set may do to a request is its own affair, but only for so long.
const IMPATIENCE: Duration = Duration::from_millis(100);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_requests_are_answered_and_the_books_balance() {
    let seed = number("FUZZ_SEED").unwrap_or_else(rand::random);
    let until = number("FUZZ_SECONDS").map(|seconds| Instant::now() + Duration::from_secs(seconds));
    println!("FUZZ_SEED={seed}");
    let mut simulator = Simulator::start().await;
    let mut fuzz = Fuzz {
        rng: StdRng::seed_from_u64(seed),
        known: Known::default(),
        connection: None,
        addr: simulator.addr,
        accepted: 0,
    };
    let mut done = 0;
    while until.map_or(done < REQUESTS, |until| Instant::now() < until) {
        if let Err(wrong) = fuzz.one().await.and_then(|()| simulator.said_nothing_bad()) {
            panic!("FUZZ_SEED={seed}, request {done}: {wrong}");
        }
        done += 1;
        if done % AUDIT_EVERY == 0 {
            audit::books_balance(&mut fuzz).await;
        }
    }
    audit::books_balance(&mut fuzz).await;
    assert!(simulator.process.try_wait().unwrap().is_none(), "FUZZ_SEED={seed}: the simulator is gone");
    println!("{done} requests, {} of them accepted", fuzz.accepted);
    assert!(fuzz.accepted > done / 10, "hardly a request got far enough to do harm");
}

#[expect(clippy::disallowed_methods, reason = "a test has no settings of its own but these two")]
fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().expect("a number"))
}

struct Fuzz {
    rng: StdRng,
    known: Known,
    connection: Option<Connection>,
    addr: SocketAddr,
    /// How many did what they asked.
    accepted: u64,
}

impl Fuzz {
    async fn one(&mut self) -> Result<(), String> {
        let request = valid::any(&mut self.known, &mut self.rng);
        let sent = spoil(request, &mut self.rng);
        let wrong = |what: &str| format!("{what}\n{}", shown(&sent.bytes));
        let ended = self.send(&sent.bytes, sent.half_close, &sent.method, LIMIT).await;
        let answer = match ended {
            Ended::Hung => return Err(wrong("no answer")),
            // Half a request may be hung up on.
            Ended::Closed(_) if !sent.is_http => return Ok(()),
            Ended::Closed(part) => return Err(wrong(&format!("closed after {:?}", String::from_utf8_lossy(&part)))),
            Ended::Answered(answer) => answer,
        };
        if !sent.is_http {
            let is_right = answer.status < 500 || sent.asks_for_error || answer.is_replay;
            return if is_right { Ok(()) } else { Err(wrong(&format!("{answer:?}"))) };
        }
        check(&sent, &answer)
            .map_err(|what| wrong(&format!("{what}: {} {:?}", answer.status, String::from_utf8_lossy(&answer.body))))?;
        self.after(&sent, &answer).await
    }

    async fn send(&mut self, bytes: &[u8], half_close: bool, method: &str, limit: Duration) -> Ended {
        if let Some(mut used) = self.connection.take() {
            let ended = used.ask(bytes, half_close, method, limit).await;
            // A server may close a connection after any answer; the client learns it when it asks again.
            if !matches!(&ended, Ended::Closed(part) if part.is_empty()) {
                self.keep(used, &ended, half_close);
                return ended;
            }
        }
        let mut fresh = Connection::open(self.addr).await;
        let ended = fresh.ask(bytes, half_close, method, limit).await;
        self.keep(fresh, &ended, half_close);
        ended
    }

    fn keep(&mut self, connection: Connection, ended: &Ended, half_close: bool) {
        if matches!(ended, Ended::Answered(answer) if answer.stays) && !half_close {
            self.connection = Some(connection);
        }
    }

    /// What has an effect on all that follows is tried out once and then taken back.
    async fn after(&mut self, sent: &Sent, answer: &Answer) -> Result<(), String> {
        let succeeded = (200..400).contains(&answer.status);
        self.accepted += u64::from(succeeded);
        if let Ok(value) = serde_json::from_slice::<Value>(&answer.body)
            && succeeded
        {
            self.known.learn(&value);
        }
        if !succeeded || sent.method != "POST" {
            return Ok(());
        }
        let has_path = |path: &str| sent.target.starts_with(path.as_bytes());
        if has_path("/control/rules") || has_path("/control/latency") {
            // Whatever they do, the simulator survives it; a hanging request is given up.
            let newest = self.known.payments.back().cloned();
            if let Some(payment) = newest {
                let query = format!("GET /v1/payments/{} HTTP/1.1\r\nhost: fuzz\r\n\r\n", payment.key);
                let by_order = format!("GET /v1/payments/orders/{} HTTP/1.1\r\nhost: fuzz\r\n\r\n", payment.order_id);
                for request in [query, by_order] {
                    self.send(request.as_bytes(), false, "GET", IMPATIENCE).await;
                    self.connection = None;
                }
            }
            self.control("DELETE", "/control/rules", "").await?;
            self.control("POST", "/control/latency", r#"{"fixedMs":0}"#).await?;
        } else if has_path("/control/rate-limit") {
            self.control("POST", "/control/rate-limit", "{}").await?;
        } else if has_path("/control/reset") || has_path("/control/page/reset") {
            self.known.forget();
        } else if has_path("/control/merchants") && self.rng.random_bool(0.05) {
            self.control("POST", "/control/reset", "").await?;
            self.known.forget();
        }
        Ok(())
    }

    /// A right call, which must work.
    async fn control(&mut self, method: &str, path: &str, body: &str) -> Result<Value, String> {
        let length = body.len();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: fuzz\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
        );
        self.connection = None;
        match self.send(request.as_bytes(), false, method, LIMIT).await {
            Ended::Answered(answer) if (200..300).contains(&answer.status) => {
                Ok(serde_json::from_slice(&answer.body).unwrap_or_default())
            }
            ended @ (Ended::Answered(_) | Ended::Closed(_) | Ended::Hung) => Err(format!("{method} {path}: {ended:?}")),
        }
    }
}

/// What every answer to well-formed HTTP must be.
fn check(sent: &Sent, answer: &Answer) -> Result<(), &'static str> {
    let path = sent.target.split(|byte| *byte == b'?').next().unwrap_or_default();
    let is_script = [&b"/v1"[..], b"/v1/payment", b"/v1/payment-widget"].contains(&path);
    let is_checkout = path.starts_with(b"/v1/payments/") && path.ends_with(b"/checkout");
    let is_toss = path.starts_with(b"/v1/") && !is_script && !is_checkout;
    let error: Option<Value> = serde_json::from_slice(&answer.body).ok();
    let has_form = error.as_ref().is_some_and(|error| error["code"].is_string() && error["message"].is_string());
    let shows_form = has_form || sent.method == "HEAD";
    // The first answer under a key was looked at when it was given.
    let is_asked_for = sent.asks_for_error || answer.is_replay || is_full(error.as_ref());
    if answer.status >= 500 && !(shows_form && is_asked_for) {
        return Err("an error of the simulator's own");
    }
    if is_toss && sent.method != "HEAD" {
        if !answer.kind.starts_with("application/json") {
            return Err("not JSON");
        }
        if answer.status >= 400 && !has_form {
            return Err("not Toss's error form");
        }
        if error.is_none() {
            return Err("JSON that cannot be read");
        }
    }
    if path.starts_with(b"/control/")
        && answer.status >= 400
        && sent.method != "HEAD"
        && !answer.body.is_empty()
        && !has_form
        && !path.starts_with(b"/control/page/")
    {
        return Err("a refusal in another form");
    }
    Ok(())
}

/// The one thing the control API may be unable to do.
fn is_full(error: Option<&Value>) -> bool {
    error.is_some_and(|error| error["code"] == "FULL")
}

fn shown(bytes: &[u8]) -> String {
    bytes.get(..2_000).unwrap_or(bytes).escape_ascii().to_string()
}

struct Simulator {
    addr: SocketAddr,
    process: Child,
    /// Lines of its log that must not be there.
    bad: Arc<Mutex<Vec<String>>>,
    _reading: TaskTracker,
}

impl Simulator {
    async fn start() -> Self {
        let addr = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_simulator"));
        command.env("SIMULATOR_ADDR", addr.to_string()).env("RUST_LOG", "warn").env("NO_COLOR", "1");
        command.stdin(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut process = command.spawn().unwrap();
        let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
        let (bad, reading) = (Arc::<Mutex<Vec<String>>>::default(), TaskTracker::new());
        let found = Arc::clone(&bad);
        reading.spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                if line.contains("panicked") || line.contains("ERROR") {
                    found.lock().unwrap().push(line);
                }
            }
        });
        let connect = async {
            while TcpStream::connect(addr).await.is_err() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(LIMIT, connect).await.expect("the simulator listens");
        Self { addr, process, bad, _reading: reading }
    }

    fn said_nothing_bad(&mut self) -> Result<(), String> {
        let bad = self.bad.lock().unwrap();
        if bad.is_empty() { Ok(()) } else { Err(format!("the simulator said {bad:?}")) }
    }
}
