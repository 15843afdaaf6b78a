//! An order as a page may meet it, for the tests that render pages.

use shared::{
    money::Krw,
    order::{EventView, LineView, OrderNo, OrderStatus, OrderView, PaymentView},
    payment::{PaymentKey, PaymentStatus},
};
use time::{Duration, macros::datetime};

pub(crate) const PAYMENT_KEY: &str = "tgen_20260622173813Ab3dE";

/// In this state, with every text that comes from outside trying to be markup.
pub(crate) fn order(status: OrderStatus) -> OrderView {
    let created_at = datetime!(2026-11-22 04:20:05 UTC);
    let event = |from_status, to_status| EventView {
        from_status,
        to_status,
        cause: "<b>cause</b>".to_owned(),
        at: created_at + Duration::MINUTE,
    };
    let has_payment = status != OrderStatus::Ready;
    OrderView {
        order_no: OrderNo::generate(),
        name: "<b>컵</b> 외 1건".to_owned(),
        amount: krw(50_000),
        status,
        created_at,
        expires_at: created_at + Duration::minutes(45),
        read_at: created_at + Duration::minutes(2),
        lines: vec![LineView { product_id: 1, name: "<b>컵</b>".to_owned(), unit_price: krw(25_000), quantity: 2 }],
        payments: has_payment.then(payment).into_iter().collect(),
        events: has_payment.then(|| event(Some(OrderStatus::Ready), status)).into_iter().collect(),
    }
}

fn payment() -> PaymentView {
    PaymentView {
        payment_key: PaymentKey::parse(PAYMENT_KEY).unwrap(),
        status: PaymentStatus::InProgress,
        amount: krw(50_000),
        balance: Some(krw(30_000)),
        method: Some("<b>카드</b>".to_owned()),
        receipt_url: Some("https://toss.example/receipt?a=1&b=<b>".to_owned()),
        accepted_at: datetime!(2026-11-22 04:21:05 UTC),
        approved_at: Some(datetime!(2026-11-22 04:21:06 UTC)),
        next_look_at: Some(datetime!(2026-11-22 04:23:07 UTC)),
    }
}

pub(crate) fn krw(won: i64) -> Krw {
    Krw::new(won).unwrap()
}

/// What must hold for every page: its language, a title, nobody else's markup, no whole paymentKey.
pub(crate) fn check_page(html: &str, language: &str) {
    assert!(html.contains(&format!("<html lang=\"{language}\">")), "{html}");
    assert!(!html.contains("<title> ·"), "{html}");
    assert!(!html.contains("<b>") && !html.contains("javascript:"), "{html}");
}
