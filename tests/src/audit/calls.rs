//! I5, the part about calls: each request at Toss has its attempt, each attempt that was answered its request, and one
//! Idempotency-Key means one body and one secret key.

use std::collections::{BTreeMap, HashSet};

use super::{
    Audit, Strength,
    books::Books,
    report::{Found, Invariant},
    rows::{Attempt, Order},
    toss::{Request, Seen, Toss},
};

/// How the calls of all orders are judged.
#[derive(Clone, Copy)]
pub(super) struct Calls<'a> {
    pub(super) audit: &'a Audit,
    pub(super) log_is_whole: bool,
    /// The queries without an attempt are no more than the checks of our secrets, which look some payment up.
    pub(super) queries_are_checks: bool,
}

impl<'a> Calls<'a> {
    pub(super) fn of(audit: &'a Audit, books: &Books, toss: &Toss) -> Self {
        let orders = books.orders.values().filter(|order| order.known_to_simulator && !in_flight(order, audit));
        let surplus: usize = orders.map(|order| queries_without_attempt(order, toss.of(&order.order_no))).sum();
        Self { audit, log_is_whole: toss.log_is_whole, queries_are_checks: surplus <= books.key_checks }
    }
}

pub(super) fn judge(order: &Order, seen: &Seen, calls: Calls<'_>, found: &mut Found) {
    let Calls { audit, log_is_whole, queries_are_checks } = calls;
    keys(order, seen, found);
    if !audit.lost_attempts_allowed {
        requests_have_attempts(order, seen, usize::from(in_flight(order, audit)), queries_are_checks, found);
    }
    if log_is_whole {
        attempts_have_requests(order, seen, found);
    }
}

fn in_flight(order: &Order, audit: &Audit) -> bool {
    audit.strength == Strength::Running && order.intent.as_ref().is_some_and(|intent| intent.is_leased)
}

fn queries_without_attempt(order: &Order, seen: &Seen) -> usize {
    let asked = seen.requests.iter().filter(|request| request.endpoint == "query").count();
    asked.saturating_sub(order.attempts.iter().filter(|attempt| attempt.call == "query").count())
}

fn is_post(request: &Request) -> bool {
    matches!(request.endpoint.as_str(), "confirm" | "cancel")
}

/// A repeat under a key is the same request in every byte: Toss would not look at another one, and would not know the key
/// under another secret.
fn keys(order: &Order, seen: &Seen, found: &mut Found) {
    let mut firsts: BTreeMap<&str, &Request> = BTreeMap::new();
    for request in seen.requests.iter().filter(|request| is_post(request)) {
        let Some(key) = &request.idempotency_key else {
            found.add(Invariant::I5, order, "post without a key", format!("request {}", request.seq));
            continue;
        };
        let first = *firsts.entry(key).or_insert(request);
        if (&first.path, &first.body) != (&request.path, &request.body) {
            let detail = format!("requests {} and {} under {key}", first.seq, request.seq);
            found.add(Invariant::I5, order, "one key for two bodies", detail);
        }
        if first.secret_key_hash != request.secret_key_hash {
            let detail = format!("requests {} and {} under {key}", first.seq, request.seq);
            found.add(Invariant::I5, order, "one key under two secrets", detail);
        }
    }
}

/// How many more requests than attempts there are: overall, and for each kind of call what they are about.
fn requests_have_attempts(order: &Order, seen: &Seen, in_flight: usize, queries_are_checks: bool, found: &mut Found) {
    let mut missing = Vec::new();
    let payment_keys: HashSet<&str> =
        seen.requests.iter().filter(|r| is_post(r)).filter_map(|request| request.payment_key.as_deref()).collect();
    for payment_key in payment_keys {
        let payment = order.payments.iter().find(|payment| payment.payment_key == payment_key);
        let payment_no = payment.map(|payment| payment.payment_no);
        for call in ["confirm", "cancel"] {
            let requests = seen
                .requests
                .iter()
                .filter(|request| request.endpoint == call && request.payment_key.as_deref() == Some(payment_key));
            let attempts = order.attempts.iter().filter(|a| a.call == call && Some(a.payment_no) == payment_no);
            let requests = counts(requests.map(|request| request.idempotency_key.clone()));
            let attempts = counts(attempts.map(|attempt| (attempt.cancel_no, attempt.key_epoch)));
            // Which key names which epoch is none of our business: whichever way they are paired, the busiest key can
            // have no more requests than the busiest epoch has attempts, and so on down.
            let attempted = attempts.iter().copied().chain(std::iter::repeat(0));
            let excess: usize = requests.iter().zip(attempted).map(|(sent, known)| sent.saturating_sub(known)).sum();
            if excess > 0 {
                let detail =
                    format!("{call} of {payment_key}: by key {requests:?} requests, by epoch {attempts:?} attempts");
                missing.push((excess, detail));
            }
        }
    }
    let unknown = queries_without_attempt(order, seen);
    if unknown > 0 && !queries_are_checks {
        missing.push((unknown, format!("query: {unknown} more requests than attempts")));
    }
    if missing.iter().map(|(excess, _)| excess).sum::<usize>() <= in_flight {
        return;
    }
    for (_, detail) in missing {
        found.add(Invariant::I5, order, "request without its attempt", detail);
    }
}

/// How often each thing occurs, the most frequent first.
fn counts<T: Ord>(things: impl Iterator<Item = T>) -> Vec<usize> {
    let mut counted: BTreeMap<T, usize> = BTreeMap::new();
    for thing in things {
        *counted.entry(thing).or_default() += 1;
    }
    let mut counts: Vec<usize> = counted.into_values().collect();
    counts.sort_unstable_by(|a, b| b.cmp(a));
    counts
}

fn attempts_have_requests(order: &Order, seen: &Seen, found: &mut Found) {
    let mut taken = HashSet::new();
    let answered = || order.attempts.iter().filter(|attempt| attempt.http_status.is_some());
    for attempt in answered() {
        let Some(trace_id) = &attempt.trace_id else { continue };
        // A replayed answer carries the first one's trace id behind its own.
        let own = trace_id.split(", ").next();
        let request = seen.requests.iter().find(|request| own.is_some() && request.trace_id.as_deref() == own);
        let lacking = match request {
            None => "no request has its trace id".to_owned(),
            Some(request) if request.endpoint != attempt.call => {
                format!("request {} is a {}", request.seq, request.endpoint)
            }
            Some(request) if request.status != attempt.http_status => {
                format!("request {} was answered {:?}", request.seq, request.status)
            }
            Some(request) if !taken.insert(request.seq) => format!("request {} is another attempt's", request.seq),
            Some(_) => continue,
        };
        let detail = format!("{} {} of payment {}: {lacking}", attempt.call, attempt.id, attempt.payment_no);
        found.add(Invariant::I5, order, "attempt without its request", detail);
    }
    // Without a trace id they can only be counted.
    for call in ["confirm", "cancel", "query"] {
        let of_call = |attempt: &&Attempt| attempt.call == call;
        let untraced = answered().filter(of_call).filter(|attempt| attempt.trace_id.is_none()).count();
        let attempts = answered().filter(of_call).count();
        let requests = seen.requests.iter().filter(|request| request.endpoint == call).count();
        if untraced > 0 && attempts > requests {
            let detail = format!("{call}: {attempts} were answered, {requests} requests came");
            found.add(Invariant::I5, order, "attempt without its request", detail);
        }
    }
}
