//! How a page looks: pictures of it for people, and axe-core's opinion of whether everybody can use it.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::OnceLock,
};

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use serde_json::json;

use super::browser::Browser;

/// The levels A and AA of WCAG 2.2.
const STANDARD: &str = "['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']";
const WIDTHS: [(&str, i32); 2] = [("desktop", 1280), ("phone", 390)];

fn target() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("target")
}

fn keep(name: &str, picture: &[u8]) {
    let folder = target().join("screenshots");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join(format!("{name}.png")), picture).unwrap();
}

fn axe() -> &'static str {
    static AXE: OnceLock<String> = OnceLock::new();
    AXE.get_or_init(|| {
        let path = target().join("axe.min.js");
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}. `.ci/axe` gets it.", path.display()))
    })
}

impl Browser {
    /// Looks at what is shown at both widths, in light and in dark: keeps a picture of each, and fails where a page is
    /// wider than its screen or somebody could not use it.
    pub(crate) async fn look(&self, name: &str) {
        self.leave().await;
        self.let_scripts_run(true).await; // axe is one
        let mut wrong = Vec::new();
        for (device, width) in WIDTHS {
            self.be_wide(width).await;
            for scheme in ["light", "dark"] {
                self.prefer(scheme).await;
                let picture =
                    if scheme == "dark" { format!("{name}-{device}-dark") } else { format!("{name}-{device}") };
                self.keep_picture(&picture).await;
                let found = self.violations().await;
                wrong.extend(found.into_iter().map(|violation| format!("{picture}: {violation}")));
            }
            let (needed, shown) = (self.number("document.documentElement.scrollWidth").await, i64::from(width));
            if needed > shown {
                wrong.push(format!("{name}: {needed} pixels wide on a screen of {shown}"));
            }
        }
        self.be_as_before().await;
        assert!(wrong.is_empty(), "{wrong:#?}");
    }

    async fn number(&self, expression: &str) -> i64 {
        self.run(&format!("return Math.ceil({expression})")).await.as_i64().unwrap()
    }

    async fn be_wide(&self, width: i32) {
        let is_phone = width < 600;
        let (height, ratio) = if is_phone { (844, 2) } else { (900, 1) };
        let metrics = json!({"width": width, "height": height, "deviceScaleFactor": ratio, "mobile": is_phone});
        self.cdp("Emulation.setDeviceMetricsOverride", metrics).await;
    }

    async fn prefer(&self, scheme: &str) {
        // Without movement, so that a picture does not depend on its moment.
        let features = json!([{"name": "prefers-color-scheme", "value": scheme},
                              {"name": "prefers-reduced-motion", "value": "reduce"}]);
        self.cdp("Emulation.setEmulatedMedia", json!({"features": features})).await;
    }

    async fn be_as_before(&self) {
        self.let_scripts_run(self.visitor.has_scripts).await;
        self.cdp("Emulation.setEmulatedMedia", json!({"features": []})).await;
        if self.visitor.has_phone {
            self.be_wide(390).await;
        } else {
            self.cdp("Emulation.clearDeviceMetricsOverride", json!({})).await;
        }
    }

    /// The whole page, in `target/screenshots`.
    pub(crate) async fn keep_picture(&self, name: &str) {
        let size = self.cdp("Page.getLayoutMetrics", json!({})).await["cssContentSize"].take();
        let clip = json!({"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1});
        let wanted = json!({"format": "png", "captureBeyondViewport": true, "clip": clip});
        let picture = self.cdp("Page.captureScreenshot", wanted).await;
        keep(name, &BASE64.decode(picture["data"].as_str().unwrap()).unwrap());
    }

    /// What the screen shows, with what lies above the page.
    pub(crate) async fn keep_view(&self, name: &str) {
        let picture = self.driver.screenshot_as_png().await.unwrap();
        keep(name, &picture);
    }

    /// What keeps somebody from using the page. Frames are somebody else's pages.
    async fn violations(&self) -> Vec<String> {
        if self.run("return typeof axe").await == "undefined" {
            self.run(axe()).await;
        }
        let script = format!(
            "const done = arguments[0];
             axe.run(document, {{ runOnly: {STANDARD}, resultTypes: ['violations'], iframes: false }}).then(
                 ({{ violations }}) => done(violations.filter(({{ impact }}) => ['serious', 'critical'].includes(impact))
                     .flatMap(({{ id, help, nodes }}) => nodes.map(({{ html }}) => `${{id}}: ${{help}}: ${{html}}`))),
                 (error) => done([String(error)]))"
        );
        let found = self.driver.execute_async(script, Vec::new()).await.unwrap();
        found.json().as_array().unwrap().iter().map(|violation| violation.as_str().unwrap().to_owned()).collect()
    }
}
