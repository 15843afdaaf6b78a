//! A refund ends, whatever Toss answers to it and for however long: made, or FAILED with Toss's own code and words once it is
//! shown that nothing that was sent acted. Then the order is as it was and free for another refund.

use serde_json::{Value, json};
use shared::outbox::Call;
use worker::codes::{Class, rows};

use super::{LIMIT, PRICE, times, wait_for};
use crate::{
    harness::shop::Shop,
    refunds::{over, reason},
};

/// Two minutes are an hour.
const DIVISOR: u32 = 30;

/// How a refund is to end that Toss answers with the same code for ever.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Ends {
    /// It would be refused again: after one send.
    AfterOneSend,
    /// It says neither: sent again under new keys, and given up after an hour.
    AfterAnHour,
    /// Not now, says Toss: only time ends it.
    After(Wait),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Wait {
    /// Of the bank's.
    Day,
    /// Of the shop's contract.
    Week,
}

impl Wait {
    /// A little more than it, as the hurried worker counts.
    fn is_over_after(self) -> String {
        let hours = match self {
            Self::Day => 25,
            Self::Week => 8 * 24,
        };
        format!("{} minutes", hours * 60 / DIVISOR)
    }
}

/// Toss's table of the cancel, by class, and what the class does not tell. A fault of the secret is no answer about a refund.
fn ends(code: &str, class: Class) -> Option<Ends> {
    let ends = match code {
        "NOT_AVAILABLE_BANK" => Ends::After(Wait::Day),
        "EXCEED_CANCEL_LIMIT" | "EXCEED_MAX_REFUND_AMOUNT" => Ends::After(Wait::Week),
        "NOT_CANCELABLE_AMOUNT" => Ends::AfterOneSend,
        _ if matches!(class, Class::Refused(_)) => Ends::AfterOneSend,
        _ => Ends::AfterAnHour,
    };
    (class != Class::Lane).then_some(ends)
}

fn table() -> Vec<(&'static str, Ends)> {
    let unlisted = [("A_CODE_OF_TOMORROW", Class::Unclear), ("ANOTHER_ONE", Class::Unclear)];
    let all = rows(Call::Cancel).iter().chain(&unlisted);
    all.filter_map(|(code, class)| Some((*code, ends(code, *class)?))).collect()
}

fn answer(code: &str) -> Value {
    let status = match code {
        "IDEMPOTENT_REQUEST_PROCESSING" => 409,
        "FAILED_INTERNAL_SYSTEM_PROCESSING" | "PROVIDER_ERROR" | "COMMON_ERROR" => 500,
        _ => 403,
    };
    json!({"kind": "error", "status": status, "code": code, "message": words(code)})
}

/// Toss's message says what to do, so it must be shown as it is.
fn words(code: &str) -> String {
    format!("[{code}] 환불할 수 없습니다.")
}

/// An order whose refund of a part meets the same answer for ever.
struct Refund {
    order: String,
    rule: u64,
}

impl Refund {
    async fn meets(shop: &Shop, then: &Value) -> Self {
        let product = shop.product("Ogu T", PRICE, 1).await;
        let order = shop.paid(PRICE, &[(product, 1)]).await;
        let rule = shop.rule("cancel", &order, then.clone(), None).await;
        shop.refunding(&order, &format!("{order}-part"), over(3_000)).await;
        Self { order, rule }
    }

    async fn epochs(&self, shop: &Shop) -> usize {
        let mut epochs: Vec<i16> = shop.cancels_sent(&self.order).await.iter().map(|sent| sent.epoch).collect();
        epochs.dedup();
        epochs.len()
    }

    /// FAILED, the order paid and free: once Toss is well, everything is given back.
    async fn has_failed(&self, shop: &Shop, what: &str) -> Value {
        let view = wait_for(&format!("{what}: the refund to be FAILED"), LIMIT * 2, async || {
            let view = shop.view(&self.order).await;
            (view["cancels"][0]["status"] == "FAILED").then_some(view)
        })
        .await;
        assert_eq!((&view["status"], &view["payment"]["balance"]), (&json!("DONE"), &json!(PRICE)), "{what}: {view}");
        shop.audit_now().await;
        view
    }

    async fn is_free(&self, shop: &Shop, what: &str) {
        shop.forget_rule(self.rule).await;
        let free = wait_for(&format!("{what}: a second refund to be taken"), LIMIT, async || {
            let answered = shop.refund(&self.order, &format!("{}-all", self.order), reason()).await;
            (answered.code() != "OPERATION_IN_PROGRESS").then_some(answered)
        })
        .await;
        assert_eq!(free.status.as_u16(), 202, "{what}: {}", free.text);
        shop.until(&self.order, "CANCELED").await;
        assert_eq!(shop.held(&self.order).await, 0, "{what}");
        shop.audit_now().await;
    }
}

/// All codes of a kind at once, each for ever to one order's refund.
async fn every_code_that(is_so: impl Fn(Ends) -> bool, act: impl AsyncFn(&Shop, &[(Refund, &'static str, Ends)])) {
    let shop = Shop::hurried_by(DIVISOR, 2).await;
    let mut refunds = Vec::new();
    for (code, ends) in table().into_iter().filter(|(_, ends)| is_so(*ends)) {
        refunds.push((Refund::meets(&shop, &answer(code)).await, code, ends));
    }
    act(&shop, &refunds).await;
    for (refund, code, _) in &refunds {
        let view = refund.has_failed(&shop, code).await;
        let failure = json!({"code": code, "message": words(code)});
        assert_eq!(view["cancels"][0]["failure"], failure, "{code}: {view}");
    }
    for (refund, code, _) in &refunds {
        refund.is_free(&shop, code).await;
    }
    shop.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_code_that_refuses_for_good_ends_its_refund_after_one_send() {
    every_code_that(
        |ends| ends == Ends::AfterOneSend,
        async |shop, refunds| {
            for (refund, code, _) in refunds {
                shop.until_refund_is(&refund.order, 1, "FAILED").await;
                let sent = shop.cancels_sent(&refund.order).await;
                assert_eq!(sent.len(), 1, "{code}: {sent:?}");
            }
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_code_that_decides_nothing_is_tried_under_new_keys_and_given_up_after_an_hour() {
    every_code_that(
        |ends| ends == Ends::AfterAnHour,
        async |shop, refunds| {
            for (refund, code, _) in refunds {
                // A 409 is about the same request: it is repeated under its key.
                if *code == "IDEMPOTENT_REQUEST_PROCESSING" {
                    wait_for(code, LIMIT, async || (shop.cancels_sent(&refund.order).await.len() > 1).then_some(()))
                        .await;
                } else {
                    wait_for(code, LIMIT, async || (refund.epochs(shop).await > 1).then_some(())).await;
                }
                let view = shop.view(&refund.order).await;
                assert_eq!(
                    view["cancels"][0]["status"], "IN_PROGRESS",
                    "{code}: not before an hour has passed: {view}"
                );
            }
            shop.age("61 minutes").await;
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_code_that_says_not_now_waits_until_its_time_is_over() {
    every_code_that(
        |ends| matches!(ends, Ends::After(_)),
        async |shop, refunds| {
            for (refund, code, _) in refunds {
                wait_for(code, LIMIT, async || {
                    let view = shop.view(&refund.order).await;
                    (view["cancels"][0]["putOffBy"] == *code).then_some(())
                })
                .await;
            }
            // Some hours, and more than the others have, end none of them.
            shop.age(&format!("{} minutes", 3 * 60 / DIVISOR)).await;
            for (refund, code, _) in refunds {
                let before = shop.cancels_sent(&refund.order).await.len();
                wait_for(code, LIMIT, async || {
                    shop.due_now().await;
                    (shop.cancels_sent(&refund.order).await.len() > before).then_some(())
                })
                .await;
                assert_eq!(shop.view(&refund.order).await["cancels"][0]["status"], "IN_PROGRESS", "{code}");
            }
            for wait in [Wait::Day, Wait::Week] {
                shop.age(&wait.is_over_after()).await;
                for (refund, code, ends) in refunds {
                    if *ends == Ends::After(wait) {
                        refund.has_failed(shop, code).await;
                    } else if wait == Wait::Day {
                        let view = shop.view(&refund.order).await;
                        assert_eq!(view["cancels"][0]["status"], "IN_PROGRESS", "{code}: a day is too early: {view}");
                    }
                }
            }
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refund_that_is_not_answered_in_any_way_we_understand_is_given_up_too() {
    let shop = Shop::hurried_by(DIVISOR, 2).await;
    let answers = [
        json!({"kind": "dropBefore"}),
        json!({"kind": "html", "status": 502}),
        json!({"kind": "html", "status": 403}),
        json!({"kind": "error", "status": 503, "code": "", "message": ""}),
    ];
    let mut refunds = Vec::new();
    for then in &answers {
        refunds.push((Refund::meets(&shop, then).await, then.to_string()));
    }
    for (refund, shown) in &refunds {
        wait_for(shown, LIMIT, async || (shop.cancels_sent(&refund.order).await.len() > 1).then_some(())).await;
        assert_eq!(shop.view(&refund.order).await["cancels"][0]["status"], "IN_PROGRESS", "{shown}");
    }
    shop.age("61 minutes").await;
    for (refund, shown) in &refunds {
        refund.has_failed(&shop, shown).await;
    }
    for (refund, shown) in &refunds {
        refund.is_free(&shop, shown).await;
    }
    shop.finish().await;
}

/// By the clock alone, with nothing aged.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_hour_of_the_clock_gives_a_refund_up() {
    let shop = Shop::hurried_by(60, 1).await;
    let words = "[ES12] 부분취소 불가한 에스크로 상태 입니다.";
    let code = "FAILED_INTERNAL_SYSTEM_PROCESSING";
    let refund = Refund::meets(&shop, &json!({"kind": "error", "status": 500, "code": code, "message": words})).await;
    let view = refund.has_failed(&shop, code).await;
    assert_eq!(view["cancels"][0]["failure"], json!({"code": code, "message": words}), "{view}");
    let sent = shop.cancels_sent(&refund.order).await;
    let tried_for = sent.last().unwrap().begun_at - sent[0].begun_at;
    assert!(sent.len() > 2 && tried_for < 62_000, "{} sends in {tried_for} ms", sent.len());
    refund.is_free(&shop, code).await;
    shop.finish().await;
}

/// Two shops whose goods are free of tax in part or altogether, as Toss knows and we do not.
#[tokio::test]
async fn a_part_refund_that_does_not_fit_the_tax_free_goods_fails_and_leaves_the_order_free() {
    for (tax_free, exempt, part) in [(4_200, 300, 9_900), (10_000, 0, 3_000)] {
        let shop = Shop::hurried_by(DIVISOR, 1).await;
        let product = shop.product("Book", PRICE, 1).await;
        let order = shop.one(product).await;
        let body = json!({"orderId": order, "amount": PRICE, "method": "TRANSFER", "taxFreeAmount": tax_free,
                          "taxExemptionAmount": exempt});
        let key = shop.control("authenticate", body).await["paymentKey"].as_str().unwrap().to_owned();
        assert_eq!(shop.confirm(&order, &key, PRICE).await.status.as_u16(), 202);
        shop.until(&order, "DONE").await;
        shop.refunding(&order, "part", over(part)).await;
        let view = shop.until_refund_is(&order, 1, "FAILED").await;
        assert_eq!(view["cancels"][0]["failure"]["code"], "NOT_CANCELABLE_AMOUNT", "{view}");
        assert_eq!((&view["status"], &view["payment"]["balance"]), (&json!("DONE"), &json!(PRICE)), "{view}");
        assert_eq!(shop.cancels_sent(&order).await.len(), 1);
        shop.audit_now().await;
        shop.until_outbox_is_empty().await;
        shop.refunding(&order, "all", reason()).await;
        shop.until(&order, "CANCELED").await;
        assert_eq!((shop.held(&order).await, shop.stock(product).await), (0, 1));
        shop.finish().await;
    }
}

/// Whatever came back as an error of Toss's, as a 409 or not at all: the send may still act, for a minute and a half. What is
/// asked meanwhile lags behind and shows the old balance.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_sent_under_a_new_key_while_an_earlier_send_may_still_act() {
    const DIVISOR: i64 = 15;
    let shop = Shop::hurried(2).await;
    let answers = [
        json!({"kind": "error", "status": 500, "code": "FAILED_INTERNAL_SYSTEM_PROCESSING"}),
        json!({"kind": "error", "status": 500, "code": "PROVIDER_ERROR"}),
        json!({"kind": "error", "status": 500, "code": "COMMON_ERROR"}),
        json!({"kind": "error", "status": 503, "code": "A_CODE_OF_TOMORROW"}),
        json!({"kind": "errorAfter", "status": 500, "code": "FAILED_REFUND_PROCESS"}),
        json!({"kind": "errorAfter", "status": 500, "code": "FAILED_PARTIAL_REFUND"}),
    ];
    let mut orders = Vec::new();
    for then in &answers {
        let product = shop.product("Ogu T", PRICE, 1).await;
        let order = shop.paid(PRICE, &[(product, 1)]).await;
        shop.rule("cancel", &order, then.clone(), Some(1)).await;
        // Toss's own copy lags by less than the half minute that is allowed for.
        let lag = json!({"kind": "stale", "seconds": 2, "shows": "beforeCancels"});
        shop.rule("query", &order, lag, None).await;
        shop.refunding(&order, &order, over(3_000)).await;
        orders.push((order, then.to_string()));
    }
    for (order, shown) in &orders {
        let view = shop.until_refund_is(order, 1, "DONE").await;
        assert_eq!(view["payment"]["balance"], 7_000, "{shown}: {view}");
        assert_eq!(shop.held(order).await, 7_000, "{shown}");
        let sent = shop.cancels_sent(order).await;
        for pair in sent.windows(2).filter(|pair| pair[0].epoch != pair[1].epoch) {
            let apart = pair[1].begun_at - pair[0].over_at;
            assert!(apart >= times::SEND_HORIZON / DIVISOR, "{shown}: a new key after {apart} ms: {sent:?}");
        }
        if shown.contains("errorAfter") {
            assert_eq!(sent.len(), 1, "{shown}: Toss made it, and it was sent again: {sent:?}");
        }
    }
    shop.finish().await;
}

/// Puts into Toss's list what a send of ours does that acts long after its answer.
async fn acts_late(shop: &Shop, order: &str) {
    let sent = shop.requests(order).await;
    let ours = sent.iter().find(|request| request["endpoint"] == "cancel").unwrap();
    let mut body: Value = serde_json::from_str(ours["body"].as_str().unwrap()).unwrap();
    body["paymentKey"] = ours["paymentKey"].clone();
    shop.control("cancel", body).await;
}

#[tokio::test]
async fn a_refund_that_acted_after_it_was_called_failed_is_found_and_becomes_done() {
    for (body, status, stock) in [(over(3_000), "PARTIAL_CANCELED", 0), (reason(), "CANCELED", 1)] {
        let shop = Shop::hurried_by(DIVISOR, 1).await;
        let product = shop.product("Ogu T", PRICE, 1).await;
        let order = shop.paid(PRICE, &[(product, 1)]).await;
        shop.rule("cancel", &order, answer("NOT_CANCELABLE_PAYMENT"), Some(1)).await;
        shop.refunding(&order, "a-key", body).await;
        shop.until_refund_is(&order, 1, "FAILED").await;
        acts_late(&shop, &order).await;
        shop.look_back().await;
        let view = shop.until_refund_is(&order, 1, "DONE").await;
        assert_eq!((&view["status"], &view["cancels"][0]["failure"]), (&json!(status), &Value::Null), "{view}");
        assert!(shop.causes(&order).await.iter().any(|cause| cause == "refund_found_late"), "{view}");
        assert_eq!((shop.stock(product).await, &view["payment"]["balance"]), (stock, &json!(shop.held(&order).await)));
        shop.audit_now().await;
        shop.finish().await;
    }
}

#[tokio::test]
async fn what_was_called_failed_is_looked_up_after_a_quarter_of_an_hour_an_hour_and_a_day() {
    let shop = Shop::hurried_by(DIVISOR, 1).await;
    let product = shop.product("Ogu T", PRICE, 1).await;
    let order = shop.paid(PRICE, &[(product, 1)]).await;
    shop.rule("cancel", &order, answer("NOT_CANCELABLE_PAYMENT"), Some(1)).await;
    shop.refunding(&order, "a-key", reason()).await;
    shop.until_refund_is(&order, 1, "FAILED").await;
    let next = async || {
        wait_for("the next lookup to be planned", LIMIT, async || {
            let ahead = "select coalesce(extract(epoch from min(check_at) - now()), -1)::bigint from payments";
            Some(shop.database.number(ahead).await).filter(|to_come| *to_come > 0)
        })
        .await
    };
    // These may or may not be in a hurry with the rest of the worker: nothing waits for them.
    let divisor = if next().await > 15 * 60 / i64::from(DIVISOR) { 1 } else { i64::from(DIVISOR) };
    // The minutes until the next lookup, at most, and the age of the failure at which that one is made.
    for (minutes, age) in [(15, 16), (60, 61), (24 * 60, 24 * 60 + 1)] {
        let (at_most, to_come) = (minutes * 60 / divisor, next().await);
        assert!((at_most / 3..=at_most).contains(&to_come), "in {to_come} s, not {at_most}");
        // As if the time had come.
        let age = age * 60 / divisor;
        shop.database.execute(&format!("update cancels set finished_at = now() - interval '{age} seconds'")).await;
        shop.look_back().await;
        assert_eq!(shop.view(&order).await["cancels"][0]["status"], "FAILED");
    }
    shop.finish().await;
}

#[tokio::test]
async fn a_refund_of_the_workers_own_that_ends_unmade_is_shown_to_an_operator() {
    for code in ["FAILED_INTERNAL_SYSTEM_PROCESSING", "A_CODE_OF_TOMORROW", "NOT_CANCELABLE_AMOUNT"] {
        let shop = Shop::hurried_by(DIVISOR, 1).await;
        let product = shop.product("Ogu T", PRICE, 1).await;
        let order = shop.one(product).await;
        let key = shop.lied_to(&order).await;
        let other = shop.buys(product).await;
        shop.until(&other, "DONE").await;
        shop.rule("cancel", &order, answer(code), None).await;
        shop.database.execute("update payments set check_at = now() where status = 'ABORTED'").await;
        wait_for("the refund to be sent", LIMIT, async || (!shop.cancels_sent(&order).await.is_empty()).then_some(()))
            .await;
        shop.age("61 minutes").await;
        shop.until(&order, "REVIEW").await;
        shop.audit_now().await;
        let view = shop.view(&order).await;
        assert_eq!((&view["moneyMoved"], &view["cancels"][0]["status"]), (&json!(true), &json!("FAILED")), "{view}");
        assert_eq!(view["cancels"][0]["failure"]["code"], code, "{view}");
        assert_eq!((shop.held_by(&order, &key).await, shop.stock(product).await), (PRICE, 0));
        shop.finish().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refund_that_is_called_off_is_not_sent_again_and_ends_once_its_sends_are_over() {
    const DIVISOR: i64 = 15;
    for code in ["FAILED_INTERNAL_SYSTEM_PROCESSING", "A_CODE_OF_TOMORROW", "NOT_AVAILABLE_BANK", "EXCEED_CANCEL_LIMIT"]
    {
        let shop = Shop::hurried(1).await;
        let refund = Refund::meets(&shop, &answer(code)).await;
        wait_for("the first send", LIMIT, async || (!shop.cancels_sent(&refund.order).await.is_empty()).then_some(()))
            .await;
        shop.call_off(&refund.order).await;
        let view = refund.has_failed(&shop, code).await;
        assert_eq!(view["cancels"][0]["failure"]["code"], code, "{view}");
        let called_off =
            shop.database.number("select (extract(epoch from called_off_at) * 1000)::bigint from cancels").await;
        let sent = shop.cancels_sent(&refund.order).await;
        let ended = shop.database.number("select (extract(epoch from finished_at) * 1000)::bigint from cancels").await;
        assert!(sent.iter().all(|sent| sent.begun_at <= called_off + 100), "{code}: {sent:?}");
        let after = ended - sent.last().unwrap().over_at;
        let may_still_act = code.starts_with("FAILED");
        let least = if may_still_act { times::SEND_HORIZON } else { times::BETWEEN_LOOKUPS };
        assert!(after >= least / DIVISOR - 100, "{code}: called failed {after} ms after its last send");
        refund.is_free(&shop, code).await;
        shop.finish().await;
    }
}

#[tokio::test]
async fn a_refund_that_is_called_off_after_toss_made_it_is_done() {
    let shop = Shop::hurried(1).await;
    let product = shop.product("Ogu T", PRICE, 1).await;
    let order = shop.paid(PRICE, &[(product, 1)]).await;
    let then = json!({"kind": "errorAfter", "status": 500, "code": "FAILED_REFUND_PROCESS"});
    shop.rule("cancel", &order, then, Some(1)).await;
    shop.rule("query", &order, json!({"kind": "stale", "seconds": 4, "shows": "beforeCancels"}), None).await;
    shop.refunding(&order, "a-key", reason()).await;
    wait_for("the send", LIMIT, async || (!shop.cancels_sent(&order).await.is_empty()).then_some(())).await;
    shop.call_off(&order).await;
    let view = shop.until_refund_is(&order, 1, "DONE").await;
    assert_eq!(
        (&view["status"], shop.held(&order).await, shop.stock(product).await),
        (&json!("CANCELED"), 0, 1),
        "{view}"
    );
    shop.finish().await;
}
