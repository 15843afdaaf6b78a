//! A simulator, a shop and a browser for one test, and the few gestures a shopper makes.

use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::{Value, json};
use simulator::{
    DEFAULT_CLIENT_KEY, DEFAULT_SECRET_KEY, DEFAULT_WIDGET_CLIENT_KEY, DEFAULT_WIDGET_SECRET_KEY, Settings,
};
use thirtyfour::prelude::*;
use thirtyfour::{ChromeCapabilities, ChromiumLikeCapabilities, LoggingPrefsLogLevel};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use url::Url;

/// Far longer than anything here takes; only a test that is going to fail ever waits this long.
const LIMIT: Duration = Duration::from_secs(20);
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// One browser at a time: several on a small machine only wait for each other.
static BROWSER: Mutex<()> = Mutex::const_new(());

#[derive(Debug, Clone, Copy)]
pub(crate) enum Device {
    Desktop,
    Phone,
}

#[derive(Clone)]
pub(crate) struct Stage {
    pub(crate) simulator: String,
    pub(crate) shop: String,
    pub(crate) driver: WebDriver,
    client: reqwest::Client,
}

/// Runs one story, then checks that the browser has nothing to complain about.
pub(crate) async fn play<F, Story>(device: Device, story: Story)
where
    Story: FnOnce(Stage) -> F,
    F: Future<Output = ()> + Send + 'static,
{
    // The second test in the process finds the provider already installed, which is just as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let _alone = BROWSER.lock().await;
    let (ending, tasks) = (CancellationToken::new(), TaskTracker::new());
    let simulator = serve_simulator(&ending, &tasks).await;
    let shop = serve_shop(&simulator, &ending, &tasks).await;
    let (mut chromedriver, port) = chromedriver().await;
    let driver = WebDriver::new(format!("http://127.0.0.1:{port}"), capabilities(device)).await.unwrap();
    let client = reqwest::Client::builder().no_proxy().timeout(LIMIT).build().unwrap();
    let stage = Stage { simulator, shop, driver: driver.clone(), client };
    // In a task of its own, so that the browser is closed even when the story panics.
    let told = tasks.spawn(story(stage)).await;
    let complaints = driver.browser_log().await.unwrap();
    driver.quit().await.unwrap();
    chromedriver.kill().await.unwrap();
    ending.cancel();
    tasks.close();
    tasks.wait().await;
    if let Err(failed) = told {
        std::panic::resume_unwind(failed.into_panic());
    }
    assert!(complaints.is_empty(), "{complaints:#?}");
}

async fn serve_simulator(ending: &CancellationToken, tasks: &TaskTracker) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let served = simulator::serve(listener, Settings::default(), ending.clone());
    tasks.spawn(async { served.await.unwrap() });
    base
}

/// The shop's pages, at an origin of their own: `localhost` beside the simulator's `127.0.0.1`.
async fn serve_shop(simulator: &str, ending: &CancellationToken, tasks: &TaskTracker) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://localhost:{}", listener.local_addr().unwrap().port());
    let shop = Router::new().route("/{page}", get(page)).with_state(Arc::from(simulator));
    let served = axum::serve(listener, shop).with_graceful_shutdown(ending.clone().cancelled_owned());
    tasks.spawn(async { served.await.unwrap() });
    base
}

async fn page(State(simulator): State<Arc<str>>, Path(name): Path<String>) -> Response {
    let text = match name.as_str() {
        "v2-payment" => include_str!("pages/v2-payment.html"),
        "v2-payment.js" => include_str!("pages/v2-payment.js"),
        "v2-widget" => include_str!("pages/v2-widget.html"),
        "v2-widget.js" => include_str!("pages/v2-widget.js"),
        "v2-sheet" => include_str!("pages/v2-sheet.html"),
        "v2-sheet.js" => include_str!("pages/v2-sheet.js"),
        "v1-payment" => include_str!("pages/v1-payment.html"),
        "v1-payment.js" => include_str!("pages/v1-payment.js"),
        "v1-widget" => include_str!("pages/v1-widget.html"),
        "v1-widget.js" => include_str!("pages/v1-widget.js"),
        "success" | "fail" => include_str!("pages/end.html"),
        _ => return StatusCode::NOT_FOUND.into_response(),
    };
    let text = text
        .replace("{SIMULATOR}", &simulator)
        .replace("{CLIENT_KEY}", DEFAULT_CLIENT_KEY)
        .replace("{WIDGET_CLIENT_KEY}", DEFAULT_WIDGET_CLIENT_KEY);
    let kind = if name.ends_with("js") { "text/javascript; charset=utf-8" } else { "text/html; charset=utf-8" };
    let policy = format!(
        "default-src 'none'; script-src 'self' {simulator}; connect-src {simulator}; frame-src {simulator}; \
         img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    ([("content-type", kind), ("content-security-policy", policy.as_str())], text).into_response()
}

/// Started on a port that it chooses and says. It exits where the port it chose is taken on the other of IPv4 and IPv6;
/// the next one chooses another.
async fn chromedriver() -> (Child, u16) {
    let listening = async {
        loop {
            if let Some(listening) = try_chromedriver().await {
                return listening;
            }
        }
    };
    tokio::time::timeout(LIMIT, listening).await.expect("chromedriver says where it listens")
}

/// None when it exits before it listens.
async fn try_chromedriver() -> Option<(Child, u16)> {
    let mut command = Command::new("chromedriver");
    command.arg("--port=0").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
    let mut child = command.spawn().expect("chromedriver is on the PATH");
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    while let Some(line) = lines.next_line().await.unwrap() {
        if let Some((_, port)) = line.split_once("started successfully on port ") {
            return Some((child, port.trim_end_matches('.').parse().unwrap()));
        }
    }
    None
}

fn capabilities(device: Device) -> ChromeCapabilities {
    let mut capabilities = DesiredCapabilities::chrome();
    // A container has no room in /dev/shm, and root has no sandbox.
    for arg in ["--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--accept-lang=ko"] {
        capabilities.add_arg(arg).unwrap();
    }
    capabilities.add_arg("--window-size=1280,900").unwrap();
    if matches!(device, Device::Phone) {
        let metrics = json!({ "width": 390, "height": 844, "pixelRatio": 3, "mobile": true, "touch": true });
        let agent = "Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 Chrome/140.0 Mobile Safari/537.36";
        let emulation = json!({ "deviceMetrics": metrics, "userAgent": agent });
        capabilities.add_experimental_option("mobileEmulation", emulation).unwrap();
    }
    capabilities.set_browser_log_level(LoggingPrefsLogLevel::Warning).unwrap();
    capabilities
}

impl Stage {
    pub(crate) async fn visit(&self, page: &str) {
        self.driver.goto(format!("{}/{page}", self.shop)).await.unwrap();
    }

    /// Clicks as a shopper does: when the thing is there, in view and enabled.
    pub(crate) async fn click(&self, css: &str) {
        let element = self.driver.query(By::Css(css)).wait(LIMIT, LOOK_AGAIN).first().await.unwrap();
        element.wait_until().wait(LIMIT, LOOK_AGAIN).enabled().await.unwrap();
        element.scroll_into_view().await.unwrap();
        element.click().await.unwrap();
    }

    /// Goes into a frame of the shop's page.
    pub(crate) async fn enter(&self, css: &str) {
        self.leave().await;
        let frame = self.driver.query(By::Css(css)).wait(LIMIT, LOOK_AGAIN).first().await.unwrap();
        frame.enter_frame().await.unwrap();
    }

    pub(crate) async fn leave(&self) {
        self.driver.enter_default_frame().await.unwrap();
    }

    pub(crate) async fn has(&self, css: &str) -> bool {
        !self.driver.find_all(By::Css(css)).await.unwrap().is_empty()
    }

    /// Waits until nothing matches any more.
    pub(crate) async fn gone(&self, css: &str) {
        let gone = async {
            while self.has(css).await {
                tokio::time::sleep(LOOK_AGAIN).await;
            }
        };
        tokio::time::timeout(LIMIT, gone).await.expect("it goes away");
    }

    /// Waits until the shop's page has written down exactly this.
    pub(crate) async fn result_becomes(&self, text: &str) {
        let becomes = async {
            while self.result().await != text {
                tokio::time::sleep(LOOK_AGAIN).await;
            }
        };
        tokio::time::timeout(LIMIT, becomes).await.expect("the shop's page learns it");
    }

    /// What the shop's page has written down, as soon as it has.
    pub(crate) async fn result(&self) -> String {
        self.leave().await;
        let output = self.driver.find(By::Css("#result")).await.unwrap();
        let written = async {
            loop {
                let text = output.text().await.unwrap();
                if !text.is_empty() {
                    return text;
                }
                tokio::time::sleep(LOOK_AGAIN).await;
            }
        };
        tokio::time::timeout(LIMIT, written).await.expect("the shop's page learns how it ended")
    }

    /// The address the shopper is sent back to, as soon as that has happened.
    pub(crate) async fn back_at(&self, path: &str) -> Url {
        self.leave().await;
        let start = format!("{}{path}", self.shop);
        let arrived = async {
            loop {
                let url = self.driver.current_url().await.unwrap();
                if url.as_str().starts_with(&start) {
                    return url;
                }
                tokio::time::sleep(LOOK_AGAIN).await;
            }
        };
        tokio::time::timeout(LIMIT, arrived).await.expect("the shopper is back at the shop")
    }

    /// Confirms with the parameters of the success address, as a shop's server would; status and code or status field.
    pub(crate) async fn confirm(&self, back: &Url) -> (u16, String) {
        self.confirm_with(DEFAULT_SECRET_KEY, back).await
    }

    pub(crate) async fn confirm_widget(&self, back: &Url) -> (u16, String) {
        self.confirm_with(DEFAULT_WIDGET_SECRET_KEY, back).await
    }

    async fn confirm_with(&self, secret_key: &str, back: &Url) -> (u16, String) {
        let body = json!({
            "paymentKey": parameter(back, "paymentKey"), "orderId": parameter(back, "orderId"),
            "amount": parameter(back, "amount"),
        });
        let request = self.client.post(format!("{}/v1/payments/confirm", self.simulator));
        let response = request.basic_auth(secret_key, Some("")).json(&body).send().await.unwrap();
        let status = response.status().as_u16();
        let answer: Value = response.json().await.unwrap();
        let said = answer.get("code").unwrap_or(&answer["status"]);
        (status, said.as_str().unwrap().to_owned())
    }

    /// Runs a few lines of the shop's script and returns the code of the error they end in, or what they return.
    pub(crate) async fn attempt(&self, lines: &str) -> String {
        let script = format!(
            "const done = arguments[0]; (async () => {{ {lines} }})()\
             .then((value) => done(String(value)), (error) => done(String(error.code ?? error)));"
        );
        let outcome = self.driver.execute_async(script, vec![]).await.unwrap();
        outcome.json().as_str().unwrap().to_owned()
    }
}

pub(crate) fn parameter(address: &Url, name: &str) -> Option<String> {
    address.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}
