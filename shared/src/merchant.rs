//! Which merchants' payments of ours each Toss secret has shown. A secret of another merchant finds none of our payments, and
//! its "not found" proves nothing about them.

use sqlx::PgPool;

use crate::db::{StoreError, within};

/// A secret that showed a payment of ours, and the merchant (`mId`) that Toss named with it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ShownMerchant {
    /// The secret's fingerprint.
    pub api_key_id: String,
    pub m_id: String,
}

/// Writes down that it was shown again.
pub async fn note(pool: &PgPool, shown: &ShownMerchant) -> Result<(), StoreError> {
    let note = sqlx::query!(
        "insert into merchants (api_key_id, m_id) values ($1, $2)
         on conflict (api_key_id, m_id) do update set seen_at = now()",
        shown.api_key_id,
        shown.m_id,
    );
    within(pool, "note a merchant", async |c| note.execute(c).await).await.map(|_| ())
}

/// All that were ever shown, the last one first. A shop has a handful.
pub async fn shown(pool: &PgPool) -> Result<Vec<ShownMerchant>, StoreError> {
    let read = sqlx::query_as!(ShownMerchant, "select api_key_id, m_id from merchants order by seen_at desc limit 100");
    within(pool, "read the merchants", async |c| read.fetch_all(c).await).await
}
