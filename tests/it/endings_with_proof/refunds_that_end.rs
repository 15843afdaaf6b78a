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
pub(super) const DIVISOR: u32 = 30;

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

pub(super) fn answer(code: &str) -> Value {
    let status = match code {
        "IDEMPOTENT_REQUEST_PROCESSING" => 409,
        "FAILED_INTERNAL_SYSTEM_PROCESSING" | "PROVIDER_ERROR" | "COMMON_ERROR" => 500,
        _ => 403,
    };
    json!({"kind": "error", "status": status, "code": code, "message": words(code)})
}

/// Toss's message says what to do, so it must be shown as it is.
pub(super) fn words(code: &str) -> String {
    format!("[{code}] 환불할 수 없습니다.")
}

/// An order whose refund of a part meets the same answer for ever.
pub(super) struct Refund {
    pub(super) order: String,
    pub(super) rule: u64,
}

impl Refund {
    pub(super) async fn meets(shop: &Shop, then: &Value) -> Self {
        let product = shop.product("Ogu T", PRICE, 1).await;
        let order = shop.paid(PRICE, &[(product, 1)]).await;
        let rule = shop.rule("cancel", &order, then.clone(), None).await;
        shop.refunding(&order, &format!("{order}-part"), over(3_000)).await;
        Self { order, rule }
    }

    pub(super) async fn epochs(&self, shop: &Shop) -> usize {
        let mut epochs: Vec<i16> = shop.cancels_sent(&self.order).await.iter().map(|sent| sent.epoch).collect();
        epochs.dedup();
        epochs.len()
    }

    /// FAILED, the order paid and free: once Toss is well, everything is given back.
    pub(super) async fn has_failed(&self, shop: &Shop, what: &str) -> Value {
        let view = wait_for(&format!("{what}: the refund to be FAILED"), LIMIT * 2, async || {
            let view = shop.view(&self.order).await;
            (view["cancels"][0]["status"] == "FAILED").then_some(view)
        })
        .await;
        assert_eq!((&view["status"], &view["payment"]["balance"]), (&json!("DONE"), &json!(PRICE)), "{what}: {view}");
        shop.audit_now().await;
        view
    }

    pub(super) async fn is_free(&self, shop: &Shop, what: &str) {
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
