//! The demo's past orders: written by a few statements, and yet as whole as those that were paid one by one.

use std::collections::BTreeSet;

use reqwest::StatusCode;
use tests::audit::{Audit, Strength};

use crate::{
    harness::shop::{SERVER_KEY, Shop},
    lists::walk,
};

#[tokio::test]
async fn past_orders_add_up_and_every_one_has_its_pages() {
    let shop = Shop::start(0).await;
    for (name, price) in [("Ogu T", 50_000), ("Ogu 컵", 15_000), ("Ogu 양말", 12_000)] {
        shop.product(name, price, 10).await;
    }
    devstack::past::fill(&shop.database.url, 1_500, |_| ()).await.unwrap();
    let count = async |sql: &str| shop.database.number(sql).await;
    assert_eq!(count("select count(*) from orders").await, 1_500);
    assert_eq!(count("select count(distinct status) from orders").await, 5);
    let crossed = "select count(*) from orders a join orders b on b.id = a.id + 1 where b.created_at < a.created_at";
    assert_eq!(count(crossed).await, 0, "they are numbered in the order of their time");
    let strange = "select count(*) from orders o where amount <> (select sum(l.unit_price * l.quantity) from order_lines l where l.order_id = o.id)";
    assert_eq!(count(strange).await, 0, "an order costs what its lines cost");

    let audit = Audit::new(shop.database.pool.clone(), shop.simulator_url(), &shop.api.url());
    let (server_key, since) = (Some(SERVER_KEY.to_owned()), Some("now".to_owned()));
    let report = Audit { server_key, since, strength: Strength::Settled, ..audit }.run().await.unwrap();
    assert!(report.is_clean(), "{report}");

    let newest = walk(&shop, "size=100&from=2020-01-01").await;
    assert_eq!(newest.iter().collect::<BTreeSet<_>>().len(), 1_500);
    for order in newest.iter().step_by(40) {
        assert!(order.as_bytes()[14] == b'7', "{order} is no UUIDv7");
        for page in [format!("/order/{order}"), format!("/order/{order}/detail")] {
            assert_eq!(shop.get_as_operator(&page).await.status, StatusCode::OK, "{page}");
        }
    }
    assert!(devstack::past::fill(&shop.database.url, 1, |_| ()).await.is_err(), "the past comes first");
    shop.end_without_audit();
}
