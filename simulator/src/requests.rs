//! The log of every request on Toss's paths: what a test asks when it wants to know what a client really sent.
//!
//! A request is written down when it arrives, so one that hangs or is dropped is seen too; the answer is added when
//! Toss has decided it, whether or not it then reaches the client. At most [`ENTRIES_MAX`] are kept.

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash, Hasher};

use serde::Serialize;

use crate::call::Call;
use crate::clock;
use crate::exchange::Reply;
use crate::merchants;
use crate::rules::Endpoint;

/// About 200 MB when full.
const ENTRIES_MAX: usize = 200_000;
/// A confirm is about 150 bytes; a longer body is cut.
const BODY_SHOWN_MAX: usize = 2_000;

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Entry {
    seq: u64,
    at: String,
    method: String,
    path: String,
    endpoint: Endpoint,
    idempotency_key: Option<String>,
    /// Tells the secret keys of requests apart without showing one; null without a key.
    secret_key_hash: Option<String>,
    body: Option<String>,
    order_id: Option<String>,
    payment_key: Option<String>,
    /// Null while Toss has not answered.
    status: Option<u16>,
    code: Option<String>,
    replayed: bool,
    /// The kinds of the rules this request met.
    faults: Vec<&'static str>,
    trace_id: Option<String>,
}

#[derive(Debug, Default)]
pub(crate) struct Requests {
    entries: VecDeque<Entry>,
    first: u64,
}

impl Requests {
    pub(crate) fn received(&mut self, call: &Call, fault: Option<&'static str>) -> u64 {
        if self.entries.len() == ENTRIES_MAX {
            self.entries.pop_front();
            self.first += 1;
        }
        let seq = self.next();
        self.entries.push_back(Entry {
            seq,
            at: clock::wire(call.received_at),
            method: call.method.to_string(),
            path: call.path.clone(),
            endpoint: call.endpoint(),
            idempotency_key: call.idempotency_key.clone(),
            secret_key_hash: merchants::shown(&call.headers).map(|secret| hash(&secret)),
            body: (!call.body.is_empty()).then(|| call.body_text(BODY_SHOWN_MAX).into_owned()),
            order_id: call.order_id.clone(),
            payment_key: call.payment_key.clone(),
            status: None,
            code: None,
            replayed: false,
            faults: fault.into_iter().collect(),
            trace_id: None,
        });
        seq
    }

    pub(crate) fn answered(&mut self, seq: u64, reply: &Reply) {
        let Some(entry) = self.entry(seq) else { return };
        entry.status = Some(reply.answer.status.as_u16());
        entry.code = reply.answer.code.as_deref().map(str::to_owned);
        entry.replayed = reply.is_replay();
        entry.faults.extend(reply.fault);
        entry.trace_id = Some(reply.trace_id.clone());
    }

    /// An answer that a proxy gave in Toss's place.
    pub(crate) fn refused(&mut self, seq: u64, status: u16) {
        if let Some(entry) = self.entry(seq) {
            entry.status = Some(status);
        }
    }

    pub(crate) fn page(&self, order_id: Option<&str>, after: Option<u64>, limit: usize) -> Vec<Entry> {
        let from = after.map_or(self.first, |after| after.saturating_add(1));
        let wanted = |entry: &&Entry| order_id.is_none() || entry.order_id.as_deref() == order_id;
        self.entries.iter().skip(self.index(from)).filter(wanted).take(limit).cloned().collect()
    }

    /// Forgets all entries but goes on counting, so that a request still running cannot answer a new one's entry.
    pub(crate) fn reset(&mut self) {
        self.first = self.next();
        self.entries.clear();
    }

    fn entry(&mut self, seq: u64) -> Option<&mut Entry> {
        if seq < self.first {
            return None;
        }
        let index = self.index(seq);
        self.entries.get_mut(index)
    }

    fn next(&self) -> u64 {
        self.first + u64::try_from(self.entries.len()).unwrap_or(u64::MAX)
    }

    fn index(&self, seq: u64) -> usize {
        usize::try_from(seq.saturating_sub(self.first)).unwrap_or(usize::MAX)
    }
}

/// The same for the same text as long as this process runs.
fn hash(text: &str) -> String {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}
