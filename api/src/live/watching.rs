//! One task for all streams of this process: while anybody watches, it asks twice a second which of the watched orders have
//! news, by one statement however many they are, and reads those that have. While nobody watches it asks nothing.
//!
//! Streams hold a receiver and nothing of the database. While that is away they are told nothing and stay; afterwards the
//! next look finds what they missed, because it compares each order with what was last read of it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use shared::{
    db::StoreError,
    order::{self, OrderId, OrderNo},
    stop::Stop,
};
use sqlx::PgPool;
use tokio::sync::{Notify, watch};

use super::story::Story;

const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Orders that are read by one statement. Each carries its whole history.
const READ_MAX: usize = 200;

struct Watched {
    order_no: OrderNo,
    /// Holds what was read last.
    tell: watch::Sender<Arc<Story>>,
}

/// None once this process is stopping: then all streams end, and there are no new ones.
type Orders = Option<HashMap<OrderId, Watched>>;

#[derive(Clone)]
pub(super) struct Watching {
    orders: Arc<Mutex<Orders>>,
    arrived: Arc<Notify>,
}

impl Watching {
    pub(super) fn start(pool: PgPool, stop: &Stop) -> Self {
        let watching = Self { orders: Arc::new(Mutex::new(Some(HashMap::new()))), arrived: Arc::default() };
        let (looking, stopping) = (watching.clone(), stop.clone());
        stop.spawn(async move {
            tokio::select! {
                () = stopping.requested() => {}
                () = looking.look(&pool) => {}
            }
            *looking.lock() = None;
        });
        watching
    }

    fn lock(&self) -> MutexGuard<'_, Orders> {
        self.orders.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// News of the order, beginning with this story, or a newer one that somebody else's look showed.
    pub(super) fn watch(
        &self,
        order_id: OrderId,
        order_no: OrderNo,
        story: &Arc<Story>,
    ) -> Option<watch::Receiver<Arc<Story>>> {
        let mut orders = self.lock();
        let begin = || Watched { order_no, tell: watch::Sender::new(Arc::clone(story)) };
        let watched = orders.as_mut()?.entry(order_id).or_insert_with(begin);
        watched.tell(story);
        let news = watched.tell.subscribe();
        drop(orders);
        self.arrived.notify_one();
        Some(news)
    }

    async fn look(&self, pool: &PgPool) {
        let mut away = false;
        loop {
            let watched = self.watched();
            if watched.is_empty() {
                self.arrived.notified().await;
            } else {
                match self.tell_news(pool, &watched).await {
                    Ok(()) => away = false,
                    Err(error) if !away => {
                        away = true; // said once, not twice a second
                        tracing::warn!(error = %error, "orders are watched, but their news cannot be read");
                    }
                    Err(_) => {}
                }
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Each with its newest event that was read. Orders that nobody watches any more are forgotten.
    fn watched(&self) -> Vec<(OrderId, i64)> {
        let mut orders = self.lock();
        let Some(orders) = orders.as_mut() else { return Vec::new() };
        orders.retain(|_, watched| watched.tell.receiver_count() > 0);
        orders.iter().map(|(order_id, watched)| (*order_id, watched.tell.borrow().newest)).collect()
    }

    async fn tell_news(&self, pool: &PgPool, watched: &[(OrderId, i64)]) -> Result<(), StoreError> {
        let changed = order::changed(pool, watched).await?;
        for some in changed.chunks(READ_MAX) {
            let order_nos: Vec<OrderNo> = match self.lock().as_ref() {
                Some(orders) => some.iter().filter_map(|id| orders.get(id)).map(|watched| watched.order_no).collect(),
                None => return Ok(()),
            };
            for (order_id, order) in order::views(pool, &order_nos).await? {
                let story = Arc::new(Story::of(&order));
                if let Some(watched) = self.lock().as_ref().and_then(|orders| orders.get(&order_id)) {
                    watched.tell(&story);
                }
            }
        }
        Ok(())
    }
}

impl Watched {
    fn tell(&self, story: &Arc<Story>) {
        self.tell.send_if_modified(|known| {
            let is_news = story.newest > known.newest;
            if is_news {
                *known = Arc::clone(story);
            }
            is_news
        });
    }
}
