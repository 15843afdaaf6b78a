//! Thousands of orders, three worker processes of which one is killed every second or two, and two faults of Toss at a
//! time. At the end Toss is healthy, the workers live, and the audit must find nothing.

use std::time::Duration;

use futures_util::stream::{self, StreamExt as _};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use tokio_util::sync::CancellationToken;

use super::{
    heal, look_at_all, number, plan, reviews_have_their_reasons, say, settled, shoppers, strain, sum, trouble,
};
use crate::harness::{
    process::{Binary, Process},
    shop::Shop,
};

const ORDERS: u64 = 2_000;
const WORKERS: usize = 3;
const SHOPPERS_AT_ONCE: usize = 24;
const SPELLS: usize = 25;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_thousand_orders_survive_workers_that_are_killed_all_the_time() {
    let seed = number("SOAK_SEED").unwrap_or_else(rand::random);
    let orders = number("SOAK_ORDERS").unwrap_or(ORDERS);
    let mut strains = plan::strains(&mut StdRng::seed_from_u64(!seed));
    strains.retain(|strain| *strain != plan::Strain::FewCalls); // two thousand orders would wait until they expire
    say(&format!("SOAK_SEED={seed} SOAK_ORDERS={orders}, {strains:?}"));
    let mut chance = StdRng::seed_from_u64(seed);
    let comers: Vec<_> = (0..orders)
        .map(|number| if number % 4 == 0 { plan::troubled_shopper(&mut chance) } else { plan::shopper(&mut chance) })
        .collect();
    let spells: Vec<_> = (0..SPELLS).map(|_| plan::spell(&mut chance)).collect();

    let mut shop = Shop::hurried(0).await;
    shop.lost_attempts_allowed = true;
    let scarce = shop.product("Ogu T", shoppers::PRICE, 100).await;
    let plenty = shop.product("Mug", shoppers::PRICE, 100_000).await;
    let shopping = CancellationToken::new();
    let (same, (), (), mut workers) = tokio::join!(
        async {
            let each = comers.iter().map(async |shopper| {
                shoppers::shopping(&shop, shopper, &shoppers::basket(shopper, scarce, plenty)).await
            });
            let same: Vec<_> = stream::iter(each).buffer_unordered(SHOPPERS_AT_ONCE).collect().await;
            shopping.cancel();
            same.into_iter().flatten().collect::<Vec<_>>()
        },
        trouble::at_toss(&shop, &spells, &shopping),
        strain::under(&shop, &strains, &shopping),
        killed_all_the_time(&shop, chance, &shopping),
    );
    say(&format!("the shoppers are through; {}", sum(&shop).await));
    heal(&shop, &same).await;
    let alive = settled(&shop, &same).await;
    look_at_all(&shop, &same).await;
    settled(&shop, &same).await;
    say(&format!("{alive} intents were alive when Toss was healthy again; {}", sum(&shop).await));
    reviews_have_their_reasons(&shop, &same).await;
    for worker in &mut workers {
        worker.signal("TERM").await;
        assert!(worker.ended().await);
    }
    shop.database.execute("update payments set check_at = now() + interval '1 hour' where check_at is not null").await;
    shop.finish().await;
}

/// Returns the workers that live at the end.
async fn killed_all_the_time(shop: &Shop, mut chance: StdRng, shopping: &CancellationToken) -> Vec<Process> {
    let start = || Process::start(Binary::Worker, shop.env_pairs());
    let mut workers: Vec<Process> = (0..WORKERS).map(|_| start()).collect();
    let mut killed = 0;
    while !shopping.is_cancelled() {
        tokio::time::sleep(Duration::from_millis(chance.random_range(1_000..2_000))).await;
        workers.swap_remove(chance.random_range(0..WORKERS)).kill().await;
        workers.push(start());
        killed += 1;
    }
    say(&format!("{killed} workers were killed"));
    workers
}
