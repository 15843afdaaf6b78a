//! Chromium, and the gestures of somebody who uses our pages in it. What a page looks like is in [`super::looks`].
//!
//! A story ends with a look at the console: what stands there and was not expected by name, an error or a breach of a
//! page's policy, fails it.

use std::{
    panic::{AssertUnwindSafe, resume_unwind},
    process::Stdio,
    sync::Mutex,
    time::Duration,
};

use futures_util::FutureExt;
use serde_json::{Value, json};
use thirtyfour::{
    ChromeCapabilities, ChromiumLikeCapabilities, LoggingPrefsLogLevel,
    error::{WebDriverResult, no_such_element},
    prelude::*,
};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};

use super::{shop, wait_for};

/// Far longer than anything takes that a story waits for without saying how long.
pub(crate) const LIMIT: Duration = Duration::from_secs(20);

/// One at a time: several on a small machine only wait for each other.
static ALONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// Who looks at our pages.
#[derive(Clone, Copy)]
pub(crate) struct Visitor {
    pub(crate) language: &'static str,
    pub(crate) has_phone: bool,
    pub(crate) has_scripts: bool,
}

impl Visitor {
    pub(crate) const AT_A_DESK: Self = Self { language: "ko", has_phone: false, has_scripts: true };
    pub(crate) const ON_A_PHONE: Self = Self { has_phone: true, ..Self::AT_A_DESK };
    pub(crate) const WITHOUT_SCRIPTS: Self = Self { has_scripts: false, ..Self::AT_A_DESK };
    pub(crate) const ENGLISH: Self = Self { language: "en", ..Self::AT_A_DESK };

    fn capabilities(self) -> ChromeCapabilities {
        let mut capabilities = DesiredCapabilities::chrome();
        // A container has no room in /dev/shm, and root has no sandbox.
        for arg in ["--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"] {
            capabilities.add_arg(arg).unwrap();
        }
        capabilities.add_arg("--window-size=1280,900").unwrap();
        capabilities.add_arg(&format!("--accept-lang={}", self.language)).unwrap();
        if self.has_phone {
            let metrics = json!({"width": 390, "height": 844, "pixelRatio": 2, "mobile": true, "touch": true});
            let agent = "Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 Chrome/140.0 Mobile Safari/537.36";
            let emulation = json!({"deviceMetrics": metrics, "userAgent": agent});
            capabilities.add_experimental_option("mobileEmulation", emulation).unwrap();
        }
        capabilities.set_browser_log_level(LoggingPrefsLogLevel::Warning).unwrap();
        capabilities
    }
}

pub(crate) struct Browser {
    pub(crate) driver: WebDriver,
    pub(crate) visitor: Visitor,
    /// What the console may say, and must.
    expected: Mutex<Vec<&'static str>>,
}

/// Runs one story in a browser of its own, which is closed also when the story fails.
pub(crate) async fn browse(visitor: Visitor, story: impl AsyncFnOnce(&Browser)) {
    drop(shop::http()); // which sets up what the client of the driver needs too
    let _alone = ALONE.lock().await;
    let (mut chromedriver, address) = tokio::time::timeout(LIMIT, chromedriver()).await.expect("no chromedriver");
    let driver = WebDriver::new(address, visitor.capabilities()).await.unwrap();
    let browser = Browser { driver, visitor, expected: Mutex::default() };
    browser.let_scripts_run(visitor.has_scripts).await;
    let told = AssertUnwindSafe(story(&browser)).catch_unwind().await;
    let complaints = match &told {
        Ok(()) => browser.complaints().await,
        Err(_) => browser.keep_what_is_shown().await,
    };
    browser.driver.quit().await.unwrap();
    chromedriver.kill().await.unwrap();
    if let Err(failed) = told {
        eprintln!("the console said: {complaints:#?}");
        resume_unwind(failed);
    }
    assert!(complaints.is_empty(), "{complaints:#?}");
}

/// It chooses a port and says which; where that is taken on the other of IPv4 and IPv6 it ends, and the next one chooses
/// another.
async fn chromedriver() -> (Child, String) {
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

impl Browser {
    /// In the language that the browser asks for.
    pub(crate) fn pick<T>(&self, korean: T, english: T) -> T {
        if self.visitor.language == "en" { english } else { korean }
    }

    /// For the pages of this tab that are loaded from now on; what is run by hand runs anyway.
    pub(crate) async fn let_scripts_run(&self, run: bool) {
        self.cdp("Emulation.setScriptExecutionDisabled", json!({"value": !run})).await;
    }

    pub(crate) async fn cdp(&self, method: &str, parameters: Value) -> Value {
        self.driver.cdp().send_raw(method, parameters).await.unwrap()
    }

    pub(crate) async fn visit(&self, url: &str) {
        self.driver.goto(url).await.unwrap();
    }

    pub(crate) async fn back(&self) {
        self.driver.back().await.unwrap();
    }

    pub(crate) async fn reload(&self) {
        self.driver.refresh().await.unwrap();
    }

    /// Clicks as a person does: when the thing is there, in view and enabled.
    pub(crate) async fn click(&self, css: &str) {
        self.try_until(css, async || self.click_now(By::Css(css)).await).await;
    }

    /// Clicks the link or button with these words on it.
    pub(crate) async fn press(&self, words: &str) {
        let path = format!("//*[self::a or self::button or self::summary][contains(normalize-space(.), '{words}')]");
        self.try_until(words, async || self.click_now(By::XPath(&path)).await).await;
    }

    pub(crate) async fn double_click(&self, css: &str) {
        let double = async || {
            let element = self.enabled(By::Css(css)).await?;
            self.driver.action_chain().double_click_element(&element).perform().await
        };
        self.try_until(css, double).await;
    }

    async fn click_now(&self, by: By) -> WebDriverResult<()> {
        let element = self.enabled(by).await?;
        element.scroll_into_view().await?;
        element.click().await
    }

    async fn enabled(&self, by: By) -> WebDriverResult<WebElement> {
        let element = self.driver.find(by).await?;
        if element.is_enabled().await? { Ok(element) } else { Err(no_such_element("it is disabled".to_owned())) }
    }

    /// Pages change under one's hands: whatever does not work yet is tried again.
    async fn try_until<T>(&self, what: &str, mut step: impl AsyncFnMut() -> WebDriverResult<T>) -> T {
        let mut last = String::new();
        let trying = async {
            loop {
                match step().await {
                    Ok(done) => return done,
                    Err(error) => last = error.to_string(),
                }
                tokio::time::sleep(Duration::from_millis(30)).await;
            }
        };
        let tried = tokio::time::timeout(LIMIT, trying).await;
        tried.unwrap_or_else(|_| panic!("in vain: {what}: {last}"))
    }

    /// Replaces what stands in a field.
    pub(crate) async fn fill(&self, css: &str, text: &str) {
        let fill = async || {
            let field = self.enabled(By::Css(css)).await?;
            field.clear().await?;
            field.send_keys(text).await
        };
        self.try_until(css, fill).await;
    }

    pub(crate) async fn choose(&self, css: &str, value: &str) {
        self.click(&format!("{css} option[value='{value}']")).await;
    }

    /// Goes into a frame of the page, once it shows what it is there for.
    pub(crate) async fn enter(&self, css: &str) {
        let enter = async || {
            self.driver.enter_default_frame().await?;
            self.driver.find(By::Css(css)).await?.enter_frame().await?;
            let loaded = "return location.href !== 'about:blank' && document.readyState === 'complete'";
            if self.driver.execute(loaded, Vec::new()).await?.json() == &json!(true) {
                Ok(())
            } else {
                Err(no_such_element("the frame is not loaded".to_owned()))
            }
        };
        self.try_until(css, enter).await;
    }

    pub(crate) async fn leave(&self) {
        self.driver.enter_default_frame().await.unwrap();
    }

    /// What the script returns, in the page.
    pub(crate) async fn run(&self, script: &str) -> Value {
        self.driver.execute(script, Vec::new()).await.unwrap().json().clone()
    }

    pub(crate) async fn text(&self, css: &str) -> String {
        let script = format!("return document.querySelector({})?.textContent ?? ''", json!(css));
        self.run(&script).await.as_str().unwrap_or_default().to_owned()
    }

    pub(crate) async fn until_text(&self, css: &str, text: &str, limit: Duration) {
        let what = format!("{css} to read {text}");
        wait_for(&what, limit, async || (self.text(css).await == text).then_some(())).await;
    }

    /// Waits until these words can be read on the page.
    pub(crate) async fn until_says(&self, words: &str) {
        let says = async || {
            let shown = self.driver.execute("return document.body.innerText", Vec::new()).await;
            shown.ok().filter(|shown| shown.json().as_str().is_some_and(|shown| shown.contains(words))).map(drop)
        };
        wait_for(&format!("the page to say {words}"), LIMIT, says).await;
    }

    pub(crate) async fn has(&self, css: &str) -> bool {
        !self.driver.find_all(By::Css(css)).await.unwrap().is_empty()
    }

    pub(crate) async fn until_gone(&self, css: &str) {
        let gone = async || {
            let found = self.driver.find_all(By::Css(css)).await;
            found.ok().filter(Vec::is_empty).map(drop)
        };
        wait_for(&format!("{css} to be gone"), LIMIT, gone).await;
    }

    /// Waits until the browser is at an address whose path starts so, and returns the path.
    pub(crate) async fn until_at(&self, path: &str) -> String {
        self.leave().await;
        let at = async || self.path().await.filter(|at| at.starts_with(path));
        wait_for(&format!("the address to be {path}"), LIMIT, at).await
    }

    async fn path(&self) -> Option<String> {
        self.driver.current_url().await.ok().map(|url| url.path().to_owned())
    }

    /// Opens another tab and goes on in it.
    pub(crate) async fn open_tab(&self) -> WindowHandle {
        let tab = self.driver.new_tab().await.unwrap();
        self.go_to_tab(&tab).await;
        tab
    }

    pub(crate) async fn tab(&self) -> WindowHandle {
        self.driver.window().await.unwrap()
    }

    pub(crate) async fn go_to_tab(&self, tab: &WindowHandle) {
        self.driver.switch_to_window(tab.clone()).await.unwrap();
    }

    /// The console will say this, and that is right.
    pub(crate) fn expect(&self, complaint: &'static str) {
        self.expected.lock().unwrap().push(complaint);
    }

    /// What the console says and nobody expected, and what was expected and is not there.
    async fn complaints(&self) -> Vec<String> {
        let log = self.driver.browser_log().await.unwrap();
        let expected = std::mem::take(&mut *self.expected.lock().unwrap());
        let is_expected = |message: &str| expected.iter().any(|expected| message.contains(expected));
        let missing = expected.iter().filter(|expected| !log.iter().any(|line| line.message.contains(**expected)));
        let missing: Vec<_> = missing.map(|expected| format!("the console does not say: {expected}")).collect();
        let unexpected = log.into_iter().map(|line| line.message).filter(|message| !is_expected(message));
        unexpected.chain(missing).collect()
    }

    /// For somebody who wonders why a story failed.
    async fn keep_what_is_shown(&self) -> Vec<String> {
        let story = std::thread::current().name().unwrap_or("story").replace("::", "-");
        self.keep_view(&format!("failed-{story}")).await;
        let log = self.driver.browser_log().await.unwrap_or_default();
        log.into_iter().map(|line| line.message).collect()
    }
}
