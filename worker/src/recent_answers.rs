//! Whether Toss answers at all: about which orders it did last.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use shared::order::OrderNo;
use tokio::time::Instant;

/// The last answer, and the last one about another order than that.
#[derive(Clone, Debug, Default)]
pub(crate) struct RecentAnswers(Arc<Mutex<[Option<AnswerTime>; 2]>>);

/// About which order, and when.
type AnswerTime = (OrderNo, Instant);

impl RecentAnswers {
    pub(crate) fn note(&self, order: OrderNo, now: Instant) {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((newest, at)) = last[0].filter(|(newest, _)| *newest != order) {
            last[1] = Some((newest, at));
        }
        last[0] = Some((order, now));
    }

    /// Did Toss answer about an order other than this one so lately?
    pub(crate) fn about_others(&self, order: OrderNo, within: Duration, now: Instant) -> bool {
        let last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        last.iter().flatten().any(|(other, at)| *other != order && now.saturating_duration_since(*at) < within)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use shared::order::OrderNo;
    use tokio::time::Instant;

    use super::RecentAnswers;

    #[test]
    fn an_answer_about_one_order_says_nothing_about_others() {
        let (answers, now, minute) = (RecentAnswers::default(), Instant::now(), Duration::from_mins(1));
        let [first, second] = [OrderNo::generate(), OrderNo::generate()];
        let others = |order, now| answers.about_others(order, minute, now);
        assert!(!others(first, now));
        answers.note(first, now);
        answers.note(first, now);
        assert_eq!((others(first, now), others(second, now)), (false, true));
        answers.note(second, now + minute / 2);
        answers.note(second, now + minute / 2);
        assert!(others(second, now + minute / 2), "the first is half a minute old");
        assert_eq!((others(first, now + minute), others(second, now + minute)), (true, false), "and then too old");
    }
}
