//! `GET /api/v1/orders/{orderId}/events`: an order's changes as Server-Sent Events, while it can still change.
//!
//! Every change is one event whose id is the change's own, so a client that comes back with `Last-Event-ID` misses nothing
//! and is told nothing twice; without one it is told first where the order stands. What a stream sends is the order's
//! history after what it sent before, so a slow reader costs one number, and no queue.
//!
//! A stream is a courtesy of this process: whoever gets none, or loses it, can still ask for the order itself.

mod places;
mod story;
mod watching;

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{
    extract::State,
    http::{HeaderMap, HeaderName, StatusCode, header},
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use futures_util::stream;
use shared::{
    order::{self, CancelStatus, OrderNo, OrderRecord, OrderStatus, OrderView},
    stop::Stop,
};
use sqlx::PgPool;
use tokio::{
    sync::watch,
    time::{Instant, timeout_at},
};

use crate::{
    AppState,
    address::{Addressed, events_address},
    operator::Source,
    problem::Problem,
};
use places::{Place, Places};
use story::{BEFORE_ALL, Story};
use watching::Watching;

/// A comment, so that proxies do not take a silent stream for a dead one, and we notice a dead client.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// After it, clients come back with the id of what they saw last. Nobody's place is kept for long by a client that is gone
/// without a word, or that does not read.
const LIFE: Duration = Duration::from_mins(10);
/// How long a client waits before it comes back, where its stream ended otherwise. Each is told another time in between:
/// all come at once after a restart.
const RETRY_MS: std::ops::Range<u64> = 1_000..3_000;

const HEADERS: [(HeaderName, &str); 2] = [
    (header::CACHE_CONTROL, "no-store"),
    (HeaderName::from_static("x-accel-buffering"), "no"), // nginx would keep events back until there are many
];

#[derive(Clone)]
pub(crate) struct Live {
    places: Places,
    watching: Watching,
}

impl Live {
    pub(crate) fn start(pool: PgPool, streams_max: usize, stop: &Stop) -> Self {
        Self { places: Places::new(streams_max), watching: Watching::start(pool, stop) }
    }
}

/// Where a page is told what happens next, after this event.
pub(crate) struct Told {
    pub(crate) address: String,
    pub(crate) newest: i64,
}

impl Told {
    /// `None`: nothing more will happen.
    pub(crate) fn of(order: &OrderView) -> Option<Self> {
        let ids = order.events.iter().map(|event| event.id);
        Self::new(order.order_no, order.status, order.returning().is_some(), ids)
    }

    pub(crate) fn of_record(order: &OrderRecord) -> Option<Self> {
        let is_returning = order.cancels.iter().any(|cancel| cancel.status == CancelStatus::InProgress);
        Self::new(order.order_no, order.status, is_returning, order.events.iter().map(|event| event.id))
    }

    fn new(
        order_no: OrderNo,
        status: OrderStatus,
        is_returning: bool,
        ids: impl IntoIterator<Item = i64>,
    ) -> Option<Self> {
        let newest = story::newest(ids);
        (!story::is_over(status, is_returning)).then(|| Self { address: events_address(order_no), newest })
    }
}

pub(crate) async fn events(
    State(state): State<AppState>,
    source: Source,
    address: Addressed,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let place = state.live.places.take(source)?; // before anything is read: a crowd costs the database nothing
    let order = order::views(&state.pool, &[address.0]).await?.pop();
    let (order_id, order) = order.ok_or(Problem::OrderNotFound)?;
    let story = Arc::new(Story::of(&order));
    let news = (!story.is_over).then(|| state.live.watching.watch(order_id, order.order_no, &story)).flatten();
    // Somebody else's look may have shown more than ours.
    let story = news.as_ref().map_or(story, |news| Arc::clone(&news.borrow()));
    let seen = last_event_id(&headers).filter(|id| story.tells_of(*id));
    if story.is_over && seen == Some(story.newest) {
        return Ok(StatusCode::NO_CONTENT.into_response()); // a browser then does not come back
    }
    let sent = seen.unwrap_or_else(|| story.before_newest());
    let stream = Stream { _place: place, news, story, sent, until: Instant::now() + LIFE, next: Next::Greeting };
    let events = stream::unfold(stream, async |mut stream| Some((Ok::<_, Infallible>(stream.next().await?), stream)));
    Ok((HEADERS, Sse::new(events).keep_alive(KeepAlive::new().interval(HEARTBEAT))).into_response())
}

/// What we did not give out is nothing that a stream could go on from.
fn last_event_id(headers: &HeaderMap) -> Option<i64> {
    headers.get("last-event-id")?.to_str().ok()?.parse().ok().filter(|id| *id > BEFORE_ALL)
}

struct Stream {
    _place: Place,
    /// None: nothing will change, or this process is stopping.
    news: Option<watch::Receiver<Arc<Story>>>,
    story: Arc<Story>,
    /// The id of the last change that was sent.
    sent: i64,
    until: Instant,
    next: Next,
}

enum Next {
    Greeting,
    Changes,
    Nothing,
}

impl Stream {
    /// The next event; none ends the stream.
    async fn next(&mut self) -> Option<Event> {
        match self.next {
            Next::Greeting => {
                self.next = Next::Changes;
                return Some(Event::default().retry(Duration::from_millis(rand::random_range(RETRY_MS))));
            }
            Next::Changes => {}
            Next::Nothing => return None,
        }
        loop {
            if let Some(change) = self.story.after(self.sent) {
                self.sent = change.id;
                return Some(Event::default().id(change.id.to_string()).event("status").data(&change.data));
            }
            if self.story.is_over {
                self.next = Next::Nothing;
                return Some(Event::default().event("end").data(&self.story.now));
            }
            let news = self.news.as_mut()?;
            timeout_at(self.until, news.changed()).await.ok()?.ok()?;
            self.story = Arc::clone(&news.borrow_and_update());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use shared::order::OrderStatus;
    use tokio::{sync::watch, time::Instant};

    use super::{BEFORE_ALL, Next, Places, Source, Story, Stream};
    use crate::sample;

    #[tokio::test]
    async fn a_stream_ends_when_its_time_is_over_to_be_taken_up_again() {
        let story = Arc::new(Story::of(&sample::order(OrderStatus::Ready)));
        let (_tell, news) = watch::channel(Arc::clone(&story));
        let places = Places::new(1);
        let place = places.take(Source::nowhere()).unwrap();
        let mut stream = Stream {
            _place: place,
            news: Some(news),
            story,
            sent: BEFORE_ALL,
            until: Instant::now(),
            next: Next::Greeting,
        };
        assert!(stream.next().await.is_some() && stream.next().await.is_some(), "the greeting and what is known");
        assert!(stream.next().await.is_none());
        assert!(places.take(Source::nowhere()).is_err());
        drop(stream);
        assert!(places.take(Source::nowhere()).is_ok(), "its place is given back");
    }
}
