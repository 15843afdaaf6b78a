//! The outbox: live intents, and the three statements that move them. Read this first.
//!
//! - [`claim`] takes what is due under a lease. The lease, the fence and the count of the attempt are committed before
//!   anybody is called.
//! - [`renew`] keeps leases whose calls are still in flight.
//! - [`settle`] writes back what a batch of calls showed, where the lease is still held, and [`reconcile`] the rare finding
//!   that needs a decision of its own, by the rules of [`decision`]. Facts (the attempt) are written either way; transitions
//!   (order, payment, stock, outbox) only under the fence.
//! - [`sweep`] is the net below: whatever is unresolved and has no live intent gets one.
//!
//! There is no rescuer: an intent whose lease ran out is simply due again, so crash recovery is the ordinary path.
//!
//! Only [`claim`] makes a [`Claim`]; it is settled once or not at all.

mod claim;
mod class;
pub mod decision;
mod due;
mod lease;
mod outcome;
mod reconcile;
mod sends;
mod settle;
mod sweep;

pub use claim::{CLAIM_MAX, Cancel, Claim, Claimed, Operation, StoredRequest, Watermark, claim};
pub use class::Class;
pub use due::due;
pub use lease::{Fence, LEASE, Lease, Lessee, renew};

/// The cause of a review of a payment about which Toss says nothing, while it answers about others.
pub const NO_ANSWER: &str = "no_answer_about_this_payment";
/// The cause of a review of a payment about which Toss says nothing that decides.
pub const NO_PROOF: &str = "review_no_proof";

pub use outcome::{
    Again, Approval, Attempt, Call, FailedStatus, Failure, Finding, How, Looks, NotMade, Outcome, Proof, Replanned,
};
pub use reconcile::reconcile;
pub use sends::{Mark, Sends, SendsAfter, SentWith};
pub use settle::{Settled, settle, settle_in_line};
pub use sweep::{Swept, sweep};

use sqlx::{
    PgPool,
    postgres::{PgListener, PgPoolOptions},
};

use crate::db::{STATEMENT_LIMIT, StoreError, limited, within};

const POKE_CHANNEL: &str = "hanbeon_outbox";

/// Tells idle workers to look now. Lossy on purpose and never part of the transaction that accepts a confirm: a NOTIFY
/// there would make every commit of the database wait in one line. A lost poke costs one poll interval.
pub async fn poke(pool: &PgPool) -> Result<(), StoreError> {
    let notify = || sqlx::query!("select pg_notify($1, '')", POKE_CHANNEL);
    within(pool, "poke the workers", async |c| notify().fetch_one(c).await).await.map(|_| ())
}

/// A connection that hears pokes. It ends with its connection, and one that is silent for long may have lost it without
/// a word; the caller then makes a new one. It stands in a pool of its own, so a connection that hangs costs nobody a
/// place.
pub async fn listen(pool: &PgPool) -> Result<PgListener, StoreError> {
    let own = PgPoolOptions::new()
        .max_connections(1)
        .acquire_timeout(STATEMENT_LIMIT)
        .connect_lazy_with(pool.connect_options().as_ref().clone());
    let connect = async {
        let mut listener = PgListener::connect_with(&own).await?;
        listener.eager_reconnect(false);
        listener.listen(POKE_CHANNEL).await?;
        Ok(listener)
    };
    limited("listen for pokes", connect).await
}
