//! The table: what is done to an order, and what the audit must say of it.

use tests::audit::Invariant::{self, I1, I2, I3, I4, I5};

pub(crate) type Finds = (Invariant, &'static str);

/// Where the order stands before it is spoilt.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum From {
    /// Paid, by payment 1.
    Done,
    /// Made, and its payment authenticated.
    Ready,
}

/// What happens at Toss behind our back.
pub(crate) enum Toss {
    ConsoleCancels(i64),
    /// A second paymentKey, which no worker sent.
    ApprovesSecond,
    ConsoleCancelsSecond,
    /// It is asked about twice, by nobody of ours.
    IsAsked,
    /// A refund of everything with the mark of `REFUSED_CANCEL`, which no worker sent.
    Refunds,
    /// The confirm once more, as it was but for this.
    HearsAgain {
        other_body: bool,
        other_secret: bool,
        without_key: bool,
    },
}

#[derive(Clone, Copy)]
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) from: From,
    pub(crate) toss: &'static [Toss],
    /// `{ORDER}`, `{NO}`, `{KEY}`, `{SECOND}` and `{PRODUCT}` are the case's own.
    pub(crate) sql: &'static [&'static str],
    pub(crate) settled: &'static [Finds],
    /// Where that differs from `settled`.
    pub(crate) running: Option<&'static [Finds]>,
}

const fn case(name: &'static str, sql: &'static [&'static str], settled: &'static [Finds]) -> Case {
    Case { name, from: From::Done, toss: &[], sql, settled, running: None }
}

const fn ready(name: &'static str, sql: &'static [&'static str], settled: &'static [Finds]) -> Case {
    Case { from: From::Ready, ..case(name, sql, settled) }
}

const fn at_toss(
    name: &'static str,
    toss: &'static [Toss],
    sql: &'static [&'static str],
    settled: &'static [Finds],
) -> Case {
    Case { toss, ..case(name, sql, settled) }
}

const fn running(case: Case, running: &'static [Finds]) -> Case {
    Case { running: Some(running), ..case }
}

const AGAIN: Toss = Toss::HearsAgain { other_body: false, other_secret: false, without_key: false };

/// An attempt that no answer came to, for a request that the case has sent.
const ATTEMPT: &str = "
    insert into attempts (order_id, id, payment_no, call, key_epoch, api_key_id, lease_owner, lease_seq, duration_ms,
                          outcome, stale)
    values ({ORDER}, gen_random_uuid(), 1, 'confirm', 0, 'k', 1, 1, 5, 'repeat', false)";
const ATTEMPT_OF_SECOND: &str = "
    insert into attempts (order_id, id, payment_no, call, key_epoch, api_key_id, lease_owner, lease_seq, duration_ms,
                          outcome, stale)
    values ({ORDER}, gen_random_uuid(), 2, 'confirm', 0, 'k', 1, 1, 5, 'repeat', false)";
const SECOND_PAYMENT: &str = "
    insert into payments (order_id, payment_no, payment_key, amount, request, status, answer)
    values ({ORDER}, 2, '{SECOND}', 1000, '', 'ABORTED', '{\"code\": \"REJECT_CARD_PAYMENT\", \"message\": \"거절\"}')";
const SECOND_RETURNED: &str = "
    insert into cancels (order_id, cancel_no, payment_no, mark, status, reason, amount, expected_balance, in_full, actor, request, answer)
    values ({ORDER}, 1, 2, gen_random_uuid(), 'DONE', 'r', 1000, 1000, true, 'worker', '', '{}')";
/// A refund that Toss refused, without the lookups that would prove it.
const REFUSED_CANCEL: &str = "
    with sent as (insert into attempts (order_id, id, payment_no, call, key_epoch, cancel_no, api_key_id, lease_owner, lease_seq,
                          duration_ms, outcome, stale)
                  values ({ORDER}, gen_random_uuid(), 1, 'cancel', 0, 1, 'k', 1, 1, 5, 'refused', false))
    insert into cancels (order_id, cancel_no, payment_no, mark, status, reason, amount, expected_balance, in_full, actor, request, answer)
    values ({ORDER}, 1, 1, '{NO}', 'FAILED', 'r', 1000, 1000, true, 'server', '',
            '{\"code\": \"EXCEED_MAX_REFUND_DUE\", \"message\": \"기한\"}')";
/// Two lookups after it.
const LOOKED_UP: &str = "
    insert into attempts (order_id, id, payment_no, call, key_epoch, cancel_no, api_key_id, lease_owner, lease_seq, duration_ms,
                          outcome, stale, http_status, finished_at)
    select {ORDER}, gen_random_uuid(), 1, 'query', 0, 1, 'k', 1, 1, 5, 'ask', false, 200, clock_timestamp()
    from generate_series(1, 2)";
const LIVE_CANCEL: &str = "
    insert into cancels (order_id, cancel_no, payment_no, mark, reason, amount, expected_balance, in_full, actor, request)
    values ({ORDER}, 1, 1, gen_random_uuid(), 'r', 1000, 1000, true, 'operator', '')";
const INTENT: &str = "
    insert into outbox (order_id, kind, due_at, lease_seq, payment_no)
    values ({ORDER}, 2, now() + interval '1 hour', 9, 1)";
const CHECK_LATER: &str = "update payments set check_at = now() + interval '1 hour' where order_id = {ORDER}";

/// A confirm that was accepted, in books that no worker has seen.
const ACCEPTED: &str = "
    with held as (update products set stock = stock - 1 where id = {PRODUCT}),
    event as (insert into order_events (order_id, from_status, to_status, cause, actor, payment_no)
              values ({ORDER}, 'READY', 'IN_PROGRESS', 'confirm_accepted', 'shopper', 1)),
    paid as (insert into payments (order_id, payment_no, payment_key, amount, request)
             values ({ORDER}, 1, '{KEY}', 1000, ''))
    update orders set status = 'IN_PROGRESS', payment_count = 1 where id = {ORDER}";
const STOCK_BACK: &str = "update products set stock = stock + 1 where id = {PRODUCT}";
const ABORTED: &str = "
    with event as (insert into order_events (order_id, from_status, to_status, cause, actor, payment_no, attempt_id)
                   select order_id, 'IN_PROGRESS', 'ABORTED', 'toss_refused', 'worker', 1, id
                   from attempts where order_id = {ORDER}),
    failed as (update payments set status = 'ABORTED', answer = '{\"code\": \"REJECT_CARD_PAYMENT\", \"message\": \"거절\"}'
               where order_id = {ORDER})
    update orders set status = 'ABORTED' where id = {ORDER}";
const EXPIRED: &str = "
    with event as (insert into order_events (order_id, from_status, to_status, cause, actor)
                   values ({ORDER}, 'READY', 'EXPIRED', 'not_paid_in_time', 'worker'))
    update orders set status = 'EXPIRED' where id = {ORDER}";
const WAITING: &str = "
    with event as (insert into order_events (order_id, from_status, to_status, cause, actor, payment_no)
                   values ({ORDER}, 'IN_PROGRESS', 'WAITING_FOR_DEPOSIT', 'toss_waits', 'operator', 1)),
    told as (update payments set status = 'WAITING_FOR_DEPOSIT', answer = jsonb_build_object(
                 'paymentKey', payment_key, 'orderId', '{NO}', 'status', 'WAITING_FOR_DEPOSIT') where order_id = {ORDER})
    update orders set status = 'WAITING_FOR_DEPOSIT' where id = {ORDER}";
const ACCOUNT_EXPIRED: &str = "
    with event as (insert into order_events (order_id, from_status, to_status, cause, actor, payment_no)
                   values ({ORDER}, 'WAITING_FOR_DEPOSIT', 'EXPIRED', 'deposit_too_late', 'operator', 1)),
    told as (update payments set status = 'EXPIRED', answer = answer || '{\"virtualAccount\": {\"expired\": true}}'
             where order_id = {ORDER})
    update orders set status = 'EXPIRED' where id = {ORDER}";
/// To another state with the event of an operator, who needs no attempt.
const REVIEWED: &str = "
    with event as (insert into order_events (order_id, from_status, to_status, cause, actor, payment_no)
                   select id, status, 'REVIEW', 'asked_for', 'operator', 1 from orders where id = {ORDER}),
    looked_at as (update payments set check_at = now() + interval '1 hour' where order_id = {ORDER})
    update orders set status = 'REVIEW', review_holds_stock = status in ('IN_PROGRESS', 'WAITING_FOR_DEPOSIT', 'DONE')
    where id = {ORDER}";
const PARTLY_RETURNED: &str = "
    with event as (insert into order_events (order_id, from_status, to_status, cause, actor, payment_no)
                   values ({ORDER}, 'DONE', 'PARTIAL_CANCELED', 'returned', 'operator', 1)),
    paid as (update payments set status = 'PARTIAL_CANCELED', balance = 600 where order_id = {ORDER})
    update orders set status = 'PARTIAL_CANCELED', paid_by = 1 where id = {ORDER}";
const RETURNED: &str = "
    with event as (insert into order_events (order_id, from_status, to_status, cause, actor, payment_no)
                   values ({ORDER}, 'DONE', 'CANCELED', 'returned', 'operator', 1)),
    paid as (update payments set status = 'CANCELED', balance = 0 where order_id = {ORDER})
    update orders set status = 'CANCELED', paid_by = 1 where id = {ORDER}";
/// Calls it paid although Toss never approved it.
const FORGED: &str = "
    with event as (insert into order_events (order_id, from_status, to_status, cause, actor, payment_no)
                   values ({ORDER}, 'IN_PROGRESS', 'DONE', 'toss_approved', 'operator', 1)),
    told as (update payments set status = 'DONE', balance = 1000, answer = jsonb_build_object(
                 'paymentKey', payment_key, 'orderId', '{NO}', 'status', 'DONE') where order_id = {ORDER})
    update orders set status = 'DONE' where id = {ORDER}";

const LOST_STATE: Finds = (I5, "newest event is not the state");
const DRIFTED: Finds = (I3, "stock drifted");
const LEDGER: Finds = (I2, "ledger disagrees");
const NO_PROOF: Finds = (I2, "no proof");
const NO_ATTEMPT: Finds = (I5, "change without its attempt");
const NO_REQUEST: Finds = (I5, "attempt without its request");

pub(crate) const CASES: &[Case] = &[
    // States that are right, so that the audit is not merely against everything.
    case("a paid order", &[], &[]),
    ready("an order nobody paid", &[], &[]),
    ready("an order nobody paid in time", &[EXPIRED], &[]),
    ready("a refused payment", &[ACCEPTED, ATTEMPT, ABORTED, STOCK_BACK], &[]),
    ready("a deposit that is waited for", &[ACCEPTED, WAITING, CHECK_LATER], &[]),
    ready("a deposit that came to nothing", &[ACCEPTED, WAITING, ACCOUNT_EXPIRED, STOCK_BACK], &[]),
    ready("a review before it was paid", &[ACCEPTED, REVIEWED], &[]),
    case("a review after it was paid", &[REVIEWED], &[]),
    ready("a review of what had expired", &[EXPIRED, REVIEWED, "update orders set payment_count = 1 where id = {ORDER}",
        "insert into payments (order_id, payment_no, payment_key, amount, request, status, check_at) values ({ORDER}, 1, '{KEY}', 1000, '', 'REVIEW', now() + interval '1 hour')"], &[]),
    at_toss("a part given back", &[Toss::ConsoleCancels(400)], &[PARTLY_RETURNED], &[]),
    at_toss("all given back", &[Toss::ConsoleCancels(1000)], &[RETURNED, STOCK_BACK], &[]),
    at_toss("a second approval given back", &[Toss::ApprovesSecond, Toss::ConsoleCancelsSecond],
        &[SECOND_PAYMENT, ATTEMPT_OF_SECOND, SECOND_RETURNED, "update orders set payment_count = 2, paid_by = 1 where id = {ORDER}"], &[]),
    running(ready("a confirm that is being found out", &[ACCEPTED, INTENT], &[(I2, "confirm has not ended")]), &[]),
    running(case("a refund on its way", &[LIVE_CANCEL, INTENT], &[(I2, "refund has not ended")]), &[]),
    case("a check to come", &[INTENT, CHECK_LATER], &[]),
    case("canceled, and what Toss holds was settled elsewhere", &[RETURNED, STOCK_BACK,
        "update order_events set cause = 'closed_settled_outside' where order_id = {ORDER} and to_status = 'CANCELED'"], &[]),
    at_toss("a refund that failed with proof", &[Toss::IsAsked], &[REFUSED_CANCEL, LOOKED_UP], &[]),
    // I1
    at_toss("two approvals", &[Toss::ApprovesSecond],
        &[SECOND_PAYMENT, ATTEMPT_OF_SECOND, "update orders set payment_count = 2, paid_by = 1 where id = {ORDER}"],
        &[(I1, "charged twice"), (I2, "second approval not given back")]),
    running(at_toss("two approvals, one on its way back", &[Toss::ApprovesSecond],
        &[SECOND_PAYMENT, ATTEMPT_OF_SECOND, INTENT, LIVE_CANCEL, "update cancels set payment_no = 2 where order_id = {ORDER}",
            "update orders set payment_count = 2, paid_by = 1 where id = {ORDER}"],
        &[(I1, "charged twice"), (I2, "refund has not ended"), (I2, "second approval not given back")]), &[]),
    case("charged more than it costs", &["update orders set amount = amount - 1 where id = {ORDER}"],
        &[(I1, "charged too much"), LEDGER]),
    // I2
    at_toss("a payment that the books do not have", &[Toss::ApprovesSecond], &[],
        &[(I1, "charged twice"), (I2, "charged without a payment"), (I5, "request without its attempt")]),
    case("an accepted confirm that is gone", &["update orders set status = 'READY' where id = {ORDER}"],
        &[(I2, "confirm was lost"), LEDGER, LOST_STATE, DRIFTED]),
    case("paid by a payment that is not there", &["update orders set paid_by = 9 where id = {ORDER}"],
        &[(I2, "state without a payment"), LEDGER, (I2, "second approval not given back")]),
    ready("paid by nothing", &["update orders set status = 'DONE' where id = {ORDER}"],
        &[(I2, "state without a payment"), LEDGER, LOST_STATE, DRIFTED]),
    case("a payment that says otherwise", &["update payments set status = 'REVIEW' where order_id = {ORDER}"],
        &[(I2, "order and payment disagree")]),
    case("no answer", &["update payments set answer = null where order_id = {ORDER}"], &[NO_PROOF]),
    case("an answer about another payment", &["update payments set answer = answer || '{\"paymentKey\": \"x\"}' where order_id = {ORDER}"], &[NO_PROOF]),
    case("an answer about another order", &["update payments set answer = answer || '{\"orderId\": \"x\"}' where order_id = {ORDER}"], &[NO_PROOF]),
    case("an answer that says otherwise", &["update payments set answer = answer || '{\"status\": \"EXPIRED\"}' where order_id = {ORDER}"], &[NO_PROOF]),
    case("an error as proof of paid", &["update payments set answer = '{\"code\": \"X\", \"message\": \"x\"}' where order_id = {ORDER}"], &[NO_PROOF]),
    ready("a failure without proof", &[ACCEPTED, ATTEMPT, ABORTED, STOCK_BACK, "update payments set answer = '{\"code\": \"X\"}' where order_id = {ORDER}"], &[NO_PROOF]),
    ready("too late by nobody's word", &[ACCEPTED, WAITING, ACCOUNT_EXPIRED, STOCK_BACK,
        "update payments set answer = answer - 'virtualAccount' where order_id = {ORDER}"], &[NO_PROOF]),
    at_toss("given back behind our back", &[Toss::ConsoleCancels(1000)], &[], &[LEDGER, (I2, "balance disagrees")]),
    at_toss("more given back than we know", &[Toss::ConsoleCancels(500)], &[PARTLY_RETURNED], &[(I2, "balance disagrees")]),
    at_toss("called given back in full", &[Toss::ConsoleCancels(400)], &[RETURNED, STOCK_BACK], &[LEDGER]),
    running(ready("an order that nobody works on", &[ACCEPTED], &[(I2, "confirm has not ended"), (I5, "no live intent")]),
        &[(I5, "no live intent")]),
    running(case("a refund that nobody works on", &[LIVE_CANCEL], &[(I2, "refund has not ended"), (I5, "no live intent")]),
        &[(I5, "no live intent")]),
    case("a refund that failed without a look", &[REFUSED_CANCEL], &[(I2, "refund failed without proof")]),
    case("a refund that failed by nobody's word", &[REFUSED_CANCEL, "update cancels set answer = null where order_id = {ORDER}"],
        &[(I2, "refund failed without proof")]),
    at_toss("called failed, and Toss made it", &[Toss::Refunds], &[REFUSED_CANCEL, RETURNED, STOCK_BACK],
        &[(I2, "refund failed without proof"), (I2, "refund called failed that was made")]),
    // I3
    case("a piece lost", &["update products set stock = stock - 1 where id = {PRODUCT}"], &[DRIFTED]),
    case("a piece below zero", &["update products set stock = -1, received = 0 where id = {PRODUCT}"], &[(I3, "stock below zero")]),
    ready("a failure that keeps its stock", &[ACCEPTED, ATTEMPT, ABORTED], &[DRIFTED]),
    ready("a review that holds more than it says", &[ACCEPTED, REVIEWED, "update orders set review_holds_stock = false where id = {ORDER}"],
        &[DRIFTED]),
    case("a review that does not say what it holds", &[REVIEWED, "update orders set review_holds_stock = null where id = {ORDER}"],
        &[(I3, "holding is not said"), DRIFTED]),
    // I4
    ready("paid without an approval", &[ACCEPTED, FORGED],
        &[LEDGER, (I2, "balance disagrees"), (I4, "paid before it was approved")]),
    case("paid too early", &["update order_events set at = at - interval '1 day' where order_id = {ORDER}"],
        &[(I4, "paid before it was approved")]),
    case("paid, open and paid again", &["insert into order_events (order_id, from_status, to_status, cause, actor, payment_no)
        values ({ORDER}, 'DONE', 'IN_PROGRESS', 'x', 'shopper', 1), ({ORDER}, 'IN_PROGRESS', 'DONE', 'x', 'operator', 1)"],
        &[(I4, "change that is not defined")]),
    case("called unpaid although no bank took it back", &["insert into order_events (order_id, from_status, to_status, cause, actor, payment_no)
        values ({ORDER}, 'DONE', 'WAITING_FOR_DEPOSIT', 'x', 'operator', 1), ({ORDER}, 'WAITING_FOR_DEPOSIT', 'DONE', 'x', 'operator', 1)"],
        &[(I4, "unpaid before it was taken back")]),
    // I5
    case("a change without an event", &["delete from order_events where order_id = {ORDER} and to_status = 'DONE'"], &[LOST_STATE]),
    case("a history without its beginning", &["delete from order_events where order_id = {ORDER} and to_status <> 'DONE'"],
        &[(I5, "broken chain of events")]),
    case("a change by no attempt", &["update order_events set attempt_id = null where order_id = {ORDER}"], &[NO_ATTEMPT]),
    case("a change by somebody else's attempt", &["update order_events set attempt_id = gen_random_uuid() where order_id = {ORDER}"], &[NO_ATTEMPT]),
    case("a change by a stale attempt", &["update attempts set stale = true where order_id = {ORDER}"], &[NO_ATTEMPT]),
    at_toss("a request without an attempt", &[AGAIN], &[], &[(I5, "request without its attempt")]),
    case("an attempt that Toss never saw", &[ATTEMPT, "update attempts set http_status = 200, trace_id = 'x' where order_id = {ORDER} and http_status is null"], &[NO_REQUEST]),
    case("an answer that Toss never gave", &["update attempts set http_status = 500 where order_id = {ORDER}"], &[NO_REQUEST]),
    case("a question that Toss never heard", &[ATTEMPT, "update attempts set http_status = 200, call = 'query' where order_id = {ORDER} and http_status is null"], &[NO_REQUEST]),
    at_toss("one key, two bodies", &[Toss::HearsAgain { other_body: true, other_secret: false, without_key: false }], &[ATTEMPT],
        &[(I5, "one key for two bodies")]),
    at_toss("one key, two secrets", &[Toss::HearsAgain { other_body: false, other_secret: true, without_key: false }], &[ATTEMPT],
        &[(I5, "one key under two secrets")]),
    at_toss("no key", &[Toss::HearsAgain { other_body: false, other_secret: false, without_key: true }],
        &[ATTEMPT, "update attempts set key_epoch = 1 where order_id = {ORDER} and http_status is null"],
        &[(I5, "post without a key")]),
    case("a review that nobody looks at", &[REVIEWED, "update payments set check_at = null where order_id = {ORDER}"],
        &[(I5, "review that nobody looks at")]),
    case("an intent about nothing", &[INTENT], &[(I5, "intent without a reason")]),
    running(case("a lease that is open", &[INTENT, CHECK_LATER, "update outbox set lease_until = now() + interval '1 hour' where order_id = {ORDER}"],
        &[(I5, "open lease")]), &[]),
    running(case("work that nobody takes", &[INTENT, CHECK_LATER, "update outbox set due_at = now() where order_id = {ORDER}"],
        &[(I5, "intent is due")]), &[]),
    running(case("a check that nobody makes", &["update payments set check_at = now() - interval '1 hour' where order_id = {ORDER}"],
        &[(I5, "check is late")]), &[]),
    case("a webhook that nobody looks at", &["insert into webhook_inbox (delivery, order_id, payment_no, status, state, state_since)
        values (gen_random_uuid(), {ORDER}, 1, 'CANCELED', 'waiting', now() - interval '1 hour')"],
        &[(I5, "webhook is late")]),
];
