//! A task of the worker that dies takes the worker with it: the process says so by its exit status, so that whoever
//! supervises it starts another one, and that one goes on.

use std::fs;

use super::{
    super::harness::process::{Binary, Process, free_addr, until_it_answers},
    Shop,
};

const PRICE: i64 = 50_000;

/// Runs a worker until a task of it panics at the place, and demands an error that names the task.
async fn ends_when_it_panics_at(shop: &Shop, place: &str, task: &str, act: impl AsyncFnOnce()) {
    let told = tempfile::NamedTempFile::new().unwrap();
    let addr = free_addr();
    let mut env = shop.env_pairs();
    env.push(("WORKER_ADDR".to_owned(), addr.clone()));
    env.push(("HANBEON_PANIC_AT".to_owned(), place.to_owned()));
    let mut worker = Process::start_with_errors_in(Binary::Worker, told.path(), env);
    until_it_answers(shop, &addr).await;
    act().await;
    let code = worker.exit_code().await;
    let told = fs::read_to_string(told.path()).unwrap();
    assert_eq!(code, Some(1), "{told}");
    assert!(told.contains(&format!("the worker's task {task} panicked")) && told.contains(place), "{told}");
}

#[tokio::test]
async fn a_worker_without_its_settler_ends_with_an_error_and_another_one_goes_on() {
    for place in ["BeforeSettle/confirm", "AfterSettle/confirm"] {
        let mut shop = Shop::hurried(0).await;
        shop.lost_attempts_allowed = true;
        let product = shop.product("Ogu T", PRICE, 1).await;
        let order = shop.order(PRICE, &[(product, 1)]).await;
        let key = shop.authenticate(&order, PRICE).await;
        ends_when_it_panics_at(&shop, place, "settler", async || {
            assert_eq!(shop.confirm_patiently(&order, &key, PRICE).await.status.as_u16(), 202);
        })
        .await;
        shop.add_worker().await;
        shop.until(&order, "DONE").await;
        assert_eq!(shop.approvals(&order).await, 1);
        shop.finish().await;
    }
}

#[tokio::test]
async fn a_worker_without_its_housekeeping_ends_with_an_error_too() {
    let mut shop = Shop::hurried(0).await;
    let product = shop.product("Ogu T", PRICE, 1).await;
    let order = shop.order(PRICE, &[(product, 1)]).await;
    ends_when_it_panics_at(&shop, "AfterExpire", "housekeeping", async || {
        shop.database.execute("update orders set expires_at = now() where status = 'READY'").await;
    })
    .await;
    shop.add_worker().await;
    shop.until(&order, "EXPIRED").await;
    shop.finish().await;
}
