//! What shoppers do: each on their own, some of them twice at once.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};
use shared::order::ProductId;

use super::plan::{Habit, Move, Plan, Shopper, Until};
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

/// An order to which Toss said the same for some time.
#[derive(Clone, Debug)]
pub(super) struct Same {
    pub(super) order: String,
    /// The rule that stays, and what it is about.
    pub(super) stays: Option<u64>,
    /// A refund that met it may have ended without effect.
    pub(super) refuses: bool,
}

/// Comes back when every shopper is through, with the orders to which Toss says the same for ever or did so.
pub(super) async fn all(shop: &Shop, plan: &Plan) -> Vec<Same> {
    let scarce = shop.product("Ogu T", PRICE, plan.scarce).await;
    let others = [shop.product("Mug", PRICE, PLENTY).await, shop.product("Bag", PRICE, PLENTY).await];
    let each = plan.shoppers.iter().enumerate().map(async |(number, shopper)| {
        tokio::time::sleep(shopper.comes_after).await;
        shopping(shop, shopper, &basket(shopper, scarce, others[number % others.len()])).await
    });
    join_all(each).await.into_iter().flatten().collect()
}

pub(super) fn basket(shopper: &Shopper, scarce: ProductId, other: ProductId) -> Vec<(ProductId, i32)> {
    let mut lines = vec![(other, shopper.quantity)];
    if shopper.wants_the_scarce {
        lines.push((scarce, 1));
    }
    lines
}

pub(super) async fn shopping(shop: &Shop, shopper: &Shopper, lines: &[(ProductId, i32)]) -> Option<Same> {
    let amount = lines.iter().map(|(_, quantity)| PRICE * i64::from(*quantity)).sum();
    let order = shop.order(amount, lines).await;
    let mut same = None;
    if let Some(sameness) = &shopper.sameness {
        let rule = json!({"match": {"endpoint": sameness.endpoint, "orderId": order}, "then": sameness.then});
        let rule = shop.control("rules", rule).await["ruleId"].as_u64();
        let stays = rule.filter(|_| sameness.until == Until::Never);
        same = Some(Same { order: order.clone(), stays, refuses: sameness.refuses });
    }
    pays(shop, shopper.habit, &order, amount).await;
    for (after, next) in &shopper.afterwards {
        tokio::time::sleep(*after).await;
        others(shop, *next, &order, amount).await;
    }
    same
}

async fn pays(shop: &Shop, habit: Habit, order: &str, amount: i64) {
    match habit {
        Habit::Pays => {
            let key = shop.authenticate(order, amount).await;
            fair(&shop.confirm_patiently(order, &key, amount).await);
        }
        Habit::PaysTwiceAtOnce => {
            let key = shop.authenticate(order, amount).await;
            let click = || shop.confirm_patiently(order, &key, amount);
            let (first, second) = tokio::join!(click(), click());
            fair(&first);
            fair(&second);
            assert!(
                first.status == second.status || first.status.as_u16() == 409 || second.status.as_u16() == 409,
                "one confirm, two answers: {first:?} {second:?}"
            );
        }
        Habit::Declined(code) => {
            let key = shop.authenticate_declined(order, amount, code).await;
            fair(&shop.confirm_patiently(order, &key, amount).await);
        }
        Habit::DeclinedThenPays(code) => {
            let key = shop.authenticate_declined(order, amount, code).await;
            fair(&shop.confirm_patiently(order, &key, amount).await);
            another_card(shop, order, amount).await;
        }
        Habit::TwoCards => {
            let (one, other) = (shop.authenticate(order, amount).await, shop.authenticate(order, amount).await);
            let (first, second) = tokio::join!(
                shop.confirm_patiently(order, &one, amount),
                shop.confirm_patiently(order, &other, amount)
            );
            fair(&first);
            fair(&second);
        }
        Habit::NamesAWrongAmount => {
            let key = shop.authenticate(order, amount).await;
            let refused = shop.confirm_patiently(order, &key, amount + 1).await;
            assert!(refused.status.is_client_error(), "{refused:?}");
            fair(&shop.confirm_patiently(order, &key, amount).await);
        }
        Habit::Tampers => {
            let key = shop.authenticate(order, 100).await;
            fair(&shop.confirm_patiently(order, &key, amount).await);
        }
        Habit::NeverPays => {
            shop.authenticate(order, amount).await;
            expire(shop, order).await;
        }
        Habit::PaysAsItExpires => {
            let key = shop.authenticate(order, amount).await;
            let pay = shop.confirm_patiently(order, &key, amount);
            let (paid, ()) = tokio::join!(pay, expire(shop, order));
            fair(&paid);
        }
        Habit::LiedToThenPays(code) => {
            lie(shop, order, amount, code).await;
            another_card(shop, order, amount).await;
        }
        Habit::LiedToThenWaits(code) => {
            lie(shop, order, amount, code).await;
            let key = shop.authenticate_account(order, amount, &json!({})).await;
            until_taken(shop, order, &key, amount).await;
        }
        Habit::Waits => {
            let key = shop.authenticate_account(order, amount, &json!({})).await;
            fair(&shop.confirm_patiently(order, &key, amount).await);
        }
    }
}

/// A card that Toss approves and calls declined.
async fn lie(shop: &Shop, order: &str, amount: i64, code: &str) {
    let then = json!({"kind": "errorAfter", "status": 403, "code": code});
    let rule = json!({"match": {"endpoint": "confirm", "orderId": order}, "times": 1, "then": then});
    shop.control("rules", rule).await;
    let key = shop.authenticate(order, amount).await;
    fair(&shop.confirm_patiently(order, &key, amount).await);
}

/// The same order with another card, once the first one is declined. Until then it is told to wait.
async fn another_card(shop: &Shop, order: &str, amount: i64) {
    let key = shop.authenticate(order, amount).await;
    until_taken(shop, order, &key, amount).await;
}

async fn until_taken(shop: &Shop, order: &str, key: &str, amount: i64) {
    for _ in 0..PATIENCE {
        let answered = shop.confirm_patiently(order, key, amount).await;
        fair(&answered);
        if answered.code() != "PAYMENT_IN_PROGRESS" {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// What an operator, the shop's server, a colleague in Toss's console or a bank does with the order. It need not be possible.
async fn others(shop: &Shop, next: Move, order: &str, amount: i64) {
    let account = json!({"bank": "20", "accountNumber": "1002123456", "holderName": "김심"});
    match next {
        Move::Deposit => {
            for key in payment_keys(shop, order).await {
                shop.try_control("deposit", json!({"paymentKey": key})).await;
            }
        }
        Move::RefundInTheConsole(tenths) => {
            for key in payment_keys(shop, order).await {
                let mut body = json!({"paymentKey": key, "refundReceiveAccount": account});
                if tenths < 10 {
                    body["cancelAmount"] = json!(amount * tenths / 10);
                }
                shop.try_control("cancel", body).await;
            }
        }
        Move::Refund(tenths) => {
            let mut body: Value = json!({"cancelReason": "단순 변심"});
            if tenths < 10 {
                body["cancelAmount"] = json!(amount * tenths / 10);
            }
            let key = format!("{order}-{tenths}");
            let mut refund = shop.refund(order, &key, body.clone()).await;
            if refund.status.as_u16() == 422 && refund.code() == "REFUND_ACCOUNT_REQUIRED" {
                body["refundReceiveAccount"] = account;
                refund = shop.refund(order, &key, body).await;
            }
            assert!(matches!(refund.status.as_u16(), 202 | 409 | 422 | 503), "{refund:?}");
        }
        Move::CallOff => shop.call_off(order).await,
        Move::LookUp | Move::Close => {
            let what = if next == Move::LookUp { "lookup" } else { "close" };
            let answered = shop.act(order, what, json!({"reason": "확인"})).await;
            assert!(matches!(answered.status.as_u16(), 202 | 409 | 429 | 503), "{answered:?}");
        }
    }
}

async fn payment_keys(shop: &Shop, order: &str) -> Vec<String> {
    let sql = "select p.payment_key::text from payments p join orders o on o.id = p.order_id
               where o.order_no = $1::uuid order by p.payment_no";
    sqlx::query_scalar(sql).bind(order).fetch_all(&shop.database.pool).await.unwrap()
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
