//! The outbox: live intents, and the three statements that move them. Read this first.
//!
//! - [`claim`] takes what is due under a lease. The lease, the fence and the count of the attempt are committed before
//!   anybody is called.
//! - [`renew`] keeps leases whose calls are still in flight.
//! - [`settle`] writes back what a call showed, if the lease is still held. Facts (the attempt) are written either way;
//!   transitions (order, payment, outbox) only under the fence.
//!
//! There is no rescuer: an intent whose lease ran out is simply due again, so crash recovery is the ordinary path.
//!
//! Only [`claim`] makes a [`Claim`], and only [`settle`] takes one: it is settled once or not at all.

mod claim;
mod settle;

pub use claim::{CLAIM_MAX, Claim, Claimed, Fence, LEASE, Lessee, Watermark, claim, renew};
pub use settle::{Approval, Attempt, Call, Finding, Outcome, Settled, settle};

use sqlx::{PgPool, postgres::PgListener};

use crate::db::{StoreError, within};

/// What is to be done for an order. Stored as the number; the table knows more of them than this build does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// 1: confirm the order's newest payment with Toss.
    Confirm,
}

impl Kind {
    fn read(stored: i16) -> Option<Self> {
        (stored == 1).then_some(Self::Confirm)
    }
}

const POKE_CHANNEL: &str = "hanbeon_outbox";

/// Tells idle workers to look now. Lossy on purpose and never part of the transaction that accepts a confirm: a NOTIFY
/// there would make every commit of the database wait in one line. A lost poke costs one poll interval.
pub async fn poke(pool: &PgPool) -> Result<(), StoreError> {
    let notify = sqlx::query!("select pg_notify($1, '')", POKE_CHANNEL);
    within("poke the workers", notify.fetch_one(pool)).await.map(|_| ())
}

/// A connection that hears pokes. It ends with its connection; the caller makes a new one.
pub async fn listen(pool: &PgPool) -> Result<PgListener, StoreError> {
    let connect = async {
        let mut listener = PgListener::connect_with(pool).await?;
        listener.eager_reconnect(false);
        listener.listen(POKE_CHANNEL).await?;
        Ok(listener)
    };
    within("listen for pokes", connect).await
}
