//! What an audit found, told so that a human needs nothing else: each order with its violations and its whole history.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use serde_json::{Map, Value};
use sqlx::PgPool;

use super::{
    books::Books,
    rows::Order,
    toss::{Entry, Request, Toss},
};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Invariant {
    I1,
    I2,
    I3,
    I4,
    I5,
}

/// What a violation is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    Whole,
    Product(i64),
    Order(String),
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole => f.write_str("the books as a whole"),
            Self::Product(id) => write!(f, "product {id}"),
            Self::Order(order_no) => write!(f, "order {order_no}"),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    pub invariant: Invariant,
    pub subject: Subject,
    /// The same words for the same kind of violation.
    pub rule: &'static str,
    pub detail: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {}: {}", self.invariant, self.rule, self.detail)
    }
}

/// Collects while orders are judged.
#[derive(Debug, Default)]
pub(super) struct Found(Vec<Violation>);

impl Found {
    pub(super) fn add(&mut self, invariant: Invariant, order: &Order, rule: &'static str, detail: String) {
        self.add_about(invariant, Subject::Order(order.order_no.clone()), rule, detail);
    }

    pub(super) fn add_about(&mut self, invariant: Invariant, subject: Subject, rule: &'static str, detail: String) {
        self.0.push(Violation { invariant, subject, rule, detail });
    }

    pub(super) fn report(mut self) -> Report {
        self.0.sort_by(|a, b| (&a.subject, a.invariant).cmp(&(&b.subject, b.invariant)));
        Report { violations: self.0, ..Report::default() }
    }
}

/// Displayed, it is everything that was found. Nothing of it holds a whole paymentKey.
#[derive(Debug, Default)]
pub struct Report {
    pub violations: Vec<Violation>,
    pub orders: usize,
    /// Through page and API.
    pub orders_looked_at: usize,
    /// Through their streams.
    pub orders_listened_to: usize,
    pub ledger_entries: usize,
    pub requests: usize,
    /// What could not be looked at, and why.
    pub notes: Vec<String>,
    histories: BTreeMap<Subject, String>,
}

impl Report {
    pub fn is_clean(&self) -> bool {
        self.violations.is_empty()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let subjects: BTreeSet<&Subject> = self.violations.iter().map(|violation| &violation.subject).collect();
        for subject in subjects {
            writeln!(f, "{subject}")?;
            for violation in self.violations.iter().filter(|violation| violation.subject == *subject) {
                writeln!(f, "  ! {violation}")?;
            }
            if let Some(history) = self.histories.get(subject) {
                writeln!(f, "{history}")?;
            }
        }
        for note in &self.notes {
            writeln!(f, "note: {note}")?;
        }
        write!(
            f,
            "{} violations; {} orders, {} of them through page and API, {} through streams, {} entries in the ledger, {} requests",
            self.violations.len(),
            self.orders,
            self.orders_looked_at,
            self.orders_listened_to,
            self.ledger_entries,
            self.requests
        )
    }
}

/// What the tables hold about one order, table by table, as rows of JSON: a column that is added is shown.
const ROWS: [(&str, &str); 7] = [
    ("order", "select to_jsonb(o) from orders o where o.order_no::text = $1"),
    (
        "line",
        "select to_jsonb(l) - 'order_id' from order_lines l join orders o on o.id = l.order_id
         where o.order_no::text = $1 order by l.position",
    ),
    (
        "payment",
        "select to_jsonb(p) - 'order_id' - 'secret' || jsonb_build_object(
                    'request', encode(p.request, 'escape'),
                    'answer', case when jsonb_typeof(p.answer) = 'object' then (
                        select jsonb_object_agg(key, value) from jsonb_each(p.answer) where key in (
                            'paymentKey', 'orderId', 'status', 'totalAmount', 'balanceAmount', 'approvedAt', 'cancels',
                            'code', 'message')) else p.answer end)
         from payments p join orders o on o.id = p.order_id where o.order_no::text = $1 order by p.payment_no",
    ),
    (
        "cancel",
        "select to_jsonb(c) - 'order_id' - 'answer' || jsonb_build_object('answer', c.answer ->> 'status')
         from cancels c join orders o on o.id = c.order_id where o.order_no::text = $1 order by c.cancel_no",
    ),
    (
        "intent",
        "select to_jsonb(b) - 'order_id' from outbox b join orders o on o.id = b.order_id where o.order_no::text = $1",
    ),
    (
        "attempt",
        "select to_jsonb(a) - 'order_id' from attempts a join orders o on o.id = a.order_id
         where o.order_no::text = $1 order by a.finished_at, a.id",
    ),
    (
        "event",
        "select to_jsonb(e) - 'order_id' from order_events e join orders o on o.id = e.order_id
         where o.order_no::text = $1 order by e.id",
    ),
];

const PRODUCT: &str = "
    select jsonb_build_object('status', o.status, 'orders', count(*), 'pieces', sum(l.quantity))
    from order_lines l join orders o on o.id = l.order_id where l.product_id = $1 group by o.status order by o.status";

/// Adds the history of everything that a violation is about, and masks all paymentKeys.
pub(super) async fn add_histories(
    report: &mut Report,
    pool: &PgPool,
    toss: &Toss,
    books: &Books,
) -> anyhow::Result<()> {
    let subjects: BTreeSet<Subject> = report.violations.iter().map(|violation| violation.subject.clone()).collect();
    let by_no: BTreeMap<&str, &Order> = books.orders.values().map(|order| (order.order_no.as_str(), order)).collect();
    for subject in subjects {
        let mut lines = Vec::new();
        let mut keys = BTreeSet::new();
        match &subject {
            Subject::Whole => continue,
            Subject::Product(id) => {
                let rows: Vec<Value> = sqlx::query_scalar(PRODUCT).bind(id).fetch_all(pool).await?;
                lines.extend(rows.iter().map(|row| format!("    {:<8} {}", "orders", pairs(row))));
            }
            Subject::Order(order_no) => {
                for (name, sql) in ROWS {
                    let rows: Vec<Value> = sqlx::query_scalar(sql).bind(order_no).fetch_all(pool).await?;
                    lines.extend(rows.iter().map(|row| format!("    {name:<8} {}", pairs(row))));
                }
                let seen = toss.of(order_no);
                lines.extend(seen.entries.iter().map(entry));
                lines.extend(seen.requests.iter().map(request));
                let payments = by_no.get(order_no.as_str()).map(|order| order.payments.iter());
                keys.extend(payments.into_iter().flatten().map(|payment| payment.payment_key.as_str()));
                keys.extend(seen.accounts.keys().map(String::as_str));
                keys.extend(seen.requests.iter().filter_map(|request| request.payment_key.as_deref()));
            }
        }
        let history = keys.iter().fold(lines.join("\n"), |text, key| masked(&text, key));
        for violation in report.violations.iter_mut().filter(|violation| violation.subject == subject) {
            violation.detail = keys.iter().fold(std::mem::take(&mut violation.detail), |text, key| masked(&text, key));
        }
        report.histories.insert(subject, history);
    }
    Ok(())
}

fn entry(entry: &Entry) -> String {
    let Entry { seq, at, kind, payment_key, amount, balance_after, .. } = entry;
    format!("    ledger   #{seq} {at} {kind} {payment_key} {amount:+} leaves {balance_after}")
}

fn request(request: &Request) -> String {
    let Request { seq, at, method, path, status, replayed, faults, .. } = request;
    let text = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    let faults = if faults.is_empty() { String::new() } else { format!(" faults={}", faults.join(",")) };
    let body = request.body.as_ref().map(|body| format!(" body={body}")).unwrap_or_default();
    format!(
        "    request  #{seq} {at} {method} {path} answered={} code={} replayed={replayed} key={} secret={} trace={}{faults}{body}",
        status.map_or("-".to_owned(), |status| status.to_string()),
        text(&request.code),
        text(&request.idempotency_key),
        text(&request.secret_key_hash),
        text(&request.trace_id),
    )
}

/// `name=value` of what is not null, names that say who it is first.
fn pairs(row: &Value) -> String {
    let empty = Map::new();
    let row = row.as_object().unwrap_or(&empty);
    let first = ["id", "order_no", "payment_no", "cancel_no", "from_status", "to_status", "status", "call", "outcome"];
    let named = first.iter().filter_map(|name| Some((*name, row.get(*name)?)));
    let others = row.iter().map(|(name, value)| (name.as_str(), value)).filter(|(name, _)| !first.contains(name));
    let shown = named.chain(others).filter(|(_, value)| !value.is_null()).map(|(name, value)| match value {
        Value::String(text) => format!("{name}={text}"),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            format!("{name}={value}")
        }
    });
    shown.collect::<Vec<_>>().join(" ")
}

/// The text with a paymentKey shown as its first 6 and last 4 characters, or not at all when it is short. Only where it
/// stands alone: a short key may be a part of any word.
fn masked(text: &str, key: &str) -> String {
    let characters: Vec<char> = key.chars().collect();
    let mask = match characters.len() {
        0 => return text.to_owned(),
        1..12 => "…".to_owned(),
        length => characters[..6].iter().chain(&['…']).chain(&characters[length - 4..]).collect(),
    };
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(key) {
        shown.push_str(before);
        let touches = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
        let is_alone = !touches(before.chars().next_back()) && !touches(after.chars().next());
        shown.push_str(if is_alone || characters.len() >= 12 { &mask } else { key });
        rest = after;
    }
    shown + rest
}

#[cfg(test)]
mod tests {
    use super::masked;

    #[test]
    fn payment_keys_are_masked_wherever_they_stand() {
        let key = "tgen_20260622173813Ab3dE";
        assert_eq!(masked(&format!("a {key}/{key}b"), key), "a tgen_2…b3dE/tgen_2…b3dEb");
        assert_eq!(masked("key-1 key-11 (key-1)", "key-1"), "… key-11 (…)");
        assert_eq!(masked("nothing", key), "nothing");
    }
}
