//! The operator's list: newest first, filtered, a page at a time in both directions. A page costs the same however deep it
//! is, because it starts at a number and not after a count.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Deserialize;
use sqlx::{FromRow, PgPool, types::Json};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{OrderNo, OrderStatus};
use crate::{
    db::{StoreError, within},
    money::Krw,
    payment::PaymentKey,
};

pub const PAGE_SIZE_MAX: u8 = 100;

/// Which orders are asked for. What is not said filters nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    pub status: Option<OrderStatus>,
    pub from: Option<OffsetDateTime>,
    /// Not included.
    pub until: Option<OffsetDateTime>,
    pub amount_min: Option<Krw>,
    pub amount_max: Option<Krw>,
    pub order_no: Option<OrderNo>,
    pub payment_key: Option<PaymentKey>,
}

#[derive(Debug)]
pub struct ListedOrder {
    pub order_no: OrderNo,
    pub name: String,
    pub customer: String,
    pub amount: Krw,
    pub status: OrderStatus,
    pub created_at: OffsetDateTime,
    /// In the order the caller named them.
    pub lines: Vec<ListedLine>,
}

#[derive(Debug, Deserialize)]
pub struct ListedLine {
    pub name: String,
    pub quantity: i32,
}

#[derive(Debug)]
pub struct Page {
    /// Newest first.
    pub orders: Vec<ListedOrder>,
    pub newer: Option<Cursor>,
    pub older: Option<Cursor>,
}

/// A place in the list, and the direction from it. Opaque to callers: they hand back what they were given, and anything else
/// is told from it by a checksum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    direction: Direction,
    id: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Direction {
    Older,
    Newer,
}

const CHECKSUM_BYTES: usize = 3;

impl Cursor {
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (direction, rest) = bytes.split_first()?;
        let (id, _) = rest.split_first_chunk()?;
        let direction = match direction {
            b'o' => Direction::Older,
            b'n' => Direction::Newer,
            _ => return None,
        };
        let cursor = Self { direction, id: i64::from_be_bytes(*id) };
        (cursor.bytes() == bytes).then_some(cursor)
    }

    pub fn is_newer(self) -> bool {
        self.direction == Direction::Newer
    }

    fn bytes(self) -> Vec<u8> {
        let direction = match self.direction {
            Direction::Older => b'o',
            Direction::Newer => b'n',
        };
        let mut bytes = vec![direction];
        bytes.extend(self.id.to_be_bytes());
        let checksum = Uuid::new_v5(&Uuid::NAMESPACE_OID, &bytes);
        bytes.extend(checksum.as_bytes().iter().take(CHECKSUM_BYTES));
        bytes
    }
}

impl std::fmt::Display for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.bytes()))
    }
}

/// One page, from `place` on or from the newest order. It asks for one row more than it shows instead of counting.
pub async fn list(pool: &PgPool, filter: &Filter, place: Option<Cursor>, size: u8) -> Result<Page, StoreError> {
    let cursor = place.unwrap_or(Cursor { direction: Direction::Older, id: i64::MAX });
    let statement = match cursor.direction {
        Direction::Older => include_str!("list_older.sql"),
        Direction::Newer => include_str!("list_newer.sql"),
    };
    let first = match filter.from {
        Some(from) => starts_at(pool, from).await?,
        None => i64::MIN,
    };
    // Every order of the last seconds before the end has a number below the first one that is surely later.
    let last = match filter.until {
        Some(until) => starts_at(pool, until + 2 * NUMBERING_SLACK).await?,
        None => i64::MAX,
    };
    let is_exact = filter.amount_min == filter.amount_max;
    let won = |amount: Option<Krw>, wanted: bool| amount.filter(|_| wanted).map(Krw::won);
    // Not a checked query, because those are prepared once, and a plan made for all filters suits none of them.
    let read = || {
        sqlx::query_as::<_, ListedRow>(statement)
            .bind(filter.status.map(OrderStatus::as_str))
            .bind(filter.from)
            .bind(filter.until)
            .bind(won(filter.amount_min, is_exact))
            .bind(won(filter.amount_min, !is_exact))
            .bind(won(filter.amount_max, !is_exact))
            .bind(filter.order_no.map(OrderNo::uuid))
            .bind(filter.payment_key.as_ref().map(PaymentKey::expose))
            .bind(cursor.id)
            .bind(i64::from(size) + 1)
            .bind(first)
            .bind(last)
            .persistent(false)
    };
    let mut rows = within(pool, "list orders", async |c| read().fetch_all(c).await).await?;
    rows.sort_by_key(|row| match cursor.direction {
        Direction::Older => row.id.saturating_neg(),
        Direction::Newer => row.id,
    });
    let more = rows.len() > usize::from(size);
    rows.truncate(usize::from(size));
    let (newer, older) = match cursor.direction {
        Direction::Older => (place.is_some(), more),
        Direction::Newer => {
            rows.reverse();
            (more, true)
        }
    };
    let at = |row: Option<&ListedRow>, direction| row.map(|row| Cursor { direction, id: row.id });
    Ok(Page {
        newer: at(rows.first(), Direction::Newer).filter(|_| newer),
        older: at(rows.last(), Direction::Older).filter(|_| older),
        orders: rows.into_iter().map(ListedOrder::try_from).collect::<Result<_, _>>()?,
    })
}

/// What `starts_at.sql` allows for between the time of an order and its number.
const NUMBERING_SLACK: time::Duration = time::Duration::seconds(10);

async fn starts_at(pool: &PgPool, time: OffsetDateTime) -> Result<i64, StoreError> {
    let find = || sqlx::query_file_scalar!("src/order/starts_at.sql", time);
    within(pool, "find where a day begins", async |c| find().fetch_one(c).await).await
}

#[derive(FromRow)]
struct ListedRow {
    id: i64,
    order_no: Uuid,
    name: String,
    amount: i64,
    status: String,
    created_at: OffsetDateTime,
    customer: String,
    lines: Json<Vec<ListedLine>>,
}

impl TryFrom<ListedRow> for ListedOrder {
    type Error = StoreError;

    fn try_from(row: ListedRow) -> Result<Self, StoreError> {
        let corrupt = |column| StoreError::Corrupt { table: "orders", column, id: row.id };
        Ok(Self {
            order_no: OrderNo(row.order_no),
            amount: Krw::new(row.amount).ok_or_else(|| corrupt("amount"))?,
            status: OrderStatus::parse(&row.status).ok_or_else(|| corrupt("status"))?,
            name: row.name,
            customer: row.customer,
            created_at: row.created_at,
            lines: row.lines.0,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Cursor, Direction};

    #[test]
    fn a_cursor_reads_back_as_itself_and_nothing_else_is_one() {
        for id in [1, 77, i64::MAX] {
            for direction in [Direction::Older, Direction::Newer] {
                let cursor = Cursor { direction, id };
                let text = cursor.to_string();
                assert_eq!(Cursor::parse(&text), Some(cursor));
                for at in 0..text.len() {
                    let other = if text.as_bytes()[at] == b'A' { "B" } else { "A" };
                    let mut garbled = text.clone();
                    garbled.replace_range(at..=at, other);
                    assert_eq!(Cursor::parse(&garbled), None, "{garbled}");
                }
            }
        }
        for text in ["", "1", "AAAA", "!!!!!!!!!!!", "AAAAAAAAAAAAAAAA", "AAAAAAAAAE0"] {
            assert_eq!(Cursor::parse(text), None, "{text}");
        }
    }
}
