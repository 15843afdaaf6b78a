//! Which part of the list of orders is asked for, by a query string or by the form above the list.
//!
//! Days are Korea's, both included. `search` is the form's one field for an order number or a paymentKey, whichever it looks
//! like.

use axum::extract::{Query, rejection::QueryRejection};
use serde::Deserialize;
use shared::{
    money::Krw,
    order::{Cursor, Filter, OrderNo, OrderStatus, PAGE_SIZE_MAX},
    payment::PaymentKey,
};
use time::{Date, OffsetDateTime, Time, UtcOffset, macros::format_description};

use crate::{
    body::wrong,
    problem::{Problem, Wanted},
};

pub(crate) const PAGE_SIZE: u8 = 20;

/// As it was sent. Empty parameters count as absent, as forms send them.
#[derive(Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct ListQuery {
    pub(crate) size: String,
    pub(crate) cursor: String,
    pub(crate) status: String,
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) min_amount: String,
    pub(crate) max_amount: String,
    pub(crate) order_id: String,
    pub(crate) payment_key: String,
    pub(crate) search: String,
}

pub(crate) struct Asked {
    pub(crate) size: u8,
    pub(crate) cursor: Option<Cursor>,
    pub(crate) filter: Filter,
}

impl ListQuery {
    pub(crate) fn of(query: Result<Query<Self>, QueryRejection>) -> Result<Self, Problem> {
        let Query(query) = query.map_err(|_| wrong("query", Wanted::Parameters))?;
        Ok(query)
    }

    /// Is it narrowed by anything that the form holds?
    pub(crate) fn is_searched(&self) -> bool {
        let fields =
            [&self.from, &self.to, &self.min_amount, &self.max_amount, &self.order_id, &self.payment_key, &self.search];
        fields.iter().any(|field| !field.is_empty())
    }
}

impl Asked {
    pub(crate) fn read(query: &ListQuery) -> Result<Self, Problem> {
        let mut filter = Filter {
            status: given(&query.status, |text| OrderStatus::parse(text).ok_or(Problem::InvalidStatus))?,
            from: given(&query.from, |text| Ok(begins(day(text, "from")?)))?,
            until: given(&query.to, |text| {
                let day = day(text, "to")?;
                day.next_day().map(begins).ok_or_else(|| wrong("to", Wanted::Day))
            })?,
            amount_min: given(&query.min_amount, |text| amount(text, "minAmount"))?,
            amount_max: given(&query.max_amount, |text| amount(text, "maxAmount"))?,
            order_no: given(&query.order_id, |text| OrderNo::parse(text).ok_or(Problem::InvalidOrderId))?,
            payment_key: given(&query.payment_key, |text| PaymentKey::parse(text).ok_or(Problem::InvalidPaymentKey))?,
        };
        match query.search.trim() {
            "" => {}
            text => match OrderNo::parse(text) {
                Some(order_no) => filter.order_no = Some(order_no),
                None => filter.payment_key = Some(PaymentKey::parse(text).ok_or(Problem::InvalidPaymentKey)?),
            },
        }
        let size = given(&query.size, |text| {
            let size = text.parse().ok().filter(|size| (1..=PAGE_SIZE_MAX).contains(size));
            size.ok_or(Problem::InvalidPageSize)
        })?;
        let cursor = given(&query.cursor, |text| Cursor::parse(text).ok_or(Problem::InvalidCursor))?;
        Ok(Self { size: size.unwrap_or(PAGE_SIZE), cursor, filter })
    }
}

fn given<T>(text: &str, read: impl FnOnce(&str) -> Result<T, Problem>) -> Result<Option<T>, Problem> {
    if text.is_empty() { Ok(None) } else { read(text).map(Some) }
}

/// Thousands may be separated, as people copy amounts from a page.
fn amount(text: &str, field: &str) -> Result<Krw, Problem> {
    Krw::parse(&text.replace(',', "")).ok_or_else(|| wrong(field, Wanted::Integer))
}

fn day(text: &str, field: &str) -> Result<Date, Problem> {
    let day = Date::parse(text, format_description!("[year]-[month]-[day]")).ok();
    day.filter(|day| (2000..=9998).contains(&day.year())).ok_or_else(|| wrong(field, Wanted::Day))
}

/// The first moment of a day in Korea.
fn begins(day: Date) -> OffsetDateTime {
    let korea = UtcOffset::from_hms(9, 0, 0).unwrap_or(UtcOffset::UTC);
    day.with_time(Time::MIDNIGHT).assume_offset(korea)
}

#[cfg(test)]
mod tests {
    use axum::{
        extract::Query,
        http::{StatusCode, Uri},
        response::IntoResponse,
    };
    use shared::order::Filter;
    use time::macros::datetime;

    use super::{Asked, ListQuery};
    use crate::{language::Language, problem::Problem};

    fn read(query: &str) -> Result<Asked, Problem> {
        let uri: Uri = format!("/?{query}").parse().unwrap();
        Asked::read(&ListQuery::of(Query::try_from_uri(&uri))?)
    }

    #[test]
    fn a_list_is_asked_for_within_bounds() {
        let check = |query: &str, code: Option<&str>| {
            let problem = read(query).err();
            let told = problem.as_ref().map(|problem| problem.json(Language::English));
            assert_eq!(told.as_ref().and_then(|told| told["code"].as_str()), code, "{query}");
            if let Some(problem) = problem {
                assert_eq!(problem.into_response().status(), StatusCode::BAD_REQUEST);
            }
        };
        check("", None);
        check("size=1", None);
        check("size=100&status=DONE&unknown=1", None);
        check("size=&cursor=&status=&from=&to=&minAmount=&maxAmount=&orderId=&paymentKey=&search=", None);
        check("from=2026-02-28&to=2026-03-01&minAmount=0&maxAmount=9007199254740991", None);
        check("orderId=019ab7f2-3c55-7d8e-9b14-4f0f6a1c2d3e&paymentKey=tgen_1", None);
        check("size=0", Some("INVALID_PAGE_SIZE"));
        check("size=101", Some("INVALID_PAGE_SIZE"));
        check("size=ten", Some("INVALID_PAGE_SIZE"));
        check("cursor=7", Some("INVALID_CURSOR"));
        check("cursor=AAAAAAAAAE0", Some("INVALID_CURSOR"));
        check("cursor=bwAAAAAAAABN", Some("INVALID_CURSOR"));
        check("status=PAID", Some("INVALID_STATUS"));
        check("status=DONE&status=READY", Some("INVALID_REQUEST"));
        for day in ["2026-02-29", "26-02-01", "2026-2-1", "tomorrow", "9999-12-31", "0001-01-01", "2026-01-01T00:00"] {
            check(&format!("from={day}"), Some("INVALID_REQUEST"));
            check(&format!("to={day}"), Some("INVALID_REQUEST"));
        }
        for amount in ["-1", "1.5", "won", "9007199254740992", "1e3"] {
            check(&format!("minAmount={amount}"), Some("INVALID_REQUEST"));
            check(&format!("maxAmount={amount}"), Some("INVALID_REQUEST"));
        }
        check("orderId=7", Some("INVALID_ORDER_ID"));
        check("paymentKey=a%20b", Some("INVALID_PAYMENT_KEY"));
        check("search=a%20b", Some("INVALID_PAYMENT_KEY"));
    }

    #[test]
    fn days_are_koreas_and_the_last_one_is_included() {
        let Filter { from, until, amount_min, .. } =
            read("from=2026-11-26&to=2026-11-26&minAmount=1,000").unwrap().filter;
        assert_eq!(from, Some(datetime!(2026-11-25 15:00 UTC)));
        assert_eq!(until, Some(datetime!(2026-11-26 15:00 UTC)));
        assert_eq!(amount_min.unwrap().won(), 1_000);
    }

    #[test]
    fn one_field_takes_an_order_number_or_a_payment_key() {
        let order = read("search=+019ab7f2-3c55-7d8e-9b14-4f0f6a1c2d3e+").unwrap().filter;
        assert!(order.order_no.is_some() && order.payment_key.is_none());
        let key = read("search=tgen_20261126abc").unwrap().filter;
        assert!(key.order_no.is_none() && key.payment_key.is_some());
    }
}
