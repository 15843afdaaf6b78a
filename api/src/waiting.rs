//! Callers that wait for a decision (`Prefer: wait`).
//!
//! However many wait, one task asks for all of them: one statement every 50 ms, and none while nobody waits. A caller
//! that leaves is forgotten at the next look. While the database is away nobody is told anything, and everybody's own
//! limit still ends their wait. Waiting is a courtesy: losing a waiter loses nothing but the courtesy.

use std::{collections::HashMap, sync::Arc, time::Duration};

use shared::{
    db::StoreError,
    order::{OrderId, OrderStatus, statuses},
    stop::Stop,
};
use sqlx::PgPool;
use tokio::sync::{Semaphore, mpsc, oneshot};

/// How often the states are read. A shopper does not notice a twentieth of a second.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// And while the database does not answer.
const LOOK_AGAIN: Duration = Duration::from_millis(500);
/// Each waiter holds a connection. Who comes when so many wait is answered at once instead.
const WAITERS_MAX: usize = 2_000;

struct Waiter {
    order_id: i64,
    tell: oneshot::Sender<OrderStatus>,
}

/// The counter where waiters register.
#[derive(Clone)]
pub(crate) struct Waiting {
    register: mpsc::Sender<Waiter>,
    places: Arc<Semaphore>,
}

impl Waiting {
    pub(crate) fn start(pool: PgPool, stop: &Stop) -> Self {
        let (register, arrivals) = mpsc::channel(WAITERS_MAX);
        let stopping = stop.clone();
        stop.spawn(async move {
            tokio::select! {
                () = stopping.requested() => {} // dropping the waiters answers them
                () = look(&pool, arrivals) => {}
            }
        });
        Self { register, places: Arc::new(Semaphore::new(WAITERS_MAX)) }
    }

    /// The order's state once it is decided; none when it was not within the limit, or nobody could wait.
    pub(crate) async fn decided(&self, order_id: OrderId, limit: Duration) -> Option<OrderStatus> {
        let _place = self.places.try_acquire().ok()?;
        let (tell, told) = oneshot::channel();
        self.register.try_send(Waiter { order_id: order_id.get(), tell }).ok()?;
        tokio::time::timeout(limit, told).await.ok()?.ok()
    }
}

async fn look(pool: &PgPool, mut arrivals: mpsc::Receiver<Waiter>) {
    let mut waiters = Vec::new();
    let mut away = false;
    loop {
        if waiters.is_empty() {
            let Some(waiter) = arrivals.recv().await else { return };
            waiters.push(waiter);
        }
        while let Ok(waiter) = arrivals.try_recv() {
            waiters.push(waiter);
        }
        let looked = tell_decided(pool, &mut waiters).await;
        match &looked {
            Ok(()) => away = false,
            Err(error) if !away => {
                away = true; // said once, not twice a second
                tracing::warn!(error = %error, "callers wait, but their orders' states cannot be read");
            }
            Err(_) => {}
        }
        tokio::time::sleep(if looked.is_ok() { LOOK_EVERY } else { LOOK_AGAIN }).await;
    }
}

async fn tell_decided(pool: &PgPool, waiters: &mut Vec<Waiter>) -> Result<(), StoreError> {
    waiters.retain(|waiter| !waiter.tell.is_closed());
    if waiters.is_empty() {
        return Ok(());
    }
    let mut order_ids: Vec<i64> = waiters.iter().map(|waiter| waiter.order_id).collect();
    order_ids.sort_unstable();
    order_ids.dedup();
    let decided: HashMap<i64, OrderStatus> = statuses(pool, &order_ids)
        .await?
        .into_iter()
        .filter(|(_, status)| status.is_decided())
        .map(|(order_id, status)| (order_id.get(), status))
        .collect();
    for waiter in waiters.extract_if(.., |waiter| decided.contains_key(&waiter.order_id)) {
        if let Some(status) = decided.get(&waiter.order_id) {
            let _ = waiter.tell.send(*status); // the caller may have left this moment
        }
    }
    Ok(())
}
