//! The sample shop: choose products, get an order, open Toss's window.
//!
//! It stands in for the shop that would call our API from its own server, and shows how the window is opened. There are
//! no accounts: everybody buys as the first customer.

use std::collections::HashMap;

use askama::Template;
use axum::{
    Form,
    extract::{State, rejection::FormRejection},
    http::{StatusCode, header},
    response::{IntoResponse, Redirect, Response},
};
use shared::{
    catalogue::{self, Product},
    money::Krw,
    order::{self, CreateRefusal, Line, NewOrder, OrderStatus, OrderView, ProductId, QUANTITY_MAX},
};
use url::Url;

use crate::{
    AppState, Settings,
    address::{Addressed, pay_address, status_address},
    body::form_problem,
    every_request::note_order,
    language::Language,
    lines::{LineRow, line_rows},
    page::{FORM_REFERRER, Page, kst},
    problem::Problem,
};

pub(crate) async fn home() -> Redirect {
    Redirect::to("/checkout")
}

#[derive(Template)]
#[template(path = "shop.html")]
struct ShopPage {
    language: Language,
    notice: Notice,
    products: Vec<ProductRow>,
}

/// Why the shop is shown again instead of the order.
enum Notice {
    None,
    NothingChosen,
    PricesChanged { total: String },
}

struct ProductRow {
    id: i64,
    name: String,
    price: String,
    /// As it was shown, sent back with the form: an order at another price than the one seen is refused.
    price_won: i64,
    stock: i64,
    /// The most that may be ordered; 0 when it is sold out.
    most: i64,
    chosen: i32,
}

pub(crate) async fn shop(State(state): State<AppState>, language: Language) -> Result<Response, Problem> {
    let products = catalogue::products(&state.pool).await?;
    Ok(ShopPage::of(&products, &Cart::default(), Notice::None, language).respond(StatusCode::OK))
}

impl ShopPage {
    fn of(products: &[Product], cart: &Cart, notice: Notice, language: Language) -> Self {
        let rows = products.iter().map(|product| ProductRow {
            id: product.id.0,
            name: product.name.clone(),
            price: language.won(product.price),
            price_won: product.price.won(),
            stock: product.stock,
            most: product.stock.clamp(0, QUANTITY_MAX.into()),
            chosen: cart.chosen(product.id),
        });
        Self { language, notice, products: rows.collect() }
    }

    fn respond(self, status: StatusCode) -> Response {
        (status, FORM_REFERRER, Page(self)).into_response()
    }
}

/// What the form says: quantities, and the prices that were on the page.
#[derive(Default)]
struct Cart {
    lines: Vec<Line>,
    amount: i64,
}

impl Cart {
    /// Fields are `quantity-7` and `price-7` for product 7. An empty quantity chooses nothing.
    fn read(fields: &HashMap<String, String>) -> Result<Self, Problem> {
        let mut cart = Self::default();
        for (name, text) in fields {
            let Some(id) = name.strip_prefix("quantity-") else { continue };
            let quantity = if text.is_empty() { Some(0) } else { text.parse().ok() };
            let quantity = quantity.filter(|quantity| (0..=QUANTITY_MAX).contains(quantity));
            let quantity = quantity.ok_or_else(|| Problem::InvalidQuantity { field: name.clone() })?;
            if quantity == 0 {
                continue;
            }
            let product_id = id.parse().map_err(|_| Problem::InvalidProductId { field: name.clone() })?;
            let price = fields.get(&format!("price-{id}")).and_then(|price| Krw::parse(price));
            let price = price.ok_or_else(|| Problem::InvalidAmount { field: format!("price-{id}") })?.won();
            let sum = price.checked_mul(i64::from(quantity)).and_then(|sum| cart.amount.checked_add(sum));
            cart.amount = sum.ok_or(Problem::TotalTooLarge)?;
            cart.lines.push(Line { product_id: ProductId(product_id), quantity });
        }
        cart.lines.sort_by_key(|line| line.product_id); // as on the page: the first names the order
        Ok(cart)
    }

    fn chosen(&self, id: ProductId) -> i32 {
        self.lines.iter().find(|line| line.product_id == id).map_or(0, |line| line.quantity)
    }
}

/// `POST /checkout`
pub(crate) async fn order(
    State(state): State<AppState>,
    language: Language,
    form: Result<Form<HashMap<String, String>>, FormRejection>,
) -> Result<Response, Problem> {
    let Form(fields) = form.map_err(|rejection| form_problem(&rejection))?;
    let cart = Cart::read(&fields)?;
    let customer_id = catalogue::first_customer(&state.pool).await?.ok_or(Problem::UnknownUser)?;
    let amount = Krw::new(cart.amount).ok_or(Problem::TotalTooLarge)?;
    let created = match NewOrder::new(customer_id, amount, &cart.lines) {
        Ok(new) => order::create(&state.pool, &new).await?,
        Err(refusal) => Err(refusal),
    };
    let notice = match created {
        Ok(created) => {
            note_order(created.order_no);
            return Ok(Redirect::to(&pay_address(created.order_no)).into_response());
        }
        Err(CreateRefusal::Empty) => Notice::NothingChosen,
        Err(CreateRefusal::AmountMismatch { total }) => Notice::PricesChanged { total: language.won(total) },
        Err(refusal) => return Err(refusal.into()),
    };
    let products = catalogue::products(&state.pool).await?;
    Ok(ShopPage::of(&products, &cart, notice, language).respond(StatusCode::UNPROCESSABLE_ENTITY))
}

/// How the browser opens Toss's window.
pub(crate) struct TossWindow {
    client_key: String,
    sdk_url: String,
    policy: String,
}

impl TossWindow {
    pub(crate) fn new(settings: &Settings) -> Self {
        Self {
            client_key: settings.toss_client_key.clone(),
            sdk_url: settings.toss_sdk_url.to_string(),
            policy: pay_policy(&settings.toss_sdk_url),
        }
    }
}

/// The one page that runs a script of somebody else, and may show and call what that script needs. Toss serves its
/// script, its API and its window from several hosts of its two domains.
fn pay_policy(sdk_url: &Url) -> String {
    let toss = match sdk_url.host_str() {
        Some("js.tosspayments.com") => "https://*.tosspayments.com https://*.toss.im".to_owned(),
        Some(_) | None => sdk_url.origin().ascii_serialization(),
    };
    format!(
        "default-src 'none'; style-src 'self'; img-src 'self' data:; script-src 'self' {toss}; \
         connect-src 'self' {toss}; frame-src {toss}; form-action 'self' {toss}; frame-ancestors 'none'; \
         base-uri 'none'"
    )
}

#[derive(Template)]
#[template(path = "pay.html")]
struct PayPage<'a> {
    language: Language,
    toss: &'a TossWindow,
    order_no: String,
    order_name: String,
    amount: String,
    amount_won: i64,
    expires_at: String,
    declined_before: bool,
    lines: Vec<LineRow>,
}

/// `GET /checkout/{orderId}`: the summary and the button. An order that cannot be paid is shown where it stands.
pub(crate) async fn pay(
    State(state): State<AppState>,
    language: Language,
    address: Addressed,
) -> Result<Response, Problem> {
    let order = order::view(&state.pool, address.0).await?.ok_or(Problem::OrderNotFound)?;
    if !is_payable(&order) {
        return Ok(Redirect::to(&status_address(order.order_no)).into_response());
    }
    let page = PayPage::of(&order, &state.toss_window, language);
    Ok(([(header::CONTENT_SECURITY_POLICY, state.toss_window.policy.clone())], Page(page)).into_response())
}

impl<'a> PayPage<'a> {
    fn of(order: &OrderView, toss: &'a TossWindow, language: Language) -> Self {
        Self {
            language,
            toss,
            order_no: order.order_no.to_string(),
            order_name: order.name.clone(),
            amount: language.won(order.amount),
            amount_won: order.amount.won(),
            expires_at: kst(order.expires_at),
            declined_before: order.status == OrderStatus::Aborted,
            lines: line_rows(order, language),
        }
    }
}

/// May the shopper open the window now? Whoever is late or undecided would only be refused after paying, and so would
/// who is still being given something back.
pub(crate) fn is_payable(order: &OrderView) -> bool {
    match order.status {
        OrderStatus::Ready | OrderStatus::Aborted => !order.is_late() && order.returning().is_none(),
        OrderStatus::InProgress
        | OrderStatus::WaitingForDeposit
        | OrderStatus::Done
        | OrderStatus::PartialCanceled
        | OrderStatus::Canceled
        | OrderStatus::Expired
        | OrderStatus::Review => false,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use askama::Template;
    use shared::{
        catalogue::Product,
        order::{Line, OrderStatus, ProductId},
    };

    use super::{Cart, Notice, PayPage, ShopPage, TossWindow, pay_policy};
    use crate::{language::Language, sample, sheet};

    #[test]
    fn the_shop_shows_prices_stock_and_why_it_is_shown_again() {
        let product =
            |id, stock| Product { id: ProductId(id), name: "<b>컵</b>".to_owned(), price: sample::krw(18_000), stock };
        let products = [product(7, 3), product(8, 0)];
        for language in [Language::Korean, Language::English] {
            let total = language.won(sample::krw(18_000));
            for notice in [Notice::None, Notice::NothingChosen, Notice::PricesChanged { total }] {
                let html = ShopPage::of(&products, &Cart::default(), notice, language).render().unwrap();
                sample::check_page(&html, language.tag());
                assert!(html.contains("name=\"price-7\" value=\"18000\""), "{html}");
                assert!(html.contains("for=\"quantity-8\"") && html.matches(" disabled").count() == 1, "{html}");
            }
        }
    }

    #[test]
    fn the_pay_page_hands_the_order_to_the_script_and_keeps_markup_out() {
        let toss = TossWindow {
            client_key: "test_ck_abc".to_owned(),
            sdk_url: "http://127.0.0.1:8090/v2/standard".to_owned(),
            policy: String::new(),
        };
        for (status, language) in [(OrderStatus::Ready, Language::Korean), (OrderStatus::Aborted, Language::English)] {
            let html = PayPage::of(&sample::order(status), &toss, language).render().unwrap();
            sample::check_page(&html, language.tag());
            assert!(html.contains("data-amount=\"50000\"") && html.contains("<noscript>"), "{html}");
            assert_eq!(html.contains("declined"), status == OrderStatus::Aborted, "{html}");
        }
    }

    #[test]
    fn the_shop_is_as_its_sheets_show_it() {
        let product = |id, stock, name: &str| Product {
            id: ProductId(id),
            name: name.to_owned(),
            price: sample::krw(18_000),
            stock,
        };
        let products = [product(7, 3, "컵"), product(8, 0, "<b>\"접시\"</b>"), product(9, 20_000, "쟁반")];
        let cart = Cart { lines: vec![Line { product_id: ProductId(7), quantity: 2 }], amount: 36_000 };
        sheet::draw("shop", |sheet, language| {
            let mut add = |name: &str, products: &[Product], cart: &Cart, notice| {
                sheet.add(name, &ShopPage::of(products, cart, notice, language).render().unwrap());
            };
            add("nothing for sale", &[], &Cart::default(), Notice::None);
            add("at first", &products, &Cart::default(), Notice::None);
            add("nothing chosen", &products, &Cart::default(), Notice::NothingChosen);
            let total = language.won(sample::krw(36_000));
            add("prices changed", &products, &cart, Notice::PricesChanged { total });
        });
    }

    #[test]
    fn the_pay_page_is_as_its_sheets_show_it() {
        let toss = TossWindow {
            client_key: "test_ck_abc".to_owned(),
            sdk_url: "http://127.0.0.1:8090/v2/standard?a=\"<b>".to_owned(),
            policy: String::new(),
        };
        sheet::draw("pay", |sheet, language| {
            for status in [OrderStatus::Ready, OrderStatus::Aborted] {
                let html = PayPage::of(&sample::order(status), &toss, language).render().unwrap();
                sheet.add(status.as_str(), &html);
            }
        });
    }

    /// The cart as `2×3 12×1 = 3500`, or the code of the problem.
    fn read(fields: &[(&str, &str)]) -> String {
        let fields: HashMap<_, _> =
            fields.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
        match Cart::read(&fields) {
            Ok(cart) => {
                let lines = cart.lines.iter().map(|line| format!("{}×{} ", line.product_id.0, line.quantity));
                format!("{}= {}", lines.collect::<String>(), cart.amount)
            }
            Err(problem) => problem.json(Language::English)["code"].as_str().unwrap().to_owned(),
        }
    }

    #[test]
    fn a_cart_is_read_from_its_form() {
        let check = |fields: &[(&str, &str)], expected: &str| assert_eq!(read(fields), expected, "{fields:?}");
        check(&[], "= 0");
        check(&[("quantity-1", ""), ("price-1", "500"), ("quantity-2", "0"), ("price-2", "500")], "= 0");
        check(
            &[("quantity-12", "1"), ("price-12", "500"), ("quantity-2", "3"), ("price-2", "1000")],
            "2×3 12×1 = 3500",
        );
        check(&[("quantity-1", "1")], "INVALID_AMOUNT");
        check(&[("quantity-1", "1"), ("price-1", "-5")], "INVALID_AMOUNT");
        check(&[("quantity-1", "one"), ("price-1", "5")], "INVALID_QUANTITY");
        check(&[("quantity-x", "1"), ("price-x", "5")], "INVALID_PRODUCT_ID");
        check(&[("quantity-1", "10001"), ("price-1", "5")], "INVALID_QUANTITY");
        check(&[("quantity-1", "-1"), ("price-1", "5")], "INVALID_QUANTITY");
        check(&[("quantity-1", "10000"), ("price-1", "9007199254740991")], "TOTAL_TOO_LARGE");
    }

    #[test]
    fn only_the_origin_of_the_script_is_trusted_beside_our_own() {
        let policy = pay_policy(&"http://127.0.0.1:8090/v2/standard?a=1;script-src%20*".parse().unwrap());
        assert!(policy.contains("script-src 'self' http://127.0.0.1:8090; "), "{policy}");
        assert!(policy.contains("frame-src http://127.0.0.1:8090; "), "{policy}");
        let policy = pay_policy(&"https://js.tosspayments.com/v2/standard".parse().unwrap());
        assert!(policy.contains("script-src 'self' https://*.tosspayments.com https://*.toss.im; "), "{policy}");
    }
}
