//! The style sheet, the icon and a few small scripts, compiled in.
//!
//! Addresses carry a hash of the content, so browsers keep a file for a year and still get the new one at once. While
//! two versions of the api run side by side, a hash may be the other one's; then nothing is kept.

use std::sync::LazyLock;

use axum::{
    Router,
    extract::RawQuery,
    http::header,
    response::{IntoResponse, Response},
    routing::get,
};
use uuid::Uuid;

use crate::AppState;

pub(crate) struct Asset {
    path: &'static str,
    kind: &'static str,
    content: &'static str,
    hash: LazyLock<String>,
}

macro_rules! asset {
    ($name:literal, $kind:literal) => {
        Asset {
            path: concat!("/assets/", $name),
            kind: $kind,
            content: include_str!(concat!("../assets/", $name)),
            hash: LazyLock::new(|| hash(include_str!(concat!("../assets/", $name)))),
        }
    };
}

pub(crate) static STYLE: Asset = asset!("style.css", "text/css; charset=utf-8");
pub(crate) static ICON: Asset = asset!("icon.svg", "image/svg+xml");
pub(crate) static SHOP: Asset = asset!("shop.js", "text/javascript; charset=utf-8");
pub(crate) static PAY: Asset = asset!("pay.js", "text/javascript; charset=utf-8");
pub(crate) static COPY: Asset = asset!("copy.js", "text/javascript; charset=utf-8");
pub(crate) static RETURN: Asset = asset!("return.js", "text/javascript; charset=utf-8");
pub(crate) static LIVE: Asset = asset!("live.js", "text/javascript; charset=utf-8");

fn hash(content: &str) -> String {
    Uuid::new_v5(&Uuid::NAMESPACE_OID, content.as_bytes()).simple().to_string()
}

impl Asset {
    pub(crate) fn address(&self) -> String {
        format!("{}?v={}", self.path, *self.hash)
    }

    fn serve(&self, query: Option<&str>) -> Response {
        let current = query.and_then(|query| query.strip_prefix("v=")) == Some(&**self.hash);
        let keep = if current { "public, max-age=31536000, immutable" } else { "no-cache" };
        ([(header::CONTENT_TYPE, self.kind), (header::CACHE_CONTROL, keep)], self.content).into_response()
    }
}

pub(crate) fn routes() -> Router<AppState> {
    [&STYLE, &ICON, &SHOP, &PAY, &COPY, &RETURN, &LIVE].into_iter().fold(Router::new(), |router, asset| {
        router.route(asset.path, get(move |RawQuery(query)| async move { asset.serve(query.as_deref()) }))
    })
}
