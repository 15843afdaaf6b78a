//! The operator's list, narrowed and walked both ways.

use std::collections::BTreeSet;

use reqwest::StatusCode;
use serde_json::Value;
use sqlx::AssertSqlSafe;

use crate::{harness::shop::Shop, lists::walk};

const KOREAN_MIDNIGHT: &str = "2026-03-01 00:00:00+09";

/// An order of this state, over this amount, made so long after a certain midnight in Korea.
async fn order_at(shop: &Shop, seconds: i64, status: &str, amount: i64) -> String {
    let sql = format!(
        "insert into orders (order_no, customer_id, name, amount, status, payment_count, review_holds_stock, created_at,
                             expires_at)
         select gen_random_uuid(), {}, 'Ogu T', {amount}, '{status}', 1,
                case when '{status}' = 'REVIEW' then true end, at, at + interval '45 minutes'
         from (select timestamptz '{KOREAN_MIDNIGHT}' + interval '1 second' * {seconds} as at) t
         returning order_no::text",
        shop.customer.0
    );
    sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&shop.database.pool).await.unwrap()
}

async fn found(shop: &Shop, query: &str) -> BTreeSet<String> {
    walk(shop, &format!("size=2&{query}")).await.into_iter().collect()
}

fn set(orders: &[&String]) -> BTreeSet<String> {
    orders.iter().map(|order| (*order).clone()).collect()
}

#[tokio::test]
async fn days_are_koreas_and_both_ends_count() {
    let shop = Shop::start(0).await;
    let mut orders = Vec::new();
    for seconds in [-86_401, -86_400, -1, 0, 1, 43_200, 86_399, 86_400, 172_800] {
        orders.push(order_at(&shop, seconds, "EXPIRED", 1_000).await);
    }
    let [before, first, last_of_february, midnight, one, noon, last, second, third] = &orders[..] else { panic!() };
    let day = set(&[midnight, one, noon, last]);
    assert_eq!(found(&shop, "from=2026-03-01&to=2026-03-01").await, day);
    assert_eq!(found(&shop, "from=2026-02-28&to=2026-02-28").await, set(&[first, last_of_february]));
    assert_eq!(found(&shop, "to=2026-02-27").await, set(&[before]));
    assert_eq!(found(&shop, "from=2026-03-02").await, set(&[second, third]));
    assert_eq!(found(&shop, "from=2026-03-02&to=2026-03-01").await, set(&[]));
    assert_eq!(found(&shop, "from=2020-01-01&to=2030-01-01").await, orders.iter().cloned().collect());
    assert_eq!(found(&shop, "from=2030-01-01").await, set(&[]));
    shop.end_without_audit();
}

#[tokio::test]
async fn days_are_found_among_many_orders_and_where_numbers_are_missing() {
    let shop = Shop::start(0).await;
    shop.database
        .execute(&format!(
            "insert into orders (order_no, customer_id, name, amount, status, payment_count, created_at, expires_at)
             select gen_random_uuid(), {}, 'Ogu T', 1000, 'EXPIRED', 1, at, at
             from (select timestamptz '{KOREAN_MIDNIGHT}' + interval '1 minute' * n as at
                   from generate_series(0, 9999) n) t;
             delete from orders where id % 7 = 3 or id between 2000 and 3000",
            shop.customer.0
        ))
        .await;
    for day in 0..9 {
        let number = |what: &str| {
            format!(
                "select {what} from orders where created_at >= timestamptz '{KOREAN_MIDNIGHT}' + interval '1 day' * {day}
                 and created_at < timestamptz '{KOREAN_MIDNIGHT}' + interval '1 day' * {}",
                day + 1
            )
        };
        let expected = shop.database.number(&number("count(*)")).await;
        let date = format!("2026-03-0{}", day + 1);
        let listed = walk(&shop, &format!("size=100&from={date}&to={date}")).await;
        assert_eq!(i64::try_from(listed.len()).unwrap(), expected, "{date}");
    }
    shop.end_without_audit();
}

#[tokio::test]
async fn a_day_is_whole_also_where_numbers_and_times_disagree_by_seconds() {
    let shop = Shop::start(0).await;
    // A statement takes its time when it begins and its number up to some seconds later, so neighbours stand crossed.
    shop.database
        .execute(&format!(
            "insert into orders (order_no, customer_id, name, amount, status, payment_count, created_at, expires_at)
             select gen_random_uuid(), {}, 'Ogu T', 1000, 'EXPIRED', 1, at - interval '1 second' * (n * 7 % 5), at
             from (select n, timestamptz '{KOREAN_MIDNIGHT}' + interval '0.5 seconds' * n as at
                   from generate_series(-3000, 3000) n) t",
            shop.customer.0
        ))
        .await;
    for (query, side) in [("to=2026-02-28", "<"), ("from=2026-03-01", ">=")] {
        let sql = format!("select count(*) from orders where created_at {side} timestamptz '{KOREAN_MIDNIGHT}'");
        let listed = walk(&shop, &format!("size=100&{query}")).await;
        assert_eq!(i64::try_from(listed.len()).unwrap(), shop.database.number(&sql).await, "{query}");
    }
    shop.end_without_audit();
}

#[tokio::test]
async fn amounts_states_numbers_and_keys_narrow_alone_and_together() {
    let shop = Shop::start(0).await;
    let mut orders = Vec::new();
    for (number, (status, amount)) in
        [("EXPIRED", 999), ("EXPIRED", 1_000), ("REVIEW", 1_000), ("EXPIRED", 5_000), ("REVIEW", 5_001)]
            .iter()
            .enumerate()
    {
        orders.push(order_at(&shop, i64::try_from(number).unwrap() * 86_400, status, *amount).await);
    }
    shop.database
        .execute(
            "insert into payments (order_id, payment_no, payment_key, amount, request, status)
             select id, 1, 'the_key_of_' || amount || status, amount, '', 'REVIEW' from orders where status = 'REVIEW'",
        )
        .await;
    let [cheap, thousand, thousand_review, five, dear] = &orders[..] else { panic!() };
    for (query, expected) in [
        ("minAmount=1000&maxAmount=1000".to_owned(), set(&[thousand, thousand_review])),
        ("minAmount=1000&maxAmount=5000".to_owned(), set(&[thousand, thousand_review, five])),
        ("maxAmount=999".to_owned(), set(&[cheap])),
        ("minAmount=5,001".to_owned(), set(&[dear])),
        ("minAmount=2&maxAmount=1".to_owned(), set(&[])),
        ("status=REVIEW&minAmount=1000&maxAmount=1000".to_owned(), set(&[thousand_review])),
        ("status=REVIEW&from=2026-03-04".to_owned(), set(&[dear])),
        ("minAmount=1000&maxAmount=1000&to=2026-03-02".to_owned(), set(&[thousand])),
        (format!("orderId={five}"), set(&[five])),
        (format!("search={five}"), set(&[five])),
        (format!("orderId={five}&status=REVIEW"), set(&[])),
        ("orderId=019ab7f2-3c55-7d8e-9b14-4f0f6a1c2d3e".to_owned(), set(&[])),
        ("paymentKey=the_key_of_5001REVIEW".to_owned(), set(&[dear])),
        ("search=the_key_of_5001REVIEW".to_owned(), set(&[dear])),
        ("paymentKey=the_key_of_5001".to_owned(), set(&[])),
        ("paymentKey=the_key_of_5001REVIEW&maxAmount=5000".to_owned(), set(&[])),
    ] {
        assert_eq!(found(&shop, &query).await, expected, "{query}");
    }
    shop.end_without_audit();
}

#[tokio::test]
async fn the_list_is_walked_back_the_way_it_came() {
    let shop = Shop::start(0).await;
    let mut created = Vec::new();
    for number in 0..23 {
        created.push(order_at(&shop, number, if number % 2 == 0 { "EXPIRED" } else { "REVIEW" }, 1_000).await);
    }
    created.reverse();
    let page = async |query: &str, cursor: &str| -> Value {
        let answered = shop.get_as_operator(&format!("/api/v1/orders?{query}&cursor={cursor}")).await;
        assert_eq!(answered.status, StatusCode::OK, "{}", answered.text);
        answered.json()
    };
    let numbers = |page: &Value| -> Vec<String> {
        page["orders"].as_array().unwrap().iter().map(|order| order["orderId"].as_str().unwrap().to_owned()).collect()
    };
    for query in ["size=5", "size=4&status=REVIEW", "size=1", "size=23"] {
        let mut down = vec![page(query, "").await];
        assert!(down[0]["previousCursor"].is_null(), "{query}: nothing is newer than the newest");
        while let Some(cursor) = down.last().unwrap()["nextCursor"].as_str().map(str::to_owned) {
            down.push(page(query, &cursor).await);
        }
        let mut at = down.pop().unwrap();
        while let Some(expected) = down.pop() {
            at = page(query, at["previousCursor"].as_str().unwrap()).await;
            assert_eq!(numbers(&at), numbers(&expected), "{query}");
            assert_eq!(at["nextCursor"], expected["nextCursor"], "{query}: the same place again");
        }
        assert!(at["previousCursor"].is_null(), "{query}");
    }
    shop.end_without_audit();
}

#[tokio::test]
async fn the_page_leads_both_ways_and_keeps_what_was_asked_for() {
    let shop = Shop::start(0).await;
    for number in 0..5 {
        order_at(&shop, number, "EXPIRED", 1_000).await;
    }
    let link = |html: &str, rel: &str| {
        let rest = html.split_once(&format!("rel=\"{rel}\" href=\""))?.1;
        Some(rest.split('"').next().unwrap().replace("&#38;", "&"))
    };
    let rows = |html: &str| html.matches("<td class=\"what\">").count();
    let first = shop.get_as_operator("/order?status=EXPIRED&size=2&minAmount=1000").await.text;
    let second = shop.get_as_operator(&link(&first, "next").unwrap()).await.text;
    assert!(link(&first, "prev").is_none() && rows(&second) == 2);
    let third = shop.get_as_operator(&link(&second, "next").unwrap()).await.text;
    assert!(link(&third, "next").is_none() && rows(&third) == 1, "{third}");
    for address in [link(&second, "next"), link(&second, "prev")] {
        let address = address.unwrap();
        assert!(address.starts_with("/order?status=EXPIRED&minAmount=1000&size=2&cursor="), "{address}");
    }
    order_at(&shop, 9, "EXPIRED", 1_000).await;
    let top = shop.get_as_operator(&link(&second, "prev").unwrap()).await.text;
    assert_eq!(rows(&top), 2);
    let top = shop.get_as_operator(&link(&top, "prev").unwrap()).await.text;
    assert!(rows(&top) == 2 && link(&top, "prev").is_none(), "the top is a whole page: {top}");
    shop.end_without_audit();
}

#[tokio::test]
async fn what_is_asked_for_wrongly_is_told_and_kept_in_the_form() {
    let shop = Shop::start(0).await;
    let page = shop.get_as_operator("/order?from=yesterday&search=%3Cb%3E&minAmount=1").await;
    assert_eq!(page.status, StatusCode::BAD_REQUEST);
    for kept in ["value=\"yesterday\"", "value=\"1\"", "role=\"alert\""] {
        assert!(page.text.contains(kept), "{kept}: {}", page.text);
    }
    assert!(!page.text.contains("<b>"), "{}", page.text);
    for query in
        ["cursor=nonsense", "cursor=bwAAAAAAAABNAAAA", "size=0", "status=PAID", "to=2026-02-30", "maxAmount=-1"]
    {
        assert_eq!(shop.get_as_operator(&format!("/order?{query}")).await.status, StatusCode::BAD_REQUEST, "{query}");
        let json = shop.get_as_operator(&format!("/api/v1/orders?{query}")).await;
        assert_eq!(json.status, StatusCode::BAD_REQUEST, "{query}");
    }
    shop.finish().await;
}
