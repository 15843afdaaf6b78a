//! What Toss does for a merchant: confirm a payment and show it here, the rest in the modules that are named here.
//!
//! By the time a call arrives here the caller is known and no earlier answer exists. Nothing waits under a lock; the
//! approval itself is one short critical section in which status and ledger move together.

use std::time::Duration;

use serde_json::Value;

use crate::Simulator;
use crate::amount::Written;
use crate::answer::Answer;
use crate::call::{Call, Operation};
use crate::cancels;
use crate::cash_receipts::{self as receipts, CashReceipt};
use crate::changes;
use crate::clock;
use crate::errors::{Code, INVALID_REQUEST, NOT_FOUND_PAYMENT};
use crate::key_in;
use crate::ledger::Kind;
use crate::merchants::Owner;
use crate::opening;
use crate::payments::confirm::Confirm;
use crate::payments::{Payment, Status};
use crate::settings::Effect;
use crate::switches::{Switches, UnfinishedQuery};
use crate::{order, settlements, transactions, virtual_accounts, wire};

/// Longer ones cannot be Toss's own.
const PAYMENT_KEY_LENGTH_MAX: usize = 200;

/// Answers a call, taking `delay` longer than usual.
pub(crate) async fn operate(simulator: &Simulator, call: &Call, caller: Owner, delay: Duration) -> Answer {
    // A confirm takes a time of its own, and adds the delay to it.
    if !matches!(call.operation, Operation::Confirm) {
        wait(delay).await;
    }
    work(simulator, call, caller, delay).await.unwrap_or_else(|code| Answer::error(code, call.language))
}

async fn work(simulator: &Simulator, call: &Call, caller: Owner, delay: Duration) -> Result<Answer, Code> {
    let receipt =
        |receipt: &CashReceipt| Answer::ok(&wire::cash_receipts::body(receipt, simulator.clock.now(), call.language));
    let payment = match &call.operation {
        Operation::Confirm => confirm(simulator, call, caller, delay).await?,
        Operation::Create => opening::from_server(simulator, &call.body, caller)?,
        Operation::Cancel(key) => cancels::from_merchant(simulator, key, &call.body, caller)?,
        Operation::VirtualAccount => virtual_accounts::issue(simulator, &call.body, caller)?,
        Operation::KeyIn => key_in::pay(simulator, &call.body, caller)?,
        Operation::QueryByKey(key) => {
            let found = simulator.payments.with(|table| table.get(key).cloned());
            visible(simulator, found, &caller)?
        }
        Operation::QueryByOrder(order_id) => {
            let which = simulator.switches().order_query;
            let found = simulator.payments.with(|table| table.by_order(order_id, which).cloned());
            visible(simulator, found, &caller)?
        }
        Operation::Transactions => return transactions::list(simulator, call, &caller),
        Operation::Settlements => return settlements::list(simulator, call, &caller),
        Operation::Settle => return settlements::ask_for(simulator, call, &caller),
        Operation::IssueCashReceipt => {
            return Ok(receipt(&receipts::issue(simulator, &call.body, &caller)?));
        }
        Operation::CancelCashReceipt(key) => {
            return Ok(receipt(&receipts::cancel(simulator, key, &call.body, &caller)?));
        }
        Operation::ListCashReceipts => {
            let page = receipts::list(simulator, call.query.as_deref(), &caller)?;
            return Ok(Answer::ok(&wire::cash_receipts::page(&page, simulator.clock.now(), call.language)));
        }
        Operation::Unknown(code) => return Err(*code),
    };
    Ok(Answer::ok(&wire::payment(&payment, simulator.view(simulator.clock.now(), call.language))))
}

/// A merchant sees its own payments; somebody else's do not exist.
fn visible(simulator: &Simulator, payment: Option<Payment>, caller: &Owner) -> Result<Payment, Code> {
    let now = simulator.clock.now();
    let is_shown = |payment: &Payment| match simulator.switches().unfinished_query {
        UnfinishedQuery::Show => true,
        UnfinishedQuery::Hide => !matches!(payment.status(now), Status::Ready | Status::InProgress),
    };
    payment.filter(|payment| payment.owner.same_merchant(caller) && is_shown(payment)).ok_or(NOT_FOUND_PAYMENT)
}

async fn confirm(simulator: &Simulator, call: &Call, caller: Owner, delay: Duration) -> Result<Payment, Code> {
    let asked = read_confirm(call, caller, simulator.switches())?;
    let latency = simulator.latency.with(|latency| *latency);
    let time_taken = latency.draw() + delay;
    simulator.payments.with(|table| table.begin_confirm(&asked))?;
    if latency.effect == Effect::After {
        wait(time_taken).await;
    }
    let decided = approve(simulator, &asked);
    if latency.effect == Effect::Before {
        wait(time_taken).await;
    }
    simulator.payments.with(|table| table.end_confirm(&asked.payment_key));
    decided
}

fn approve(simulator: &Simulator, asked: &Confirm) -> Result<Payment, Code> {
    let now = simulator.clock.now();
    let payment = simulator.payments.with(|table| {
        let payment = table.confirm(asked, now)?;
        if payment.approval().is_some() {
            simulator.ledger.with(|ledger| {
                ledger.append(Kind::Approval, &payment.order_id, &payment.key, payment.amount, clock::wire(now));
            });
        }
        Ok(payment)
    })?;
    changes::status_changed(simulator, &payment, now);
    if let Status::Aborted(code) = payment.status(now) { Err(code) } else { Ok(payment) }
}

/// The three fields of a confirm; whatever else the body holds is ignored, as Toss does.
fn read_confirm(call: &Call, caller: Owner, switches: Switches) -> Result<Confirm, Code> {
    let text = |value: &Value, length_max: usize| {
        value.as_str().filter(|text| (1..=length_max).contains(&text.len())).map(str::to_owned).ok_or(INVALID_REQUEST)
    };
    Ok(Confirm {
        payment_key: text(&call.named.payment_key, PAYMENT_KEY_LENGTH_MAX)?,
        order_id: text(&call.named.order_id, order::LENGTH_MAX)?,
        amount: Written::read(&call.named.amount).ok_or(INVALID_REQUEST)?,
        caller,
        received_at: call.received_at,
        switches,
    })
}

/// Even a sleep of nothing costs a turn of the timer, so none is taken.
async fn wait(time: Duration) {
    if !time.is_zero() {
        tokio::time::sleep(time).await;
    }
}
