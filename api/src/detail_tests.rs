use askama::Template;
use shared::{
    order::{
        AttemptRecord, CancelRecord, CancelStatus, EventRecord, IntentRecord, LineView, OrderRecord, OrderStatus,
        PaymentRecord,
    },
    payment::{PaymentKey, PaymentStatus},
};
use time::macros::datetime;

use super::DetailPage;
use crate::{language::Language, operator::Operator, sample, sheet};

/// With everything an order can have, and every text that comes from outside trying to be markup.
fn record(status: OrderStatus) -> OrderRecord {
    let at = datetime!(2026-11-22 04:20:05 UTC);
    let evil = || "<b>evil</b>".to_owned();
    OrderRecord {
        order_no: sample::order_no(0),
        name: evil(),
        customer: evil(),
        amount: sample::krw(50_000),
        status,
        paid_by: Some(1),
        created_at: at,
        expires_at: at,
        lines: vec![LineView {
            product_id: 1,
            name: evil(),
            unit_price: sample::krw(25_000),
            quantity: 2,
            refunded: 0,
        }],
        payments: vec![PaymentRecord {
            payment_no: 1,
            payment_key: PaymentKey::parse(sample::PAYMENT_KEY).unwrap(),
            status: PaymentStatus::Done,
            amount: sample::krw(50_000),
            balance: Some(sample::krw(49_000)),
            method: Some(evil()),
            key_epoch: 3,
            ask_first: true,
            sent_with: Some("test_sk:1a2b".to_owned()),
            accepted_at: at,
            approved_at: Some(at),
            unanswered_at: Some(at),
            check_at: Some(at),
            refusal: Some(evil()),
        }],
        cancels: [CancelStatus::InProgress, CancelStatus::Done, CancelStatus::Failed].into_iter().map(cancel).collect(),
        intent: Some(IntentRecord {
            kind: 2,
            payment_no: 1,
            due_at: at,
            leased_until: Some(at),
            lease_owner: Some("77".to_owned()),
            fence: 5,
            attempts: 4,
            snoozes: 3,
        }),
        attempts: vec![attempt(Some(200), "approved", false), attempt(None, "repeat", true)],
        has_more_attempts: true,
        events: vec![EventRecord {
            id: 7,
            from_status: Some(OrderStatus::InProgress),
            to_status: OrderStatus::Done,
            cause: "toss_approved".to_owned(),
            actor: "worker".to_owned(),
            payment_no: Some(1),
            at,
        }],
    }
}

fn cancel(status: CancelStatus) -> CancelRecord {
    CancelRecord {
        cancel_no: 1,
        payment_no: 1,
        status,
        amount: sample::krw(1_000),
        expected_balance: sample::krw(50_000),
        reason: "<b>reason</b>".to_owned(),
        actor: "operator".to_owned(),
        key_epoch: 2,
        requested_at: datetime!(2026-11-22 04:20:05 UTC),
        finished_at: None,
        refusal: Some("<b>REFUSAL".to_owned()),
    }
}

fn attempt(http_status: Option<i16>, outcome: &str, stale: bool) -> AttemptRecord {
    AttemptRecord {
        call: "confirm".to_owned(),
        payment_no: 1,
        cancel_no: Some(2),
        key_epoch: 3,
        api_key_id: "test_sk:1a2b".to_owned(),
        finished_at: datetime!(2026-11-22 04:20:05 UTC),
        duration_ms: 1_234,
        http_status,
        code: Some("<b>CODE".to_owned()),
        trace_id: Some("<b>trace".to_owned()),
        outcome: outcome.to_owned(),
        stale,
    }
}

#[test]
fn an_operator_sees_everything_but_whole_keys() {
    for status in OrderStatus::ALL {
        for language in [Language::Korean, Language::English] {
            let html = DetailPage::of(Operator::sample(), record(status), language).render().unwrap();
            sample::check_page(&html, language.tag());
            assert!(!html.contains(sample::PAYMENT_KEY), "{html}");
            for part in [
                "tgen_2…b3dE",
                "1234",
                "toss_approved",
                "test_sk:1a2b",
                "&#60;b&#62;CODE",
                "&#60;b&#62;trace",
                "49,000",
            ] {
                assert!(html.contains(part), "{part}: {html}");
            }
            assert!(html.contains(language.pick("답 없음", "no answer")), "{html}");
        }
    }
}

/// Made, and nothing more.
fn bare() -> OrderRecord {
    OrderRecord {
        payments: Vec::new(),
        cancels: Vec::new(),
        intent: None,
        attempts: Vec::new(),
        has_more_attempts: false,
        events: Vec::new(),
        ..record(OrderStatus::Ready)
    }
}

#[test]
fn the_page_is_as_its_sheets_show_it() {
    sheet::draw("detail", |sheet, language| {
        let mut add = |name: &str, record| {
            sheet.add(name, &DetailPage::of(Operator::sample(), record, language).render().unwrap());
        };
        for status in OrderStatus::ALL {
            add(status.as_str(), OrderRecord { status, ..bare() });
        }
        add("with all that there can be", record(OrderStatus::Done));
        let intent = record(OrderStatus::InProgress).intent.map(|intent| IntentRecord {
            leased_until: None,
            lease_owner: None,
            ..intent
        });
        let waiting = OrderRecord { intent, ..bare() };
        add("an intent that nobody has in hand", waiting);
    });
}

#[test]
fn an_order_that_nobody_paid_has_a_page_too() {
    let html = DetailPage::of(Operator::sample(), bare(), Language::English).render().unwrap();
    sample::check_page(&html, "en");
    assert!(html.contains("Nothing is due") && html.contains("No call"), "{html}");
}
