use askama::Template;
use shared::{
    order::{
        AttemptRecord, CancelRecord, CancelStatus, EventRecord, FailureView, IntentRecord, LineView, OrderRecord,
        OrderStatus, PaymentRecord,
    },
    payment::{PaymentKey, PaymentStatus},
};
use time::macros::datetime;

use super::DetailPage;
use crate::{causes, language::Language, operator::Operator, sample, sheet};

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
        close_requested_at: None,
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
            refund_status: None,
            refund_closed_at: None,
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
            reason: None,
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
        called_off_at: None,
        error: Some(FailureView {
            code: "<b>REFUSAL".to_owned(), message: Some("<b>[ES12] 부분취소 불가".to_owned())
        }),
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
                "&#60;b&#62;REFUSAL &#60;b&#62;[ES12]",
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
fn a_refund_is_called_off_only_while_it_is_under_way_and_people_asked_for_it() {
    let html = |cancel: CancelRecord| {
        let record = OrderRecord { cancels: vec![cancel], ..record(OrderStatus::Done) };
        DetailPage::of(Operator::sample(), record, Language::English).render().unwrap()
    };
    let form = "/cancel/1/call-off\"";
    for status in [CancelStatus::InProgress, CancelStatus::Done, CancelStatus::Failed] {
        assert_eq!(html(cancel(status)).contains(form), status == CancelStatus::InProgress, "{status:?}");
    }
    let by_worker = CancelRecord { actor: "worker".to_owned(), ..cancel(CancelStatus::InProgress) };
    assert!(!html(by_worker).contains(form));
    let called_off_at = Some(datetime!(2026-11-22 05:20:05 UTC));
    let html = html(CancelRecord { called_off_at, ..cancel(CancelStatus::InProgress) });
    assert!(!html.contains(form) && html.contains("called off at 2026-11-22 14:20:05"), "{html}");
}

/// In review for this reason, with an operator's requests after it.
fn in_review(cause: &str) -> OrderRecord {
    let mut order = record(OrderStatus::Review);
    order.intent = None;
    order.cancels = vec![CancelRecord { actor: "worker".to_owned(), ..cancel(CancelStatus::Failed) }];
    order.events.push(EventRecord {
        from_status: Some(OrderStatus::Done),
        ..event(OrderStatus::Review, cause, "worker", None)
    });
    order.events.push(event(OrderStatus::Review, "lookup_requested", "server", None));
    order.events.push(event(OrderStatus::Review, "lookup_requested", "operator", Some("<b>again")));
    order
}

fn event(status: OrderStatus, cause: &str, actor: &str, reason: Option<&str>) -> EventRecord {
    EventRecord {
        id: 8,
        from_status: Some(status),
        to_status: status,
        cause: cause.to_owned(),
        actor: actor.to_owned(),
        payment_no: None,
        reason: reason.map(str::to_owned),
        at: datetime!(2026-11-22 04:30:05 UTC),
    }
}

#[test]
fn an_operator_reads_what_to_do_about_every_review_and_what_closing_leads_to() {
    for cause in causes::all().filter(|cause| causes::leads_to_review(cause)) {
        for language in [Language::Korean, Language::English] {
            let order = in_review(cause);
            let html = DetailPage::of(Operator::sample(), order, language).render().unwrap();
            sample::check_page(&html, language.tag());
            for part in [
                causes::words(cause, language).unwrap(),
                language.pick("종결은 토스페이먼츠의 답을 기다립니다", "Closing waits for the answer of Toss Payments"),
                "/close\"",
                "/lookup\"",
                "&#60;b&#62;again",
            ] {
                assert!(html.contains(part), "{cause}: {part}: {html}");
            }
            assert!(!html.contains(language.pick("남은 일이 없습니다", "Nothing is due.")), "{html}");
            let pending =
                OrderRecord { close_requested_at: Some(datetime!(2026-11-22 05:20:05 UTC)), ..in_review(cause) };
            let html = DetailPage::of(Operator::sample(), pending, language).render().unwrap();
            let waits = language.pick("종결을 요청했습니다", "Closing was asked for at 2026-11-22 14:20:05");
            assert!(html.contains(waits) && !html.contains("/close\""), "{html}");
        }
    }
}

/// Given back into an account, as far as the bank is.
fn into_account(refund_status: &str) -> OrderRecord {
    let mut order = record(OrderStatus::Canceled);
    order.intent = None;
    order.payments[0].status = PaymentStatus::Canceled;
    order.payments[0].balance = Some(sample::krw(0));
    order.payments[0].refund_status = Some(refund_status.to_owned());
    order.cancels = vec![CancelRecord { error: None, ..cancel(CancelStatus::Done) }];
    order.events.push(EventRecord {
        from_status: Some(OrderStatus::Done),
        ..event(OrderStatus::Canceled, "refunded", "worker", None)
    });
    order
}

#[test]
fn only_a_bank_transfer_that_failed_can_be_recorded_as_settled() {
    for (word, is_broken) in
        [("NONE", false), ("PENDING", false), ("FAILED", true), ("PARTIAL_FAILED", true), ("COMPLETED", false)]
    {
        let html = DetailPage::of(Operator::sample(), into_account(word), Language::English).render().unwrap();
        assert!(html.contains(&format!("<span class=\"code\">{word}</span>")), "{html}");
        assert_eq!(html.contains("/refund-closed\""), is_broken, "{word}");
        let is_over = word == "COMPLETED";
        assert_eq!(html.contains("Refunded</span>"), is_over, "{word} {html}");
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
        for cause in causes::all().filter(|cause| causes::leads_to_review(cause)) {
            add(&format!("REVIEW because of {cause}"), in_review(cause));
        }
        let close_requested_at = Some(datetime!(2026-11-22 05:20:05 UTC));
        add("REVIEW, to be closed", OrderRecord { close_requested_at, ..in_review("review_no_proof") });
        let called_off = CancelRecord { called_off_at: close_requested_at, ..cancel(CancelStatus::InProgress) };
        add("a refund that was called off", OrderRecord { cancels: vec![called_off], ..record(OrderStatus::Done) });
        for word in ["PENDING", "FAILED", "COMPLETED"] {
            add(&format!("into an account: {word}"), into_account(word));
        }
        let mut settled = into_account("FAILED");
        settled.payments[0].refund_closed_at = close_requested_at;
        settled.events.push(event(OrderStatus::Canceled, "bank_refund_closed", "operator", Some("<b>sent by hand")));
        add("into an account, settled by the shop", settled);
        let trouble = Some("<b>trouble".to_owned());
        let page = DetailPage { trouble, ..DetailPage::of(Operator::sample(), in_review("refund_refused"), language) };
        sheet.add("what was asked for was not taken", &page.render().unwrap());
    });
}

#[test]
fn an_order_that_nobody_paid_has_a_page_too() {
    let html = DetailPage::of(Operator::sample(), bare(), Language::English).render().unwrap();
    sample::check_page(&html, "en");
    assert!(html.contains("Nothing is due") && html.contains("No call"), "{html}");
}
