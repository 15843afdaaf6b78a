//! Which merchants' payments of ours each Toss secret has shown. A secret of another merchant finds none of our payments, and
//! its "not found" proves nothing about them.

use sqlx::PgPool;

use crate::{
    db::{StoreError, within},
    payment::PaymentKey,
};

/// A secret that showed a payment of ours, and the merchant (`mId`) that Toss named with it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ShownMerchant {
    /// The secret's fingerprint.
    pub api_key_id: String,
    pub m_id: String,
}

/// What a secret has shown, and the last of it that Toss had approved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShownPayment {
    pub merchant: ShownMerchant,
    pub approved: Option<PaymentKey>,
}

/// Writes down that it was shown again.
pub async fn note(pool: &PgPool, shown: &ShownPayment) -> Result<(), StoreError> {
    let note = || {
        sqlx::query!(
            "insert into merchants (api_key_id, m_id, payment_key) values ($1, $2, $3)
         on conflict (api_key_id, m_id) do update
             set seen_at = now(), payment_key = coalesce(excluded.payment_key, merchants.payment_key)",
            shown.merchant.api_key_id,
            shown.merchant.m_id,
            shown.approved.as_ref().map(PaymentKey::expose),
        )
    };
    within(pool, "note a merchant", async |c| note().execute(c).await).await.map(|_| ())
}

/// All that were ever shown, the last one first. A shop has a handful.
pub async fn shown(pool: &PgPool) -> Result<Vec<ShownPayment>, StoreError> {
    let read = || sqlx::query!("select api_key_id, m_id, payment_key from merchants order by seen_at desc limit 100");
    let rows = within(pool, "read the merchants", async |c| read().fetch_all(c).await).await?;
    let shown = rows.into_iter().map(|row| ShownPayment {
        merchant: ShownMerchant { api_key_id: row.api_key_id, m_id: row.m_id },
        approved: row.payment_key.as_deref().and_then(PaymentKey::parse),
    });
    Ok(shown.collect())
}
