//! What shoppers do: each on their own, some of them twice at once.

use std::time::Duration;

use futures_util::future::join_all;
use shared::order::ProductId;

use super::plan::{Habit, Plan, Shopper};
use crate::harness::{
    shop::{Answered, Shop},
    wait_for,
};

pub(super) const PRICE: i64 = 10_000;
const PLENTY: i64 = 1_000;
/// How often somebody whose first card was declined tries another one before they give up.
const PATIENCE: usize = 25;

/// One who has it easy.
pub(super) async fn one(shop: &Shop) {
    let product = shop.product("Key ring", PRICE, 1).await;
    shop.accepted(PRICE, &[(product, 1)]).await;
    wait_for("the first payment", Duration::from_mins(1), async || {
        (shop.database.number("select count(*) from orders where status = 'DONE'").await == 1).then_some(())
    })
    .await;
}

/// Comes back when every shopper is through.
pub(super) async fn all(shop: &Shop, plan: &Plan) {
    let scarce = shop.product("Ogu T", PRICE, plan.scarce).await;
    let others = [shop.product("Mug", PRICE, PLENTY).await, shop.product("Bag", PRICE, PLENTY).await];
    let each = plan.shoppers.iter().enumerate().map(async |(number, shopper)| {
        tokio::time::sleep(shopper.comes_after).await;
        shopping(shop, shopper, &basket(shopper, scarce, others[number % others.len()])).await;
    });
    join_all(each).await;
}

pub(super) fn basket(shopper: &Shopper, scarce: ProductId, other: ProductId) -> Vec<(ProductId, i32)> {
    let mut lines = vec![(other, shopper.quantity)];
    if shopper.wants_the_scarce {
        lines.push((scarce, 1));
    }
    lines
}

pub(super) async fn shopping(shop: &Shop, shopper: &Shopper, lines: &[(ProductId, i32)]) {
    let amount = lines.iter().map(|(_, quantity)| PRICE * i64::from(*quantity)).sum();
    let order = shop.order(amount, lines).await;
    match shopper.habit {
        Habit::Pays => {
            let key = shop.authenticate(&order, amount).await;
            fair(&shop.confirm_patiently(&order, &key, amount).await);
        }
        Habit::PaysTwiceAtOnce => {
            let key = shop.authenticate(&order, amount).await;
            let click = || shop.confirm_patiently(&order, &key, amount);
            let (first, second) = tokio::join!(click(), click());
            fair(&first);
            fair(&second);
            assert!(
                first.status == second.status || first.status.as_u16() == 409 || second.status.as_u16() == 409,
                "one confirm, two answers: {first:?} {second:?}"
            );
        }
        Habit::Declined(code) => {
            let key = shop.authenticate_declined(&order, amount, code).await;
            fair(&shop.confirm_patiently(&order, &key, amount).await);
        }
        Habit::DeclinedThenPays(code) => {
            let key = shop.authenticate_declined(&order, amount, code).await;
            fair(&shop.confirm_patiently(&order, &key, amount).await);
            another_card(shop, &order, amount).await;
        }
        Habit::TwoCards => {
            let (one, other) = (shop.authenticate(&order, amount).await, shop.authenticate(&order, amount).await);
            let (first, second) = tokio::join!(
                shop.confirm_patiently(&order, &one, amount),
                shop.confirm_patiently(&order, &other, amount)
            );
            fair(&first);
            fair(&second);
        }
        Habit::NamesAWrongAmount => {
            let key = shop.authenticate(&order, amount).await;
            let refused = shop.confirm_patiently(&order, &key, amount + 1).await;
            assert!(refused.status.is_client_error(), "{refused:?}");
            fair(&shop.confirm_patiently(&order, &key, amount).await);
        }
        Habit::Tampers => {
            let key = shop.authenticate(&order, 100).await;
            fair(&shop.confirm_patiently(&order, &key, amount).await);
        }
        Habit::NeverPays => {
            shop.authenticate(&order, amount).await;
            expire(shop, &order).await;
        }
        Habit::PaysAsItExpires => {
            let key = shop.authenticate(&order, amount).await;
            let pay = shop.confirm_patiently(&order, &key, amount);
            let (paid, ()) = tokio::join!(pay, expire(shop, &order));
            fair(&paid);
        }
    }
}

/// The same order with another card, once the first one is declined. Until then it is told to wait.
async fn another_card(shop: &Shop, order: &str, amount: i64) {
    let key = shop.authenticate(order, amount).await;
    for _ in 0..PATIENCE {
        let answered = shop.confirm_patiently(order, &key, amount).await;
        fair(&answered);
        if answered.code() != "PAYMENT_IN_PROGRESS" {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn expire(shop: &Shop, order: &str) {
    shop.database.execute(&format!("update orders set expires_at = now() where order_no = '{order}'")).await;
}

/// Accepted, or refused for a reason that may be. Whether the reason was true, the audit tells.
fn fair(answered: &Answered) {
    let code = if answered.status.as_u16() == 202 { String::new() } else { answered.code() };
    let fair = match answered.status.as_u16() {
        202 => true,
        409 => {
            matches!(
                code.as_str(),
                "PAYMENT_IN_PROGRESS" | "ALREADY_PAID" | "ORDER_EXPIRED" | "OUT_OF_STOCK" | "ORDER_CANCELED" | "BUSY"
            )
        }
        _ => false,
    };
    assert!(fair, "{answered:?}");
}
