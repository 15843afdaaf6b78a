//! A right request for every way into the simulator: what the mutations start from.

use std::collections::VecDeque;

use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{Rng as _, RngExt as _};
use serde_json::{Value, json};
use simulator::{DEFAULT_CLIENT_KEY, DEFAULT_SECRET_KEY, DEFAULT_WIDGET_CLIENT_KEY};

/// How many payments the requests go back to.
const REMEMBERED_MAX: usize = 48;

#[derive(Debug, Clone)]
pub(crate) enum Body {
    None,
    Json(Value),
    Form(Vec<(&'static str, String)>),
}

#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) target: Vec<u8>,
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    pub(crate) body: Body,
}

#[derive(Debug, Clone)]
pub(crate) struct Payment {
    pub(crate) key: String,
    pub(crate) order_id: String,
    amount: i64,
}

/// What the answers so far have told.
#[derive(Debug, Default)]
pub(crate) struct Known {
    pub(crate) payments: VecDeque<Payment>,
    receipts: VecDeque<String>,
    orders: u64,
}

impl Known {
    pub(crate) fn learn(&mut self, answer: &Value) {
        let text = |field: &str| answer.get(field).and_then(Value::as_str).map(str::to_owned);
        let amount = ["totalAmount", "amount"].iter().find_map(|field| answer.get(*field)?.as_i64());
        if let (Some(key), Some(order_id), Some(amount)) = (text("paymentKey"), text("orderId"), amount) {
            self.payments.retain(|payment| payment.key != key);
            self.payments.push_back(Payment { key, order_id, amount });
        }
        self.receipts.extend(text("receiptKey"));
        while self.payments.len() > REMEMBERED_MAX {
            self.payments.pop_front();
        }
        while self.receipts.len() > REMEMBERED_MAX {
            self.receipts.pop_front();
        }
    }

    pub(crate) fn forget(&mut self) {
        self.payments.clear();
        self.receipts.clear();
    }

    /// Mostly a new one; an order may be tried again.
    fn order(&mut self, rng: &mut StdRng) -> String {
        if rng.random_bool(0.2) {
            return self.payment(rng).order_id;
        }
        self.orders += 1;
        format!("fuzz-order-{}", self.orders)
    }

    /// Mostly one of the newest, which are in the state the call expects.
    fn payment(&self, rng: &mut StdRng) -> Payment {
        let reach = if rng.random_bool(0.7) { 3 } else { REMEMBERED_MAX };
        let from = self.payments.len().saturating_sub(reach);
        let newest: Vec<&Payment> = self.payments.range(from..).collect();
        newest.choose(rng).map_or_else(
            || Payment { key: "no-such-payment".to_owned(), order_id: "no-such-order".to_owned(), amount: 1000 },
            |payment| (*payment).clone(),
        )
    }

    fn receipt(&self, rng: &mut StdRng) -> String {
        let all: Vec<&String> = self.receipts.iter().collect();
        all.choose(rng).map_or_else(|| "no-such-receipt".to_owned(), |receipt| (*receipt).clone())
    }
}

fn toss(method: &str, target: impl Into<Vec<u8>>, body: Body) -> Request {
    // base64 of the key and a colon, written by the client as every client does.
    use base64::Engine as _;
    let basic = base64::engine::general_purpose::STANDARD.encode(format!("{DEFAULT_SECRET_KEY}:"));
    let mut request = open(method, target, body);
    request.headers.push(("authorization".to_owned(), format!("Basic {basic}").into_bytes()));
    request
}

fn open(method: &str, target: impl Into<Vec<u8>>, body: Body) -> Request {
    let kind = match body {
        Body::None => None,
        Body::Json(_) => Some("application/json"),
        Body::Form(_) => Some("application/x-www-form-urlencoded"),
    };
    let headers = kind.into_iter().map(|kind| ("content-type".to_owned(), kind.as_bytes().to_vec())).collect();
    Request { method: method.to_owned(), target: target.into(), headers, body }
}

/// A confirm or cancel of what is there, with an idempotency key now and then.
pub(crate) fn any(known: &mut Known, rng: &mut StdRng) -> Request {
    let mut request = match rng.random_range(0..10) {
        0..6 => on_toss(known, rng),
        6 | 7 => in_the_browser(known, rng),
        _ => in_control(known, rng),
    };
    if request.target.starts_with(b"/v1/") && rng.random_bool(0.2) {
        let key = format!("fuzz-{}", rng.random_range(0..200));
        request.headers.push(("idempotency-key".to_owned(), key.into_bytes()));
    }
    if rng.random_bool(0.1) {
        request.headers.push(("accept-language".to_owned(), b"en-US".to_vec()));
    }
    request
}

fn on_toss(known: &mut Known, rng: &mut StdRng) -> Request {
    let Payment { key, order_id, amount } = known.payment(rng);
    let order = known.order(rng);
    let day = rng.random_range(1..28);
    let period = format!("startDate=2026-01-{day:02}T00:00:00&endDate=2036-12-31T00:00:00&limit=100");
    let post = |path: String, body: Value| toss("POST", path, Body::Json(body));
    match rng.random_range(0..16) {
        0..4 => {
            post("/v1/payments/confirm".into(), json!({ "paymentKey": key, "orderId": order_id, "amount": amount }))
        }
        4 | 5 => {
            let part = rng.random_range(1..=amount.max(1));
            let account = json!({ "bank": "20", "accountNumber": "1002123456", "holderName": "김심" });
            let mut body = json!({ "cancelReason": "변심", "cancelAmount": part, "refundReceiveAccount": account, "taxFreeAmount": 0 });
            for field in ["cancelAmount", "refundReceiveAccount", "taxFreeAmount"] {
                if rng.random_bool(0.5) {
                    body.as_object_mut().unwrap().remove(field);
                }
            }
            post(format!("/v1/payments/{key}/cancel"), body)
        }
        6 => toss("GET", format!("/v1/payments/{key}"), Body::None),
        7 => toss("GET", format!("/v1/payments/orders/{order_id}"), Body::None),
        8 => post(
            "/v1/payments".into(),
            json!({ "method": "CARD", "amount": 50000, "currency": "KRW", "orderId": order, "orderName": "책",
                "successUrl": "http://localhost:3000/s?a=b", "failUrl": "http://localhost:3000/f",
                "card": { "cardCompany": "HYUNDAI", "cardInstallmentPlan": 3 }, "taxFreeAmount": 100 }),
        ),
        9 => post(
            "/v1/payments/key-in".into(),
            json!({ "amount": 1000, "orderId": order, "orderName": "책", "cardNumber": "4330123412341234",
                "cardExpirationYear": "40", "cardExpirationMonth": "07", "customerIdentityNumber": "900101", "cardPassword": "12" }),
        ),
        10 => post(
            "/v1/virtual-accounts".into(),
            json!({ "amount": 30000, "orderId": order, "orderName": "책", "customerName": "김심", "bank": "88", "validHours": 24,
                "cashReceipt": { "type": "소득공제", "registrationNumber": "01012341234" } }),
        ),
        11 => post(
            "/v1/cash-receipts".into(),
            json!({ "amount": 9000, "orderId": order, "orderName": "책", "customerIdentityNumber": "01012341234", "type": "소득공제" }),
        ),
        12 => post(format!("/v1/cash-receipts/{}/cancel", known.receipt(rng)), json!({ "amount": 1000 })),
        13 => toss("GET", "/v1/cash-receipts?requestDate=2026-11-25&cursor=0&limit=10", Body::None),
        14 => toss("GET", format!("/v1/transactions?{period}&startingAfter={key}"), Body::None),
        _ if rng.random_bool(0.5) => toss(
            "GET",
            format!("/v1/settlements?startDate=2026-01-01&endDate=2026-12-{day:02}&dateType=soldDate&page=1&size=10"),
            Body::None,
        ),
        _ => post("/v1/settlements".into(), json!({ "paymentKey": key })),
    }
}

fn in_the_browser(known: &mut Known, rng: &mut StdRng) -> Request {
    let Payment { key, .. } = known.payment(rng);
    let order = known.order(rng);
    let mut opening = json!({ "clientKey": DEFAULT_CLIENT_KEY, "method": "CARD", "amount": { "currency": "KRW", "value": 70000 },
        "orderId": order, "orderName": "책", "successUrl": "http://localhost:3000/s", "failUrl": "http://localhost:3000/f" });
    match rng.random_range(0..9) {
        0 | 1 => {}
        2 => {
            opening["clientKey"] = json!(DEFAULT_WIDGET_CLIENT_KEY);
            opening["widget"] = json!(true);
            opening["choice"] = json!({ "method": "EASY_PAY", "easyPay": "NAVERPAY" });
        }
        3 => return open("GET", format!("/window/{key}"), Body::None),
        4 | 5 => {
            let outcome = ["approve", "decline", "cancel", "close", "tamper", "slow"].choose(rng).unwrap();
            let fields = vec![
                ("outcome", (*outcome).to_owned()),
                ("method", "CARD".to_owned()),
                ("cardCompany", "41".to_owned()),
                ("installmentMonths", "3".to_owned()),
                ("declineCode", "REJECT_CARD_PAYMENT".to_owned()),
                ("declineWhen", "window".to_owned()),
                ("tamperedAmount", "7".to_owned()),
                ("slowSeconds", "3".to_owned()),
            ];
            return open("POST", format!("/window/{key}"), Body::Form(fields));
        }
        6 => {
            return open(
                "GET",
                [
                    "/widget/methods",
                    "/widget/agreement",
                    "/widget/window",
                    "/v2/standard",
                    "/v1",
                    "/v1/payment",
                    "/v1/payment-widget",
                ]
                .choose(rng)
                .unwrap()
                .as_bytes(),
                Body::None,
            );
        }
        7 => return open("OPTIONS", "/window/payments", Body::None),
        _ => return open("GET", format!("/v1/payments/{key}/checkout"), Body::None),
    }
    open("POST", "/window/payments", Body::Json(opening))
}

fn in_control(known: &mut Known, rng: &mut StdRng) -> Request {
    let Payment { key, order_id, .. } = known.payment(rng);
    let order = known.order(rng);
    let post = |path: &str, body: Value| open("POST", format!("/control/{path}"), Body::Json(body));
    let get = |path: String| open("GET", format!("/control/{path}"), Body::None);
    match rng.random_range(0..24) {
        0..6 => {
            let method = ["CARD", "VIRTUAL_ACCOUNT", "TRANSFER", "MOBILE_PHONE"].choose(rng).unwrap();
            let mut body = json!({ "orderId": order, "amount": rng.random_range(1..200_000), "orderName": "책", "method": method });
            if rng.random_bool(0.2) {
                body["decline"] = json!("REJECT_CARD_PAYMENT");
            }
            post("authenticate", body)
        }
        6 => post("deposit", json!({ "paymentKey": key, "depositorName": "김심", "late": true })),
        7 => post("revert-deposit", json!({ "paymentKey": key })),
        8 => post("cancel", json!({ "paymentKey": key, "cancelAmount": 1 })),
        9 => post("latency", json!({ "minMs": 0, "maxMs": 1, "effect": "before" })),
        10 => post("clock", json!({ "advanceSeconds": rng.random_range(0..1000) })),
        11 => post("rules", rule(rng)),
        12 => get("rules".into()),
        13 => open("DELETE", format!("/control/rules/{}", rng.next_u32()), Body::None),
        14 => get(format!("ledger?orderId={order_id}&after=0&limit=10")),
        15 => get(format!("requests?orderId={order_id}&limit=5")),
        16 => get(["audit".to_owned(), format!("audit?orderId={order_id}")].choose(rng).unwrap().clone()),
        17 => post("webhooks/manner", json!({ "limitMs": 1000, "success": "200", "newIdEachTry": true })),
        18 => get("webhooks/deliveries?limit=3".into()),
        19 => post(
            "terms",
            json!({ "transactionLagSeconds": 1, "cancelAmounts": "negative", "settlements": "nextDay", "feeBasisPoints": 10, "payOutDays": 2 }),
        ),
        20 => post("rate-limit", json!({ "perMinute": 100_000 })),
        21 => post("merchants", json!({ "merchantId": format!("m{}", rng.random_range(0..500)) })),
        22 => open(
            "POST",
            "/control/page/authenticate",
            Body::Form(vec![
                ("orderId", order),
                ("orderName", "책".into()),
                ("amount", "1,000".into()),
                ("decline", String::new()),
            ]),
        ),
        _ => open("GET", "/control?said=clock", Body::None),
    }
}

/// A rule that strikes queries; `hold` and the long ones are what the impatience of the next request is for.
fn rule(rng: &mut StdRng) -> Value {
    let thens = [
        json!({ "kind": "error", "status": 400, "code": "X", "message": "y" }),
        json!({ "kind": "errorAfter", "status": 500, "code": "PROVIDER_ERROR" }),
        json!({ "kind": "delay", "ms": 5 }),
        json!({ "kind": "delay", "minMs": 1, "maxMs": 3 }),
        json!({ "kind": "delay", "medianMs": 1, "longestMs": 3 }),
        json!({ "kind": "stale", "seconds": 5, "shows": "before" }),
        json!({ "kind": "dropBefore" }),
        json!({ "kind": "hold" }),
        json!({ "kind": "html", "status": 502 }),
        json!({ "kind": "truncate" }),
        json!({ "kind": "oversized", "bytes": 5000 }),
        json!({ "kind": "slowBody", "bytesPerSecond": 9000 }),
        json!({ "kind": "rateLimit", "retryAfterSeconds": 1 }),
    ];
    json!({ "match": { "endpoint": "query", "nth": 1, "probability": 1 }, "times": 1, "seed": 1, "then": thens.choose(rng).unwrap() })
}
