//! Chromium, driven by the few words of its protocol (`WebDriver`) that a look at our own pages needs.

use std::{process::Stdio, time::Duration};

use reqwest::Method;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
    sync::{Mutex, MutexGuard},
};

use super::{shop, wait_for};

/// One at a time: several on a small machine only wait for each other.
static ALONE: Mutex<()> = Mutex::const_new(());

pub(crate) struct Browser {
    _driver: Child,
    session: String,
    http: reqwest::Client,
    _alone: MutexGuard<'static, ()>,
}

impl Browser {
    pub(crate) async fn start(with_scripts: bool) -> Self {
        let alone = ALONE.lock().await;
        let http = shop::http();
        let (driver, base) =
            tokio::time::timeout(Duration::from_mins(1), start_driver()).await.expect("no chromedriver");
        // A container has no room in /dev/shm, and root has no sandbox.
        let words = ["--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--accept-lang=ko"];
        let mut options = json!({"args": words});
        if !with_scripts {
            options["prefs"] = json!({"profile.managed_default_content_settings.javascript": 2});
        }
        let wanted = json!({"browserName": "chrome", "goog:chromeOptions": options,
                            "goog:loggingPrefs": {"browser": "WARNING"}});
        let body = json!({"capabilities": {"alwaysMatch": wanted}});
        let begun = call(&http, Method::POST, format!("{base}/session"), body).await;
        let session = format!("{base}/session/{}", begun["sessionId"].as_str().unwrap());
        Self { _driver: driver, session, http, _alone: alone }
    }

    async fn post(&self, path: &str, body: Value) -> Value {
        call(&self.http, Method::POST, format!("{}/{path}", self.session), body).await
    }

    pub(crate) async fn visit(&self, url: &str) {
        self.post("url", json!({"url": url})).await;
    }

    /// What the script returns, in the page.
    pub(crate) async fn run(&self, script: &str) -> Value {
        self.post("execute/sync", json!({"script": script, "args": []})).await
    }

    pub(crate) async fn text(&self, css: &str) -> String {
        let script = format!("return document.querySelector({})?.textContent ?? ''", json!(css));
        self.run(&script).await.as_str().unwrap_or_default().to_owned()
    }

    pub(crate) async fn until_text(&self, css: &str, text: &str, limit: Duration) {
        let what = format!("{css} to read {text}");
        wait_for(&what, limit, async || (self.text(css).await == text).then_some(())).await;
    }

    /// What it complained of: errors, and breaches of a page's policy.
    pub(crate) async fn complaints(&self) -> Vec<String> {
        let log = self.post("se/log", json!({"type": "browser"})).await;
        log.as_array().unwrap().iter().map(|line| line["message"].as_str().unwrap().to_owned()).collect()
    }

    pub(crate) async fn quit(self) {
        call(&self.http, Method::DELETE, self.session.clone(), json!({})).await;
    }
}

/// It chooses a port and says which; where that is taken on the other of IPv4 and IPv6 it ends, and the next one chooses
/// another.
async fn start_driver() -> (Child, String) {
    loop {
        let mut command = Command::new("chromedriver");
        command.arg("--port=0").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
        let mut child = command.spawn().expect("chromedriver is on the PATH");
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        while let Some(line) = lines.next_line().await.unwrap() {
            if let Some((_, port)) = line.split_once("started successfully on port ") {
                return (child, format!("http://127.0.0.1:{}", port.trim_end_matches('.')));
            }
        }
    }
}

async fn call(http: &reqwest::Client, method: Method, url: String, body: Value) -> Value {
    let answer = http.request(method, url).json(&body).send().await.unwrap();
    let (status, mut told): (_, Value) =
        (answer.status(), serde_json::from_str(&answer.text().await.unwrap()).unwrap());
    assert!(status.is_success(), "{told}");
    told["value"].take()
}
