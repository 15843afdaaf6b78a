//! `GET /order`: all orders, newest first, for the operator. A page costs the same however deep it is.

use askama::Template;
use axum::{
    extract::{Query, State, rejection::QueryRejection},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use shared::{
    money::Krw,
    order::{self, Cursor, ListedOrder, OrderStatus},
};

use crate::{
    AppState,
    address::detail_address,
    asked::{Asked, ListQuery},
    language::Language,
    operator::Operator,
    page::{FORM_REFERRER, Page, kst},
    problem::Problem,
    standing,
};

#[derive(Template)]
#[template(path = "list.html")]
pub(crate) struct ListPage {
    language: Language,
    operator: Operator,
    /// What was asked for, as it was typed.
    query: ListQuery,
    /// What is wrong with it.
    mistake: Option<String>,
    filters: Vec<Filter>,
    rows: Vec<Row>,
    /// What may help where nothing was found.
    hint: Option<&'static str>,
    /// The same search in all states.
    everywhere: Option<String>,
    newest: Option<String>,
    newer: Option<String>,
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
    /// Told where there is more than one, because the order's name then tells only the first.
    lines: Vec<String>,
    customer: String,
    amount: String,
    status_name: &'static str,
    tone: &'static str,
    created_at: String,
}

/// For whoever asks again for a page that a form led to.
pub(crate) async fn home() -> Redirect {
    Redirect::to("/order")
}

pub(crate) async fn page(
    operator: Operator,
    State(state): State<AppState>,
    language: Language,
    query: Result<Query<ListQuery>, QueryRejection>,
) -> Result<Response, Problem> {
    let query = ListQuery::of(query)?;
    let asked = match Asked::read(&query) {
        Ok(asked) => asked,
        // The form is shown again as it was filled in, beside what is wrong with it.
        Err(problem) => {
            let nothing = order::Page { orders: Vec::new(), newer: None, older: None };
            let mut page = ListPage::of(operator, query, &nothing, language);
            page.mistake = Some(problem.said(language));
            return Ok((StatusCode::BAD_REQUEST, FORM_REFERRER, Page(page)).into_response());
        }
    };
    let mut found = order::list(&state.pool, &asked.filter, asked.cursor, asked.size).await?;
    if asked.cursor.is_some_and(Cursor::is_newer) && found.newer.is_none() {
        // Back at the top, where a page is full and shows what came in meanwhile.
        found = order::list(&state.pool, &asked.filter, None, asked.size).await?;
    }
    Ok((FORM_REFERRER, Page(ListPage::of(operator, query, &found, language))).into_response())
}

impl ListPage {
    fn of(operator: Operator, query: ListQuery, found: &order::Page, language: Language) -> Self {
        let of_status = |status: Option<OrderStatus>| {
            let status = status.map(|status| status.to_string()).unwrap_or_default();
            list_address(&ListQuery { status, cursor: String::new(), ..query.clone() })
        };
        let at = |cursor: Option<Cursor>| {
            let cursor = cursor.map(|cursor| cursor.to_string()).unwrap_or_default();
            list_address(&ListQuery { cursor, ..query.clone() })
        };
        let all =
            Filter { name: language.pick("전체", "All"), address: of_status(None), chosen: query.status.is_empty() };
        let by_status = OrderStatus::ALL.into_iter().map(|status| Filter {
            name: standing::name(status, language),
            address: of_status(Some(status)),
            chosen: query.status == status.as_str(),
        });
        let is_narrow = query.is_searched() && !query.status.is_empty();
        Self {
            language,
            operator,
            mistake: None,
            hint: hint(&query, language),
            everywhere: is_narrow.then(|| of_status(None)),
            filters: std::iter::once(all).chain(by_status).collect(),
            rows: found.orders.iter().map(|order| Row::of(order, language)).collect(),
            newest: (!query.cursor.is_empty()).then(|| at(None)),
            newer: found.newer.map(|cursor| at(Some(cursor))),
            older: found.older.map(|cursor| at(Some(cursor))),
            query,
        }
    }
}

/// Days are written so that they compare as text.
fn hint(query: &ListQuery, language: Language) -> Option<&'static str> {
    let is_after = |from: &str, to: &str| !from.is_empty() && !to.is_empty() && from > to;
    let won = |text: &str| Krw::parse(&text.replace(',', "")).map(Krw::won);
    if is_after(&query.from, &query.to) {
        Some(language.pick("첫날이 마지막 날보다 뒤입니다.", "The first day is after the last."))
    } else if won(&query.min_amount).zip(won(&query.max_amount)).is_some_and(|(least, most)| least > most) {
        Some(language.pick("최소 금액이 최대 금액보다 큽니다.", "The least amount is more than the most."))
    } else if !query.search.is_empty() {
        Some(language.pick(
            "주문번호나 결제 키는 처음부터 끝까지 적어 주세요.",
            "Please give the whole order number, or the whole payment key.",
        ))
    } else {
        None
    }
}

fn list_address(query: &ListQuery) -> String {
    let ListQuery { size, cursor, status, from, to, min_amount, max_amount, order_id, payment_key, search } = query;
    let parameters = [
        ("status", status),
        ("from", from),
        ("to", to),
        ("minAmount", min_amount),
        ("maxAmount", max_amount),
        ("orderId", order_id),
        ("paymentKey", payment_key),
        ("search", search),
        ("size", size),
        ("cursor", cursor),
    ];
    let given = parameters.iter().filter(|(_, value)| !value.is_empty());
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(given).finish();
    if query.is_empty() { "/order".to_owned() } else { format!("/order?{query}") }
}

impl Row {
    fn of(order: &ListedOrder, language: Language) -> Self {
        let lines = order.lines.iter().filter(|_| order.lines.len() > 1);
        Self {
            address: detail_address(order.order_no),
            name: order.name.clone(),
            lines: lines.map(|line| format!("{} × {}", line.name, line.quantity)).collect(),
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
    use shared::order::{Cursor, ListedLine, ListedOrder, OrderStatus, Page};
    use time::macros::datetime;

    use super::{ListPage, Operator};
    use crate::{asked::ListQuery, language::Language, problem::Problem, sample, sheet};

    const OLDER: &str = "bwAAAAAAAABNZk5G";

    fn listed((number, status): (u8, OrderStatus)) -> ListedOrder {
        let line = |name: &str| ListedLine { name: name.to_owned(), quantity: 2 };
        ListedOrder {
            order_no: sample::order_no(number),
            name: "<b>컵</b>".to_owned(),
            customer: "<b>김하나</b>".to_owned(),
            amount: sample::krw(50_000),
            status,
            created_at: datetime!(2026-11-22 04:20:05 UTC),
            lines: vec![line("<b>컵</b>"), line("접시")],
        }
    }

    fn render(query: &ListQuery, found: &Page, language: Language) -> String {
        let html = ListPage::of(Operator::sample(), query.clone(), found, language).render().unwrap();
        sample::check_page(&html, language.tag());
        html
    }

    #[test]
    fn the_list_shows_every_state_and_leads_to_older_orders() {
        let older = Cursor::parse(OLDER);
        let found = Page { orders: (0..).zip(OrderStatus::ALL).map(listed).collect(), newer: None, older };
        let query = ListQuery {
            size: "9".to_owned(),
            cursor: "there".to_owned(),
            status: "DONE".to_owned(),
            from: "<b>\"".to_owned(),
            ..ListQuery::default()
        };
        for language in [Language::Korean, Language::English] {
            let html = render(&query, &found, language);
            for order in &found.orders {
                assert!(html.contains(&format!("/order/{}", order.order_no)), "{html}");
            }
            let kept = "/order?status=DONE&#38;from=%3Cb%3E%22&#38;size=9";
            assert!(html.contains(&format!("{kept}&#38;cursor={OLDER}")), "{html}");
            assert!(html.contains(&format!("href=\"{kept}\"")), "no way back to the newest: {html}");
            assert_eq!(html.matches("aria-current").count(), 1, "{html}");
            assert!(html.contains("접시 × 2"), "{html}");
        }
    }

    #[test]
    fn the_page_is_as_its_sheets_show_it() {
        sheet::draw("list", |sheet, language| {
            let mut add = |name: &str, query: &ListQuery, found: &Page, mistake: Option<Problem>| {
                let mut page = ListPage::of(Operator::sample(), query.clone(), found, language);
                page.mistake = mistake.map(|problem| problem.said(language));
                sheet.add(name, &page.render().unwrap());
            };
            let nothing = || Page { orders: Vec::new(), newer: None, older: None };
            let mut one_line = listed((9, OrderStatus::Done));
            one_line.lines.truncate(1);
            let mut orders: Vec<_> = (0..).zip(OrderStatus::ALL).map(listed).collect();
            orders.push(one_line);
            let cursor = || Cursor::parse(OLDER);
            let all = ListQuery::default();
            add("no orders", &all, &nothing(), None);
            add("the newest", &all, &Page { orders, newer: None, older: cursor() }, None);
            let searched = ListQuery {
                size: "9".to_owned(),
                cursor: OLDER.to_owned(),
                status: "DONE".to_owned(),
                from: "2026-11-01".to_owned(),
                to: "<b>\"".to_owned(),
                min_amount: "<b>\"".to_owned(),
                max_amount: "50000".to_owned(),
                order_id: "<b>\"".to_owned(),
                payment_key: "<b>\"".to_owned(),
                search: "<b>\"".to_owned(),
            };
            let middle = Page { orders: vec![listed((0, OrderStatus::Done))], newer: cursor(), older: cursor() };
            add("in the middle of what was searched for", &searched, &middle, None);
            add("nothing of what was searched for", &searched, &nothing(), None);
            add("a mistake in the search", &searched, &nothing(), Some(Problem::InvalidStatus));
        });
    }

    #[test]
    fn an_empty_list_says_so_and_leads_nowhere() {
        let nothing = Page { orders: Vec::new(), newer: None, older: None };
        let html = render(&ListQuery::default(), &nothing, Language::Korean);
        assert!(html.contains("주문이 없습니다") && !html.contains("rel=\"next\""), "{html}");
        let searched = ListQuery { to: "2026-11-26".to_owned(), ..ListQuery::default() };
        assert!(render(&searched, &nothing, Language::Korean).contains("찾는 주문이 없습니다"));
    }
}
