use sqlx::PgPool;
use time::OffsetDateTime;

use super::{Class, Watermark};
use crate::db::{StoreError, within};

/// Which of these classes have an intent that is due and free, each looked at from its watermark on. The intent may be locked
/// this moment: a claim may take nothing.
#[expect(clippy::as_conversions, reason = "how the query macros are told that an array holds nulls")]
pub async fn due(pool: &PgPool, lows: &[(Class, Watermark)]) -> Result<Vec<Class>, StoreError> {
    let (classes, lows): (Vec<i16>, Vec<Option<OffsetDateTime>>) =
        lows.iter().map(|(class, low)| (class.number(), low.0)).unzip();
    let statement = || sqlx::query_file_scalar!("src/outbox/due.sql", &classes, &lows as &[Option<OffsetDateTime>]);
    let numbers = within(pool, "look for due intents", async |c| statement().fetch_all(c).await).await?;
    Ok(numbers.into_iter().filter_map(Class::parse).collect())
}
