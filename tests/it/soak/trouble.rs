//! What goes wrong: at Toss, and among our own workers.

use devstack::part::Part;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::plan::{Mischief, Spell};
use crate::harness::shop::Shop;

/// One spell after another and from the first again until the shoppers are through, and then Toss is healthy again,
/// but for what it says to single orders.
pub(super) async fn at_toss(shop: &Shop, spells: &[Spell], shopping: &CancellationToken) {
    for (number, spell) in spells.iter().cycle().enumerate() {
        if number >= spells.len() && shopping.is_cancelled() {
            return;
        }
        let mut rules = Vec::new();
        for rule in &spell.rules {
            rules.push(shop.control("rules", rule.clone()).await["ruleId"].as_u64().unwrap());
        }
        tokio::time::sleep(spell.lasts).await;
        for rule in rules {
            shop.forget_rule(rule).await;
        }
    }
}

/// Returns the workers that are left.
pub(super) async fn among_workers(
    shop: &Shop,
    mischief: &[(std::time::Duration, Mischief)],
    mut workers: Vec<Part>,
) -> Vec<Part> {
    let started = Instant::now();
    for (at, mischief) in mischief {
        tokio::time::sleep_until(started + *at).await;
        match mischief {
            Mischief::ForceDown(which) if !workers.is_empty() => {
                let worker = workers.swap_remove(which % workers.len());
                worker.handle().force();
            }
            Mischief::ForceDown(_) => {}
            Mischief::StartAnother => workers.push(shop.new_worker(&[]).await),
            Mischief::LookBack => {
                shop.database.execute("update payments set check_at = now() where check_at is not null").await;
            }
            Mischief::DeleteAnIntent(salt) => {
                let any = format!(
                    "delete from outbox where order_id =
                         (select order_id from outbox order by hashint8(order_id + {salt}::bigint) limit 1)"
                );
                shop.database.execute(&any).await;
            }
        }
    }
    workers
}
