//! `GET /order`: all orders, newest first, for the operator. A page costs the same however deep it is.

use askama::Template;
use axum::{
    extract::{Query, State, rejection::QueryRejection},
    response::{IntoResponse, Response},
};
use shared::order::{self, ListedOrder, OrderStatus};

use crate::{
    AppState,
    address::status_address,
    language::Language,
    operator::Operator,
    orders::{Asked, ListQuery, PAGE_SIZE},
    page::{FORM_REFERRER, Page, kst},
    problem::Problem,
    standing,
};

#[derive(Template)]
#[template(path = "list.html")]
pub(crate) struct ListPage {
    language: Language,
    operator: Operator,
    filters: Vec<Filter>,
    rows: Vec<Row>,
    newest: Option<String>,
    older: Option<String>,
}

/// A link that narrows the list to one state, or shows all.
struct Filter {
    name: &'static str,
    address: String,
    chosen: bool,
}

struct Row {
    address: String,
    name: String,
    customer: String,
    amount: String,
    status_name: &'static str,
    tone: &'static str,
    created_at: String,
}

pub(crate) async fn page(
    operator: Operator,
    State(state): State<AppState>,
    language: Language,
    query: Result<Query<ListQuery>, QueryRejection>,
) -> Result<Response, Problem> {
    let asked = Asked::read(query)?;
    let found = order::list(&state.pool, asked.status, asked.cursor, asked.size).await?;
    Ok((FORM_REFERRER, Page(ListPage::of(operator, &asked, &found, language))).into_response())
}

impl ListPage {
    fn of(operator: Operator, asked: &Asked, found: &order::Page, language: Language) -> Self {
        let address = |status: Option<OrderStatus>, cursor: Option<String>| {
            let size = (asked.size != PAGE_SIZE).then(|| asked.size.to_string());
            list_address(&[("status", status.map(|status| status.to_string())), ("size", size), ("cursor", cursor)])
        };
        let all =
            Filter {
                name: language.pick("전체", "All"), address: address(None, None), chosen: asked.status.is_none()
            };
        let by_status = OrderStatus::ALL.into_iter().map(|status| Filter {
            name: standing::name(status, language),
            address: address(Some(status), None),
            chosen: asked.status == Some(status),
        });
        Self {
            language,
            operator,
            filters: std::iter::once(all).chain(by_status).collect(),
            rows: found.orders.iter().map(|order| Row::of(order, language)).collect(),
            newest: asked.cursor.is_some().then(|| address(asked.status, None)),
            older: found.next.map(|cursor| address(asked.status, Some(cursor.to_string()))),
        }
    }
}

fn list_address(parameters: &[(&str, Option<String>)]) -> String {
    let given = parameters.iter().filter_map(|(name, value)| Some((name, value.as_deref()?)));
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(given).finish();
    if query.is_empty() { "/order".to_owned() } else { format!("/order?{query}") }
}

impl Row {
    fn of(order: &ListedOrder, language: Language) -> Self {
        Self {
            address: status_address(order.order_no),
            name: order.name.clone(),
            customer: order.customer.clone(),
            amount: language.won(order.amount),
            status_name: standing::name(order.status, language),
            tone: standing::tone(order.status),
            created_at: kst(order.created_at),
        }
    }
}

#[cfg(test)]
mod tests {
    use askama::Template;
    use shared::order::{Cursor, ListedOrder, OrderNo, OrderStatus, Page};
    use time::macros::datetime;

    use super::{ListPage, Operator};
    use crate::{language::Language, orders::Asked, sample};

    fn listed(status: OrderStatus) -> ListedOrder {
        ListedOrder {
            order_no: OrderNo::generate(),
            name: "<b>컵</b>".to_owned(),
            customer: "<b>김하나</b>".to_owned(),
            amount: sample::krw(50_000),
            status,
            created_at: datetime!(2026-11-22 04:20:05 UTC),
        }
    }

    fn render(asked: &Asked, found: &Page, language: Language) -> String {
        let html = ListPage::of(Operator::sample(), asked, found, language).render().unwrap();
        sample::check_page(&html, language.tag());
        html
    }

    #[test]
    fn the_list_shows_every_state_and_leads_to_older_orders() {
        let next = Cursor::parse("AAAAAAAAAE0");
        let found = Page { orders: OrderStatus::ALL.into_iter().map(listed).collect(), next };
        let asked = Asked { size: 9, cursor: next, status: Some(OrderStatus::Done) };
        for language in [Language::Korean, Language::English] {
            let html = render(&asked, &found, language);
            for order in &found.orders {
                assert!(html.contains(&format!("/order/{}", order.order_no)), "{html}");
            }
            assert!(html.contains("/order?status=DONE&#38;size=9&#38;cursor=AAAAAAAAAE0"), "{html}");
            assert!(html.contains("href=\"/order?status=DONE&#38;size=9\""), "no way back to the newest: {html}");
            assert_eq!(html.matches("aria-current").count(), 1, "{html}");
        }
    }

    #[test]
    fn an_empty_list_says_so_and_leads_nowhere() {
        let asked = Asked { size: 20, cursor: None, status: None };
        let html = render(&asked, &Page { orders: Vec::new(), next: None }, Language::Korean);
        assert!(html.contains("주문이 없습니다") && !html.contains("rel=\"next\""), "{html}");
    }
}
