//! I5, the part about work: what is unresolved has a live intent, nothing else has one, and at rest none is due or leased.

use super::{
    Strength,
    books::Books,
    report::{Found, Invariant, Subject},
    rows::Order,
};

pub(super) fn judge(order: &Order, strength: Strength, found: &mut Found) {
    let is_unresolved = order.status == "IN_PROGRESS";
    let is_to_check = order.payments.iter().any(|payment| payment.is_to_check);
    let needed = is_unresolved || order.has_live_cancel();
    match &order.intent {
        None if needed => {
            let what = if is_unresolved { "the order is IN_PROGRESS" } else { "a refund is IN_PROGRESS" };
            found.add(Invariant::I5, order, "no live intent", what.to_owned());
        }
        Some(_) if !needed && !is_to_check => {
            found.add(Invariant::I5, order, "intent without a reason", format!("the order is {}", order.status));
        }
        Some(_) | None => {}
    }
    if order.status == "REVIEW" && !is_to_check && order.intent.is_none() {
        let detail = "none of its payments is to be looked up again".to_owned();
        found.add(Invariant::I5, order, "review that nobody looks at", detail);
    }
    if strength == Strength::Running {
        return;
    }
    if order.intent.as_ref().is_some_and(|intent| intent.is_leased) {
        found.add(Invariant::I5, order, "open lease", "somebody still holds its intent".to_owned());
    } else if order.intent.as_ref().is_some_and(|intent| intent.is_due) {
        found.add(Invariant::I5, order, "intent is due", "nobody has taken it".to_owned());
    }
    for payment in order.payments.iter().filter(|payment| payment.is_check_late) {
        let detail = format!("payment {} was to be asked about more than two minutes ago", payment.payment_no);
        found.add(Invariant::I5, order, "check is late", detail);
    }
}

pub(super) fn judge_strays(books: &Books, found: &mut Found) {
    for order in books.late_hints.iter().filter_map(|id| books.orders.get(id)) {
        let detail = "a webhook has waited for more than a minute, and nothing is in its way".to_owned();
        found.add(Invariant::I5, order, "webhook is late", detail);
    }
    for id in &books.strays {
        found.add_about(Invariant::I5, Subject::Whole, "intent without a reason", format!("there is no order {id}"));
    }
}
