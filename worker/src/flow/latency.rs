//! Is Toss slower than it was? Two moving averages: of the last few answers, and of about the last minute.

use std::time::Duration;

use tokio::time::Instant;

/// The recent average is of about so many answers: enough that one slow answer is not a trend.
const RECENT_ANSWERS: u32 = 16;
/// In this time a lasting change becomes the new normal.
const NORMAL_OVER: Duration = Duration::from_mins(1);
/// Twice the normal and this: a confirm takes 2 to 3.5 s by chance alone, and a few milliseconds double for nothing.
const GRACE: Duration = Duration::from_millis(500);

#[derive(Clone, Default)]
pub(super) struct Latency {
    recent: Duration,
    normal: Duration,
    answers: u32,
    noted_at: Option<Instant>,
}

impl Latency {
    pub(super) fn note(&mut self, took: Duration, now: Instant) {
        // One answer after a long silence must not be all we know: it weighs as one of a few.
        let longest = NORMAL_OVER / RECENT_ANSWERS;
        let passed = self.noted_at.map_or(Duration::ZERO, |at| now.saturating_duration_since(at).min(longest));
        self.noted_at = Some(now);
        if self.answers < RECENT_ANSWERS {
            self.answers += 1;
            self.normal = towards(self.normal, took, 1, self.answers);
        } else {
            self.normal = towards(self.normal, took, micros(passed), micros(NORMAL_OVER));
        }
        let believable = took.min((self.normal + GRACE) * 4); // one call that hung for a minute is no trend either
        self.recent = towards(self.recent, believable, 1, self.answers);
    }

    pub(super) fn recent(&self) -> Duration {
        self.recent
    }

    pub(super) fn is_rising(&self) -> bool {
        self.recent > self.normal * 2 + GRACE
    }
}

/// `part` / `of` of the way.
fn towards(from: Duration, to: Duration, part: u32, of: u32) -> Duration {
    let (up, down) = (to.saturating_sub(from), from.saturating_sub(to));
    (from + up * part / of).saturating_sub(down * part / of)
}

fn micros(duration: Duration) -> u32 {
    u32::try_from(duration.as_micros()).unwrap_or(u32::MAX)
}
