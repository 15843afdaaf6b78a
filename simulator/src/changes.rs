//! What follows from a change of a payment's status: rows in the lists of movements, and webhooks to the shop.
//!
//! Whoever changes a status calls [`status_changed`], once for each change and with the payment as the change left it.
//! It is called after the locks are free; two changes of one payment at the same moment may arrive in either order.
//! Expiry is the one change nobody makes: it follows from the clock, so [`time_passed`] looks for it whenever time has
//! moved.

use std::sync::Arc;
use std::time::Duration;

use time::OffsetDateTime;

use crate::Simulator;
use crate::errors::Language;
use crate::events::{self, Event};
use crate::faults::{Place, Then};
use crate::payments::Payment;
use crate::rules::{Endpoint, Subject};
use crate::switches::WebhookOrder;
use crate::webhooks::{Message, Registration};
use crate::wire::{self, PaymentBody};

/// How late an expiry may be noticed, and a due webhook sent.
const TICK: Duration = Duration::from_millis(100);

/// The payment has just reached the status it now has, at `at` on the simulator's clock.
pub(crate) fn status_changed(simulator: &Simulator, payment: &Payment, at: OffsetDateTime) {
    let body = wire::payment(payment, simulator.view(at, Language::Korean));
    simulator.records.with(|records| records.write_down(payment, &body, at));
    announce(simulator, payment, &body, at, |_| true);
}

/// A cancel that waited came to nothing: the payment is what it was, and only the cancel's own webhook tells of it.
pub(crate) fn cancel_failed(simulator: &Simulator, payment: &Payment, at: OffsetDateTime) {
    let body = wire::payment(payment, simulator.view(at, Language::Korean));
    announce(simulator, payment, &body, at, |event| event == Event::CancelStatusChanged);
}

/// Every registration of the merchant gets a message of its own, and each message meets the rules by itself.
fn announce(
    simulator: &Simulator,
    payment: &Payment,
    body: &PaymentBody<'_>,
    at: OffsetDateTime,
    is_told: impl Fn(Event) -> bool,
) {
    let switches = simulator.switches();
    let registrations = simulator.webhooks.of_merchant(&payment.owner.merchant_id);
    for registration in registrations.into_iter().filter(|registration| is_told(registration.event)) {
        let Some(text) = events::text(registration.event, body, at, switches.deposit_offset) else { continue };
        let message = message(&registration, payment, body.status, text.into());
        let subject = Subject {
            endpoint: Endpoint::Webhook,
            order_id: Some(&payment.order_id),
            payment_key: Some(&payment.key),
            idempotency_key: None,
        };
        let by_rule = simulator.rules.take(Place::Webhook, subject).map(|taken| taken.then);
        let fault = by_rule.or_else(|| (switches.webhook_order == WebhookOrder::Before).then_some(Then::Early));
        simulator.webhooks.send(message, fault.as_ref(), at);
    }
}

fn message(registration: &Registration, payment: &Payment, status: &'static str, body: Arc<str>) -> Message {
    Message {
        event: Some(registration.event),
        url: registration.url.clone(),
        order_id: Some(Arc::clone(&payment.order_id)),
        payment_key: Some(Arc::clone(&payment.key)),
        status: Some(status),
        body,
    }
}

/// Announces the payments that have expired by now, and lets webhooks go whose time has come.
pub(crate) fn time_passed(simulator: &Simulator) {
    let now = simulator.clock.now();
    for payment in simulator.payments.with(|table| table.expire(now)) {
        status_changed(simulator, &payment, now);
    }
    simulator.webhooks.changed.notify_one();
}

/// Notices the time that passes by itself, until the simulator stops.
pub(crate) async fn watch_the_clock(simulator: Arc<Simulator>) {
    while simulator.stop.run_until_cancelled(tokio::time::sleep(TICK)).await.is_some() {
        time_passed(&simulator);
    }
}
