//! Names, once an hour, each refund that is still not decided an hour after it was asked for: a gauge tells that there is one,
//! and only a log line tells which. Every worker does it for itself.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use shared::{
    order::OrderNo,
    stop::Stop,
    telemetry::chain,
    vitals::{self, UndecidedRefund},
};
use sqlx::PgPool;

use crate::retry;

/// A refund that Toss makes is made within seconds.
pub(crate) const OLDER_THAN: Duration = Duration::from_hours(1);
const LOOK_EVERY: Duration = Duration::from_mins(1);
const SAY_EVERY: Duration = Duration::from_hours(1);
/// The oldest ones. More than these have one cause, and the log is no list.
const NAMED_MAX: u16 = 100;

pub(crate) async fn run(pool: PgPool, stop: Stop) {
    let mut log = AlertLog::default();
    loop {
        match vitals::undecided_refunds(&pool, OLDER_THAN, NAMED_MAX).await {
            Ok(refunds) => {
                for refund in log.due(refunds, Instant::now()) {
                    tracing::warn!(
                        order.no = %refund.order_no,
                        refund = refund.cancel_no,
                        seconds = refund.seconds,
                        last_code = refund.last_code.as_deref().unwrap_or("none"),
                        "a refund is still not decided"
                    );
                }
            }
            Err(error) => tracing::debug!(error = chain(&error), "cannot read refunds that are not decided"),
        }
        tokio::select! {
            () = stop.requested() => return,
            () = tokio::time::sleep(retry::jittered(LOOK_EVERY, 0.25)) => {}
        }
    }
}

/// When each refund was named last.
#[derive(Default)]
struct AlertLog {
    named_at: HashMap<(OrderNo, i16), Instant>,
}

impl AlertLog {
    /// Those to be named now. What is decided meanwhile is forgotten.
    fn due(&mut self, refunds: Vec<UndecidedRefund>, now: Instant) -> Vec<UndecidedRefund> {
        let before = std::mem::take(&mut self.named_at);
        let mut due = Vec::new();
        for refund in refunds {
            let name = (refund.order_no, refund.cancel_no);
            let last = before.get(&name).copied().filter(|at| now.duration_since(*at) < SAY_EVERY);
            self.named_at.insert(name, last.unwrap_or(now));
            if last.is_none() {
                due.push(refund);
            }
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use shared::{order::OrderNo, vitals::UndecidedRefund};

    use super::{AlertLog, SAY_EVERY};

    #[test]
    fn each_refund_is_named_once_an_hour_until_it_is_decided() {
        let refund = |order_no, cancel_no| UndecidedRefund { order_no, cancel_no, seconds: 4_000, last_code: None };
        let [first, second] = [OrderNo::generate(), OrderNo::generate()];
        let mut log = AlertLog::default();
        let mut named = |refunds: Vec<UndecidedRefund>, at: Instant| -> Vec<(OrderNo, i16)> {
            log.due(refunds, at).iter().map(|refund| (refund.order_no, refund.cancel_no)).collect()
        };
        let start = Instant::now();
        let soon = start + Duration::from_mins(1);
        assert_eq!(named(vec![refund(first, 1)], start), [(first, 1)]);
        assert_eq!(named(vec![refund(first, 1), refund(second, 1)], soon), [(second, 1)], "a new one at once");
        assert_eq!(named(vec![refund(first, 1), refund(second, 1)], start + SAY_EVERY), [(first, 1)]);
        assert_eq!(named(vec![refund(second, 2)], start + SAY_EVERY), [(second, 2)], "another refund of the order");
        assert_eq!(named(vec![refund(second, 1)], soon), [(second, 1)], "it was decided and forgotten");
    }
}
