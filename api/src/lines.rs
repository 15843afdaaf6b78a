//! An order's lines as pages show them; `templates/lines.html` is the other half.

use shared::{
    money::Krw,
    order::{LineView, OrderView},
};

use crate::language::Language;

pub(crate) struct LineRow {
    pub(crate) name: String,
    pub(crate) unit_price: String,
    pub(crate) quantity: i32,
    pub(crate) sum: String,
}

pub(crate) fn line_rows(order: &OrderView, language: Language) -> Vec<LineRow> {
    rows_of(&order.lines, language)
}

pub(crate) fn rows_of(lines: &[LineView], language: Language) -> Vec<LineRow> {
    let rows = lines.iter().map(|line| {
        let sum = line.unit_price.won().checked_mul(line.quantity.into()).and_then(Krw::new);
        LineRow {
            name: line.name.clone(),
            unit_price: language.won(line.unit_price),
            quantity: line.quantity,
            // A part of the order's amount, which is in range.
            sum: sum.map(|sum| language.won(sum)).unwrap_or_default(),
        }
    });
    rows.collect()
}
