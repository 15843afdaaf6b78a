//! What can be told of an order: all that happened to it, each with its number, written out once for all who watch.

use serde::Serialize;
use shared::order::{OrderStatus, OrderView};

use crate::{orders::EventJson, standing::Money};

/// No event has it; what was made first has 0.
pub(super) const BEFORE_ALL: i64 = -1;
const CREATED: i64 = 0;

pub(super) struct Story {
    /// Oldest first, and never empty: an order begins by being made.
    changes: Vec<Change>,
    pub(super) newest: i64,
    /// Nothing more is to be expected.
    pub(super) is_over: bool,
    /// Where it stands.
    pub(super) now: String,
}

pub(super) struct Change {
    pub(super) id: i64,
    pub(super) data: String,
}

/// Where the order stands now, whatever the change beside it was.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Now {
    status: OrderStatus,
    money_moved: Option<bool>,
}

/// A line of the order's timeline, and [`Now`].
#[derive(Serialize)]
struct ChangeJson<'a> {
    #[serde(flatten)]
    event: EventJson,
    #[serde(flatten)]
    now: &'a Now,
}

/// What happened last, as a stream tells it.
pub(super) fn newest(ids: impl IntoIterator<Item = i64>) -> i64 {
    ids.into_iter().last().unwrap_or(CREATED)
}

/// A refund of what is paid, or another try at what was declined, begins a story of its own.
pub(super) fn is_over(status: OrderStatus, is_returning: bool) -> bool {
    let open = match status {
        OrderStatus::Ready | OrderStatus::InProgress | OrderStatus::WaitingForDeposit | OrderStatus::Review => true,
        OrderStatus::Done
        | OrderStatus::PartialCanceled
        | OrderStatus::Canceled
        | OrderStatus::Aborted
        | OrderStatus::Expired => false,
    };
    !open && !is_returning
}

impl Story {
    pub(super) fn of(order: &OrderView) -> Self {
        let now = Now { status: order.status, money_moved: Money::of(order).has_moved() };
        let write = |id, event| Change { id, data: json(&ChangeJson { event, now: &now }) };
        let created = write(CREATED, EventJson::created(order.created_at));
        let events = order.events.iter().map(|event| write(event.id, EventJson::from(event)));
        Self {
            changes: std::iter::once(created).chain(events).collect(),
            newest: newest(order.events.iter().map(|event| event.id)),
            is_over: is_over(order.status, order.returning().is_some()),
            now: json(&now),
        }
    }

    /// The first change after this one.
    pub(super) fn after(&self, id: i64) -> Option<&Change> {
        self.changes.iter().find(|change| change.id > id)
    }

    pub(super) fn tells_of(&self, id: i64) -> bool {
        self.changes.iter().any(|change| change.id == id)
    }

    /// After which only the newest is told.
    pub(super) fn before_newest(&self) -> i64 {
        self.changes.iter().rev().nth(1).map_or(BEFORE_ALL, |change| change.id)
    }
}

/// Words, numbers and times, which can always be written; if ever not, an empty object is at least one.
fn json(told: &impl Serialize) -> String {
    serde_json::to_string(told).unwrap_or_else(|_| "{}".to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use shared::order::{CancelStatus, OrderStatus, OrderView};

    use super::{super::Told, BEFORE_ALL, Story};
    use crate::sample;

    fn numbered(mut order: OrderView) -> OrderView {
        for (event, id) in order.events.iter_mut().zip([3, 7, 20]) {
            event.id = id;
        }
        order
    }

    fn told_after(order: &OrderView, id: i64) -> Vec<i64> {
        let (story, mut id, mut told) = (Story::of(order), id, Vec::new());
        while let Some(change) = story.after(id) {
            id = change.id;
            told.push(id);
        }
        told
    }

    #[test]
    fn a_stream_goes_on_after_what_it_told() {
        let order = numbered(sample::late(OrderStatus::Aborted, CancelStatus::InProgress));
        for (seen, rest) in [(BEFORE_ALL, &[0, 3, 7, 20][..]), (0, &[3, 7, 20]), (3, &[7, 20]), (7, &[20]), (20, &[])] {
            assert_eq!(told_after(&order, seen), rest, "{seen}");
        }
        assert_eq!(told_after(&order, Story::of(&order).before_newest()), [20]);
        assert!(Story::of(&order).tells_of(7) && !Story::of(&order).tells_of(8) && !Story::of(&order).tells_of(21));
        let new = sample::order(OrderStatus::Ready);
        assert_eq!(told_after(&new, Story::of(&new).before_newest()), [0]);
    }

    #[test]
    fn a_change_is_told_as_in_the_timeline_beside_where_the_order_stands_now() {
        let order = numbered(sample::because(OrderStatus::Done, "toss_approved"));
        let story = Story::of(&order);
        let told: Vec<Value> = story.changes.iter().map(|change| serde_json::from_str(&change.data).unwrap()).collect();
        let now = |from: Value, to: &str, cause: &str, at: &str| json!({"from": from, "to": to, "cause": cause, "at": at, "status": "DONE", "moneyMoved": true});
        assert_eq!(told[0], now(Value::Null, "READY", "created", "2026-11-22T04:20:05Z"));
        assert_eq!(told[2], now(json!("IN_PROGRESS"), "DONE", "toss_approved", "2026-11-22T04:21:05Z"));
        assert_eq!(story.now, r#"{"status":"DONE","moneyMoved":true}"#);
    }

    #[test]
    fn a_story_is_over_when_nothing_more_is_to_be_expected() {
        for status in OrderStatus::ALL {
            let open = matches!(
                status,
                OrderStatus::Ready | OrderStatus::InProgress | OrderStatus::WaitingForDeposit | OrderStatus::Review
            );
            let order = sample::order(status);
            assert_eq!(Story::of(&order).is_over, !open, "{status}");
            assert_eq!(Told::of(&order).is_some(), open, "{status}");
        }
        for (refund, over) in [(CancelStatus::InProgress, false), (CancelStatus::Done, true)] {
            assert_eq!(Story::of(&sample::paid_twice(refund)).is_over, over, "{refund:?}");
            assert_eq!(Story::of(&sample::late(OrderStatus::Expired, refund)).is_over, over, "{refund:?}");
        }
    }
}
