//! What a worker does all day, and the api when it accepts, each with arguments that find something to do in `live.sql`, how
//! many rows it works through there, and how much it may read for each: about twice what was measured.

use super::{described, file};

pub(super) struct Case {
    pub(super) name: &'static str,
    pub(super) sql: String,
    pub(super) arguments: String,
    pub(super) rows: i64,
    pub(super) buffers_each: i64,
    /// Indexes that hold nothing but what is looked for, and so are read from end to end.
    pub(super) whole: &'static [&'static str],
    /// It adds rows and reads none.
    pub(super) adds: bool,
}

/// The number of the first live order.
const FIRST: i64 = 1_000_001;
/// Refunds are what one live order in ten waits for; this one is in the hands of worker 7.
const REFUNDED: i64 = FIRST + 5;
/// Left of it are those that worker 7 holds.
const LOW: &str = "timestamptz '2026-01-01 00:00:05.0005Z'";
const LIVE_REFUNDS: &[&str] = &["cancels_one_live"];

fn array<T: ToString>(values: impl IntoIterator<Item = T>, of: &str) -> String {
    let values: Vec<String> = values.into_iter().map(|value| value.to_string()).collect();
    format!("'{{{}}}'::{of}[]", values.join(","))
}

fn order_no(order: i64) -> String {
    format!("'018f0000-0000-7000-8000-{order:012x}'::uuid")
}

/// Confirms in the hands of worker 7.
fn held() -> Vec<i64> {
    (FIRST..FIRST + 5_000).filter(|order| (order - 1_000_000) % 10 < 6).take(500).collect()
}

/// A batch for settle: half of it approved, a quarter failed, a quarter to be tried again.
fn batch(orders: &[i64]) -> String {
    let column = |of: &str, values: [&str; 3]| {
        let value = |at: usize| if at % 4 < 2 { values[0] } else { values[at % 4 - 1] };
        array((0..orders.len()).map(value), of)
    };
    let same = |of: &str, value: &'static str| column(of, [value; 3]);
    [
        "7".to_owned(),
        array(orders, "bigint"),
        same("int", "2"),
        same("smallint", "1"),
        column("text", ["approved", "failed", "repeat"]),
        same("bigint", "1000"),
        same("text", "confirm"),
        same("smallint", "0"),
        same("text", "key"),
        same("int", "5"),
        same("smallint", "200"),
        same("text", "null"),
        same("text", "null"),
        array(orders.iter().map(|order| format!("018d0000-0000-7000-8000-{order:012x}")), "uuid"),
        column("text", ["DONE", "ABORTED", "null"]),
        column("text", ["toss_approved", "toss_refused", "null"]),
        column("timestamptz", ["2026-01-01T00:00:00Z", "null", "null"]),
        column("bigint", ["1000", "null", "null"]),
        same("text", "null"),
        same("text", "null"),
        column("jsonb", [r#""{}""#, r#""{}""#, "null"]),
        column("bigint", ["null", "60000", "null"]),
        column("smallint", ["null", "null", "1"]),
        same("boolean", "f"),
        same("smallint", "0"),
        same("smallint", "0"),
        same("text", "null"),
        same("jsonb", "null"),
        same("timestamptz", "null"),
        same("bigint", "null"),
        same("smallint", "0"),
        same("smallint", "0"),
        "false".to_owned(),
        same("smallint", "null"),
    ]
    .join(", ")
}

fn case(name: &'static str, sql: &str, arguments: &str, rows: i64, buffers_each: i64) -> Case {
    let arguments = if arguments.is_empty() { String::new() } else { format!("({arguments})") };
    Case { name, sql: sql.to_owned(), arguments, rows, buffers_each, whole: &[], adds: false }
}

pub(super) fn cases() -> Vec<Case> {
    let mut all = queue();
    all.extend(intake());
    all.extend(housekeeping());
    all.extend(webhooks());
    all.extend(reconciling());
    all.extend(vitals());
    all
}

fn queue() -> Vec<Case> {
    let held = held();
    let (orders, fences) = (array(&held, "bigint"), array(held.iter().map(|_| 2), "int"));
    let claim = file("outbox/claim.sql");
    let due = format!("'{{1,2,3,4,5,6,7}}'::smallint[], array[{}]::timestamptz[]", [LOW; 7].join(", "));
    let not_looked_at = format!("7, {orders}, {fences}, {}", array(held.iter().map(|_| "f"), "boolean"));
    vec![
        case("claim confirms", &claim, &format!("7, 20, {LOW}, 500, 7, 1"), 500, 40),
        case("claim refunds", &claim, &format!("7, 20, {LOW}, 500, 7, 4"), 500, 45),
        case("claim lookups", &claim, &format!("7, 20, {LOW}, 500, 7, 7"), 500, 40),
        case("due", &file("outbox/due.sql"), &due, 7, 10),
        case("renew", &file("outbox/renew.sql"), &format!("7, 20, {orders}, {fences}"), 500, 20),
        case("hand back", &file("outbox/hand_back.sql"), &not_looked_at, 500, 20),
        case("settle", &file("outbox/settle.sql"), &batch(&held[..200]), 200, 50),
        case("sweep", &file("outbox/sweep.sql"), "0, 1000", 1_000, 12),
        case("sweep what was lost", &file("outbox/sweep.sql"), &format!("{}, 1000", FIRST + 50_000), 100, 40),
        Case {
            whole: LIVE_REFUNDS,
            // All refunds that have their intent are passed.
            ..case("sweep the rest", &file("outbox/sweep_rest.sql"), "1000, 2000", 12_000, 9)
        },
    ]
}

fn intake() -> Vec<Case> {
    let accept = format!("{}, 1, 1000, 'new-key', '', false", order_no(FIRST + 50_000));
    let request = format!(
        "{}, 'CANCELED', 0, 1, 'CANCELED', 0, gen_random_uuid(), 'because', 1000, 1000, true, 'operator', '', false, 'new', '',
         '{{1}}'::bigint[], '{{1}}'::int[], '{{t}}'::boolean[]",
        FIRST + 56_599
    );
    let create = "gen_random_uuid(), 1, '{1,2,3}'::bigint[], '{1,1,1}'::int[], 3000, 30";
    vec![
        case("create", &file("order/create.sql"), create, 3, 30),
        case("accept", &file("payment/accept.sql"), &accept, 1, 50),
        case("refund: look", &file("cancel/look.sql"), &format!("{}, 'request-20006'", order_no(REFUNDED)), 1, 70),
        case("refund: request", &file("cancel/request.sql"), &request, 1, 45),
    ]
}

fn housekeeping() -> Vec<Case> {
    vec![
        case("expire", &file("order/expire.sql"), "1000", 1_000, 50),
        case("forget attempts", &file("order/prune.sql"), "20, 1000", 1_000, 5),
        case("forget requests", &file("cancel/forget.sql"), "20, 1000", 1_000, 12),
        case("forget webhooks", &file("webhook/prune.sql"), "20, 1000", 1_000, 7),
    ]
}

fn webhooks() -> Vec<Case> {
    let order = order_no(REFUNDED);
    let waiting = array(53_001..=53_100, "bigint");
    let unknown = array(56_601..=56_700, "bigint");
    let replay = file("webhook/replay.sql");
    let facts = file("webhook/facts.sql");
    let store = format!("gen_random_uuid(), null, 'e', now(), {REFUNDED}, 1, 'DONE', 0, null, '{{}}', 'waiting'");
    vec![
        Case { adds: true, ..case("webhooks: store", &file("webhook/store.sql"), &store, 1, 40) },
        case("webhooks: facts", &facts, &format!("{order}, null"), 1, 25),
        case("webhooks: facts by key", &facts, &format!("{order}, 'key-{REFUNDED}'"), 1, 25),
        case("webhooks: waiting", &file("webhook/waiting.sql"), "0, 1000, 10000", 2_000, 10),
        case("webhooks: ask", &file("webhook/ask.sql"), &format!("{waiting}, 10000"), 100, 60),
        case("webhooks: known", &file("webhook/known.sql"), &waiting, 100, 40),
        case("webhooks: replay named", &replay, &format!("{waiting}, null, 9000000, 1000"), 100, 45),
        case("webhooks: replay unknown", &replay, &format!("{unknown}, null, 9000000, 1000"), 100, 60),
        case("webhooks: replay page", &replay, "'{}'::bigint[], now() - interval '1 hour', 30000, 1000", 1_000, 48),
    ]
}

fn reconciling() -> Vec<Case> {
    let order = REFUNDED;
    let values = |rest: &str| format!("{order}, {rest}");
    let attempt = values("gen_random_uuid(), 1, 1, 'cancel', 0, 'key', 7, 2, 5, 200, null, null, 'refused', false");
    vec![
        case(
            "reconcile: order",
            &described("select id from orders where id = any(array[$1"),
            &order.to_string(),
            1,
            15,
        ),
        case("reconcile: intent", &described("and lease_seq = $3 for update skip locked"), &values("7, 2"), 1, 15),
        case("reconcile: facts", &file("outbox/reconcile/facts.sql"), &values("1, 1, 1000"), 1, 90),
        case("reconcile: lines", &file("outbox/reconcile/lines.sql"), &values("'{1}'::smallint[]"), 1, 25),
        case(
            "reconcile: payment",
            &file("outbox/reconcile/payment.sql"),
            &values("1, 'CANCELED', true, false, now(), 0, null, null, '{}', true, now()"),
            1,
            50,
        ),
        case(
            "reconcile: moved",
            &described("last_fence = case when $6 then"),
            &values("'CANCELED', null, 1, false, false, 2"),
            1,
            45,
        ),
        case(
            "reconcile: keep",
            &file("outbox/reconcile/keep.sql"),
            &values("1, 1, true, 1, 1, 1, 'key', null, null, null"),
            1,
            40,
        ),
        case("reconcile: put back", &file("outbox/reconcile/put_back.sql"), &values("1000, false, false, 5"), 1, 35),
        Case { adds: true, ..case("reconcile: attempt", &file("outbox/reconcile/attempt.sql"), &attempt, 1, 15) },
        case(
            "reconcile: begin refund",
            &file("outbox/reconcile/begin_refund.sql"),
            &format!("{FIRST}, 1, 1, gen_random_uuid(), 'because', 1000, ''"),
            1,
            35,
        ),
        case("review: facts", &file("order/review_facts.sql"), &values("1, 10"), 1, 55),
        case(
            "review: write",
            &file("order/review_write.sql"),
            &format!("{}, 'lookup_requested', 'operator', null, null", FIRST + 56_499),
            1,
            12,
        ),
    ]
}

fn vitals() -> Vec<Case> {
    let orders = held();
    let orders = &orders[..200];
    let newest = array(orders.iter().map(|_| 0), "bigint");
    let orders = array(orders, "bigint");
    vec![
        case("states", &described("o.status as \"status!\" from unnest"), &orders, 200, 10),
        case("news", &file("order/changed.sql"), &format!("{orders}, {newest}"), 200, 9),
        case("vitals: reviews", &described("e.cause as reason"), "", 200, 9),
        // The 10,200 live refunds stand on 500 pages at most.
        Case {
            whole: LIVE_REFUNDS,
            ..case("vitals: backlog", &described("\"due_seconds!\""), "array[1, 2, 3, 4, 5, 6, 7]", 500, 1)
        },
        Case { whole: LIVE_REFUNDS, ..case("vitals: refunds", &described("as last_code"), "60, 100", 10_200, 9) },
        Case { whole: &["payments_bank_refunds"], ..case("vitals: banks", &described("\"payments!\""), "", 100, 1) },
        Case {
            whole: &["webhook_inbox_waiting"],
            ..case("vitals: webhooks", &described("\"wrong_secret!\""), "", 2_000, 1)
        },
    ]
}
