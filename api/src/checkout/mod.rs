//! The sample shop: fill a cart, get an order, pay in Toss's window or widget.
//!
//! It stands in for the shop that would call our API from its own server, and shows how Toss's script is used. There are
//! no accounts: whoever buys says as which of the shop's customers.

mod cart;
mod pay;

use std::collections::HashMap;

use askama::Template;
use axum::{
    Form,
    extract::{
        Query, State,
        rejection::{FormRejection, QueryRejection},
    },
    http::{StatusCode, header},
    response::{IntoResponse, Redirect, Response},
};
use shared::{
    catalogue::{self, Customer, Product},
    money::Krw,
    order::{self, CreateRefusal, NewOrder, OrderNo, QUANTITY_MAX},
};
use sqlx::PgPool;

use crate::{
    AppState,
    address::pay_address,
    body::form_problem,
    every_request::note_order,
    language::Language,
    page::{FORM_REFERRER, Page, SCRIPT_POLICY},
    problem::Problem,
};
use cart::{Cart, Shortage};
pub(crate) use pay::{Toss, is_payable, pay};

/// Also for whoever asks again for a page that a form led to.
pub(crate) async fn home() -> Redirect {
    Redirect::to("/checkout")
}

/// The shop, with the goods of this order in the cart.
pub(crate) fn again_address(order_no: OrderNo) -> String {
    format!("/checkout?again={order_no}")
}

#[derive(Template)]
#[template(path = "shop.html")]
struct ShopPage {
    language: Language,
    notice: Notice,
    products: Vec<ProductRow>,
    buyers: Vec<BuyerRow>,
}

/// What has to be said before the shopper goes on.
enum Notice {
    None,
    NothingChosen,
    PricesChanged { total: String },
    Short(Vec<Shortage>),
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

struct BuyerRow {
    id: i64,
    name: String,
    chosen: bool,
}

/// `GET /checkout`, or `?again=` an earlier order, whose goods are then in the cart.
pub(crate) async fn shop(
    State(state): State<AppState>,
    language: Language,
    query: Result<Query<HashMap<String, String>>, QueryRejection>,
) -> Result<Response, Problem> {
    let again = query.ok().and_then(|query| OrderNo::parse(query.get("again")?));
    let mut cart = match again {
        Some(order_no) => {
            let buyer = order::customer_of(&state.pool, order_no).await?;
            // An order that nobody knows fills no cart.
            let order = order::view(&state.pool, order_no).await?;
            order.map_or_else(Cart::default, |order| Cart { buyer, ..Cart::of_order(&order) })
        }
        None => Cart::default(),
    };
    let shown = Shown::read(&state.pool).await?;
    let shortages = cart.fit(&shown.products);
    let notice = if shortages.is_empty() { Notice::None } else { Notice::Short(shortages) };
    Ok(ShopPage::of(&shown, &cart, notice, language).respond(StatusCode::OK))
}

struct Shown {
    products: Vec<Product>,
    customers: Vec<Customer>,
}

impl Shown {
    async fn read(pool: &PgPool) -> Result<Self, Problem> {
        Ok(Self { products: catalogue::products(pool).await?, customers: catalogue::customers(pool).await? })
    }
}

impl ShopPage {
    fn of(shown: &Shown, cart: &Cart, notice: Notice, language: Language) -> Self {
        let products = shown.products.iter().map(|product| ProductRow {
            id: product.id.0,
            name: product.name.clone(),
            price: language.won(product.price),
            price_won: product.price.won(),
            stock: product.stock,
            most: product.stock.clamp(0, QUANTITY_MAX.into()),
            chosen: cart.chosen(product.id),
        });
        let buyers = shown.customers.iter().map(|customer| BuyerRow {
            id: customer.id.0,
            name: customer.display_name.clone(),
            chosen: cart.buyer == Some(customer.id),
        });
        Self { language, notice, products: products.collect(), buyers: buyers.collect() }
    }

    fn respond(self, status: StatusCode) -> Response {
        (status, [(header::CONTENT_SECURITY_POLICY, SCRIPT_POLICY)], FORM_REFERRER, Page(self)).into_response()
    }
}

/// `POST /checkout`
pub(crate) async fn order(
    State(state): State<AppState>,
    language: Language,
    form: Result<Form<HashMap<String, String>>, FormRejection>,
) -> Result<Response, Problem> {
    let Form(fields) = form.map_err(|rejection| form_problem(&rejection))?;
    let mut cart = Cart::read(&fields)?;
    let shown = Shown::read(&state.pool).await?;
    let shortages = cart.fit(&shown.products);
    let notice = if shortages.is_empty() {
        match create(&state.pool, &cart).await? {
            Ok(order_no) => return Ok(Redirect::to(&pay_address(order_no)).into_response()),
            Err(CreateRefusal::Empty) => Notice::NothingChosen,
            Err(CreateRefusal::AmountMismatch { total }) => Notice::PricesChanged { total: language.won(total) },
            Err(refusal) => return Err(refusal.into()),
        }
    } else {
        Notice::Short(shortages)
    };
    Ok(ShopPage::of(&shown, &cart, notice, language).respond(StatusCode::UNPROCESSABLE_ENTITY))
}

async fn create(pool: &PgPool, cart: &Cart) -> Result<Result<OrderNo, CreateRefusal>, Problem> {
    let buyer = cart.buyer.ok_or(Problem::InvalidUserId)?;
    let amount = Krw::new(cart.amount).ok_or(Problem::TotalTooLarge)?;
    let created = match NewOrder::new(buyer, amount, &cart.lines) {
        Ok(new) => order::create(pool, &new).await?,
        Err(refusal) => Err(refusal),
    };
    Ok(created.map(|created| {
        note_order(created.order_no);
        created.order_no
    }))
}

#[cfg(test)]
mod tests {
    use askama::Template;
    use shared::{
        catalogue::{Customer, Product},
        order::{CustomerId, Line, ProductId},
    };

    use super::{Cart, Notice, ShopPage, Shortage, Shown};
    use crate::{language::Language, sample, sheet};

    #[test]
    fn the_shop_shows_prices_stock_and_what_has_to_be_said() {
        let product =
            |id, stock| Product { id: ProductId(id), name: "<b>컵</b>".to_owned(), price: sample::krw(18_000), stock };
        let shown = Shown {
            products: vec![product(7, 3), product(8, 0)],
            customers: vec![Customer { id: CustomerId(1), display_name: "<b>김한번</b>".to_owned() }],
        };
        for language in [Language::Korean, Language::English] {
            let total = language.won(sample::krw(18_000));
            let shortages = [3, 0].map(|left| Shortage { name: "<b>컵</b>".to_owned(), left });
            let notices =
                [Notice::None, Notice::NothingChosen, Notice::PricesChanged { total }, Notice::Short(shortages.into())];
            for notice in notices {
                let html = ShopPage::of(&shown, &Cart::default(), notice, language).render().unwrap();
                sample::check_page(&html, language.tag());
                assert!(html.contains("name=\"price-7\" value=\"18000\""), "{html}");
                assert!(html.contains("name=\"quantity-7\"") && !html.contains("name=\"quantity-8\""), "{html}");
                assert!(html.contains("<option value=\"1\""), "{html}");
            }
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
        let customer = |id, name: &str| Customer { id: CustomerId(id), display_name: name.to_owned() };
        let full = Shown {
            products: vec![product(7, 3, "컵"), product(8, 0, "<b>\"접시\"</b>"), product(9, 20_000, "쟁반")],
            customers: vec![customer(1, "김한번"), customer(2, "<b>이두리</b>")],
        };
        let empty = Shown { products: Vec::new(), customers: Vec::new() };
        let chosen = Line { product_id: ProductId(7), quantity: 2 };
        let cart = Cart { lines: vec![chosen], amount: 36_000, buyer: Some(CustomerId(2)) };
        sheet::draw("shop", |sheet, language| {
            let mut add = |name: &str, shown: &Shown, cart: &Cart, notice| {
                sheet.add(name, &ShopPage::of(shown, cart, notice, language).render().unwrap());
            };
            add("nothing for sale", &empty, &Cart::default(), Notice::None);
            add("at first", &full, &Cart::default(), Notice::None);
            add("nothing chosen", &full, &Cart::default(), Notice::NothingChosen);
            let total = language.won(sample::krw(36_000));
            add("prices changed", &full, &cart, Notice::PricesChanged { total });
            let shortages = [3, 0].map(|left| Shortage { name: "<b>컵</b>".to_owned(), left });
            add("too many", &full, &cart, Notice::Short(shortages.into()));
        });
    }
}
