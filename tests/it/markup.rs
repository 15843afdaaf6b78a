//! Words of others are shown as words. Markup is sent in by every way by which words come to be shown, and each page that
//! shows them must be made of the same elements as with harmless words in their place.

use std::collections::{BTreeMap, BTreeSet};

use reqwest::RequestBuilder;
use serde_json::json;

use crate::harness::{
    answered::{Answered, answered},
    html::{dangers, holds, structure},
    login::{Session, form, log_in},
    shop::Shop,
};

const PRICE: i64 = 1_000;
/// With letters alone, with a space, and in Korean: some fields take the one and not the other.
const HARMLESS: [&str; 3] = ["harmless7", "harmless 7", "무해한"];
/// At most 80 characters each, as many as a product's name may have.
const MARKUP: [&str; 18] = [
    "<script>alert(1)</script>",
    "<script>alert(1)//",
    "\"><script>alert(1)</script>",
    "\"><img/src=x/onerror=alert(1)>",
    "'><svg onload=alert(1)>",
    "\" autofocus onfocus=alert(1) x=\"",
    "\"/onmouseover=alert(1)//",
    "</title><script>alert(1)</script>",
    "</textarea></style></noscript><img src=x onerror=alert(1)>",
    "<!--",
    "--><b>x</b>",
    "<a href=\"//evil.example\">x</a>",
    "<meta http-equiv=refresh content=\"0;url=//evil.example\">",
    "<base href=//evil.example/>",
    "<iframe srcdoc=\"&lt;script&gt;alert(1)&lt;/script&gt;\">",
    "\u{202e}<b>x</b>\\\"<b>",
    "javascript:alert(1)",
    "&#60;script&#62;alert(1)&lt;/script&gt;",
];

struct Stage {
    shop: Shop,
    session: Session,
    product: i64,
    ready: String,
    paid: String,
    waiting: String,
}

impl Stage {
    async fn start() -> Self {
        let shop = Shop::start(1).await;
        let product = shop.product("Ogu T", PRICE, 1_000).await;
        let paid = shop.accepted(PRICE, &[(product, 1)]).await;
        shop.until(&paid, "DONE").await;
        let refund = shop.refund(&paid, "a-key", json!({"cancelReason": "x", "cancelAmount": 1})).await;
        assert_eq!(refund.status.as_u16(), 202, "{}", refund.text);
        shop.until(&paid, "PARTIAL_CANCELED").await;
        let waiting = shop.order(PRICE, &[(product, 1)]).await;
        let key = shop.authenticate_account(&waiting, PRICE, &json!({})).await;
        assert_eq!(shop.confirm(&waiting, &key, PRICE).await.status.as_u16(), 202);
        shop.until(&waiting, "WAITING_FOR_DEPOSIT").await;
        let ready = shop.order(PRICE, &[(product, 1)]).await;
        let session = log_in(&shop.http, &shop.api.url()).await;
        Self { shop, session, product: product.0, ready, paid, waiting }
    }

    /// What the shop and Toss may have written to the books.
    async fn write(&self, words: &str) {
        let words = format!("'{}'", words.replace('\'', "''"));
        for sql in [
            "update products set name = {}",
            "update customers set display_name = {}",
            "update orders set name = {}",
            "update order_lines set product_name = {}",
            "update payments set method = {}, receipt_url = 'https://toss.example/' || {}, sent_with = {}",
            "update payments set answer = jsonb_set(jsonb_set(answer, '{virtualAccount,accountNumber}', to_jsonb({}::text)),
                 '{virtualAccount,bankCode}', to_jsonb({}::text)) where status = 'WAITING_FOR_DEPOSIT'",
            "update cancels set reason = {}, refusal = jsonb_build_object('code', {}::text)",
            "update attempts set code = {}, trace_id = {}, api_key_id = {}",
            "update order_events set cause = {} where to_status = 'PARTIAL_CANCELED'",
        ] {
            self.shop.database.execute(&sql.replace("{}", &words)).await;
        }
    }

    /// An order that Toss declines in these words.
    async fn declined(&self, words: &str) -> String {
        let order = self.shop.order(PRICE, &[(shared::order::ProductId(self.product), 1)]).await;
        let then = json!({"kind": "error", "status": 403, "code": "REJECT_CARD_PAYMENT", "message": words});
        let rule = json!({"match": {"endpoint": "confirm", "orderId": order}, "times": 1, "then": then});
        self.shop.control("rules", rule).await;
        let key = self.shop.authenticate(&order, PRICE).await;
        assert_eq!(self.shop.confirm(&order, &key, PRICE).await.status.as_u16(), 202);
        self.shop.until(&order, "ABORTED").await;
        order
    }

    fn get(&self, path: &str, query: &[(&str, &str)]) -> RequestBuilder {
        let url = reqwest::Url::parse_with_params(&format!("{}{path}", self.shop.api.url()), query).unwrap();
        self.shop.http.get(url)
    }

    fn post(&self, path: &str, fields: &[(&str, &str)]) -> RequestBuilder {
        form(&self.shop.http, &format!("{}{path}", self.shop.api.url()), fields, &[])
    }

    /// Each way in, and the page that answers it or shows it later.
    async fn pages(&self, words: &str) -> BTreeMap<String, Answered> {
        let declined = self.declined(words).await;
        self.write(words).await;
        let mut asked = self.by_books(&declined);
        asked.extend(self.by_address(words));
        asked.extend(self.by_form(words));
        let mut pages = BTreeMap::new();
        for (name, request) in asked {
            let request = request.header("cookie", &self.session.cookie).header("accept-language", "en");
            let page = answered(request).await;
            let is_page = page.header("content-type").starts_with("text/html");
            assert!(is_page && !page.status.is_server_error(), "{name}: {words}: {}", page.text);
            pages.insert(name, page);
        }
        // Too many wrong logins, and the page would be another.
        let login = self.post("/login", &[("name", words), ("password", "wrong"), ("next", words)]);
        pages.insert("login".to_owned(), answered(login).await);
        self.shop.database.execute("delete from login_tries").await;
        pages
    }

    fn by_books(&self, declined: &str) -> Vec<(String, RequestBuilder)> {
        let Self { ready, paid, waiting, .. } = self;
        let paths = [
            ("the shop", "/checkout".to_owned()),
            ("to pay", format!("/checkout/{ready}")),
            ("status, paid", format!("/order/{paid}")),
            ("status, declined", format!("/order/{declined}")),
            ("status, waiting", format!("/order/{waiting}")),
            ("fail, about an order", format!("/checkout/fail?order={paid}")),
            ("list", "/order?size=3".to_owned()),
            ("detail, paid", format!("/order/{paid}/detail")),
            ("detail, declined", format!("/order/{declined}/detail")),
            ("refund form", format!("/order/{paid}/cancel")),
        ];
        paths.map(|(name, path)| (name.to_owned(), self.get(&path, &[]))).into()
    }

    fn by_address(&self, words: &str) -> Vec<(String, RequestBuilder)> {
        let mut asked = Vec::new();
        for (name, path) in [("again", "/checkout"), ("lang", "/checkout"), ("lang", "/order"), ("lang", "/nowhere")] {
            asked.push((format!("{name} of {path}"), self.get(path, &[(name, words), ("size", words)])));
        }
        for field in ["code", "message", "orderId", "order"] {
            asked.push((format!("fail, {field}"), self.get("/checkout/fail", &[("code", "X"), (field, words)])));
        }
        let returned = [("orderId", self.ready.as_str()), ("paymentKey", "a-key"), ("amount", "1000")];
        for field in ["orderId", "paymentKey", "amount"] {
            let query = returned.map(|(name, text)| (name, if name == field { words } else { text }));
            asked.push((format!("success, {field}"), self.get("/checkout/success", &query)));
        }
        for field in
            ["search", "from", "to", "minAmount", "maxAmount", "orderId", "paymentKey", "status", "size", "cursor"]
        {
            asked.push((format!("list, {field}"), self.get("/order", &[(field, words)])));
            asked.push((format!("list, {field} with a mistake"), self.get("/order", &[(field, words), ("to", "x")])));
        }
        for before in ["/", "/order/", "/checkout/"] {
            // As one segment; encoded by the client.
            let mut url = reqwest::Url::parse(&format!("{}{before}", self.shop.api.url())).unwrap();
            url.path_segments_mut().unwrap().pop_if_empty().push(words);
            asked.push((format!("path {before}"), self.shop.http.get(url)));
        }
        asked
    }

    fn by_form(&self, words: &str) -> Vec<(String, RequestBuilder)> {
        let (quantity, price) = (format!("quantity-{}", self.product), format!("price-{}", self.product));
        let csrf = self.session.csrf.as_str();
        let buyer = self.shop.customer.0.to_string();
        let mut asked = Vec::new();
        // At another price than the shop's: the cart is shown again.
        let cart = [("buyer", buyer.as_str()), (&quantity, "1"), (&price, "999")];
        for (at, name) in ["buyer", "quantity", "price", "nothing"].into_iter().enumerate() {
            let mut fields = cart;
            fields.iter_mut().skip(at).take(1).for_each(|(_, text)| *text = words);
            asked.push((format!("cart, {name}"), self.post("/checkout", &fields)));
        }
        let refund = [
            ("csrf", csrf),
            ("orderId", self.paid.as_str()),
            ("key", "k"),
            ("cancelReason", "r"),
            ("cancelAmount", "1"),
        ];
        for field in
            ["cancelReason", "cancelAmount", "key", "orderId", "bank", "accountNumber", "holderName", &quantity]
        {
            for amount in ["1", "0"] {
                let others = refund.into_iter().filter(|(name, _)| *name != field);
                let others = others.map(|(name, text)| (name, if name == "cancelAmount" { amount } else { text }));
                let fields: Vec<_> = others.chain([(field, words)]).collect();
                asked.push((format!("refund of {amount}, {field}"), self.post("/order/cancel", &fields)));
            }
        }
        let returned = [("orderId", self.ready.as_str()), ("paymentKey", "a-key"), ("amount", "999")];
        for field in ["orderId", "paymentKey", "amount"] {
            let fields = returned.map(|(name, text)| (name, if name == field { words } else { text }));
            asked.push((format!("confirm, {field}"), self.post("/checkout/confirm", &fields)));
        }
        asked
    }
}

/// As whoever looks sees it: so answered, and made of these.
fn made_of(page: &Answered) -> (u16, Vec<String>) {
    (page.status.as_u16(), structure(&page.text))
}

#[test]
fn the_corpus_would_change_a_page_that_let_it() {
    let page = |words: &str| format!("<!doctype html><title>{words}</title><p title=\"{words}\">{words}</p>");
    for markup in MARKUP.iter().filter(|markup| markup.contains(['<', '"'])) {
        assert_ne!(structure(&page(markup)), structure(&page("harmless")), "{markup}");
    }
    let link = |address: &str| format!("<a href=\"{address}\">x</a>");
    assert!(dangers(&link("javascript:alert(1)")).len() == 1 && dangers(&link("//evil.example")).len() == 1);
    assert!(dangers(&link("/order")).is_empty() && dangers("<p class=a>").is_empty());
    assert_eq!(dangers("<script src=/a></script><script>a</script><p onclick=x>").len(), 2);
    assert!(holds("<p title=\"&lt;b&gt;\">", "<b>") && !holds("<b>b</b>", "<b>"));
}

#[tokio::test]
async fn nobodys_words_become_a_part_of_a_page() {
    let stage = Stage::start().await;
    let mut known: BTreeMap<String, BTreeSet<(u16, Vec<String>)>> = BTreeMap::new();
    let mut shown = BTreeSet::new();
    for words in HARMLESS {
        for (name, page) in stage.pages(words).await {
            assert_eq!(dangers(&page.text), Vec::<String>::new(), "{name}: {}", page.text);
            if holds(&page.text, words) {
                shown.insert(name.clone());
            }
            known.entry(name).or_default().insert(made_of(&page));
        }
    }
    for markup in MARKUP {
        for (name, page) in stage.pages(markup).await {
            assert_eq!(dangers(&page.text), Vec::<String>::new(), "{name}: {markup}: {}", page.text);
            assert!(known[&name].contains(&made_of(&page)), "{name}, {markup}: another page: {}", page.text);
        }
    }
    // The others answer without a word of what they were sent.
    let hidden: Vec<&String> = known.keys().filter(|name| !shown.contains(*name)).collect();
    assert!(shown.len() >= 30, "shown: {shown:?}; hidden: {hidden:?}");
    for name in ["the shop", "to pay", "status, declined", "status, waiting", "detail, paid", "refund form", "login"] {
        assert!(shown.contains(name), "{name} shows nothing of it, so nothing is tested");
    }
    stage.shop.end_without_audit();
}
