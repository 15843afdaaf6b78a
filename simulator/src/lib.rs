//! A stand-in for Toss Payments: its HTTP API, its browser script, its payment window, and a ledger of its own.
//!
//! It exists so that a payment system can be run, tried and broken on one machine without a contract, and so that a
//! test can compare what a client believes with what really moved. It depends on none of the other crates and writes
//! Toss's JSON from its own types. All state is in memory, bounded, and gone at the end.
//!
//! Reading order: [`serve`] (`server`), the routes below, `exchange` (the order of all checks), `operations` (what Toss
//! does), `payments` (the state machine; `approval` and `cancel` in it), `means` (card, virtual account and so on),
//! `idempotency`, `rules` (faults), `wire` (the JSON). Every change of a status passes through `changes`. The other
//! ways in are `sdk`, `widget` and `window` (the shopper), `control` (the test) and `control_page` (a person, at
//! `/control`).
//!
//! # Control API
//!
//! JSON in camelCase under `/control`; a refusal is `{"code","message"}`.
//!
//! | call | what it does |
//! |---|---|
//! | `POST /control/authenticate` | plays the shopper: `{"orderId","amount","orderName"?,"currency"?,"paymentKey"?,"clientKey"?,"decline"?}` → 201 `{"paymentKey","orderId","amount","status":"IN_PROGRESS"}`; `decline` is any Toss code that the confirm shall answer; the means of payment are below |
//! | `POST /control/deposit` | money arrives on a virtual account: `{"paymentKey","depositorName"?,"late"?}`; `late` also after the due date |
//! | `POST /control/revert-deposit` | `{"paymentKey"}`: the bank takes the deposit back, and the payment waits again |
//! | `POST /control/cancel` | a cancel in Toss's own console: `{"paymentKey"}` and the fields of Toss's cancel, the reason optional |
//! | `GET`, `POST /control/merchants` | lists the keys; adds a merchant or keys: `{"merchantId","keys"?:[{"clientKey","secretKey"}]}` → 201, with keys made up when none are given |
//! | `POST /control/merchants/rotate` | `{"clientKey"}` → 201 `{"secretKey","previousUntil"}`: a second secret key beside the old one, which ends in seven days |
//! | `POST /control/merchants/revoke` | `{"secretKey"}`: ends it at once |
//! | `POST /control/latency` | `{"fixedMs"}` or `{"minMs","maxMs"}`, and `"effect": "before"\|"after"`: how long a confirm takes, and on which side of the wait the money moves |
//! | `GET`, `POST /control/clock` | `{"now","advancedSeconds"}`; `{"advanceSeconds"}` moves it forward |
//! | `POST /control/rules` | `{"match":{"endpoint","orderId"?,"paymentKey"?},"times"?,"then":{"kind",…}}` → 201 `{"ruleId"}` |
//! | `GET`, `DELETE /control/rules`, `DELETE /control/rules/{id}` | lists, deletes all, deletes one; deleting releases what a `hold` keeps |
//! | `GET /control/ledger` | `{"entries":[…],"prunedBefore"}`, of `?orderId=` or paged by `?after=&limit=` |
//! | `GET /control/requests` | `{"requests":[…]}`: what arrived on Toss's paths, by the same parameters |
//! | `GET /control/audit` | `{"orders":[…],"totals":{…}}` summed from the ledger; without `?orderId=` the list holds only orders charged twice |
//! | `POST /control/reset` | forgets everything and releases everything |
//!
//! Means of payment, all optional beside the fields of `authenticate`: `method` (`CARD`, `VIRTUAL_ACCOUNT`, `TRANSFER`,
//! `MOBILE_PHONE` or the Korean names), `easyPay` (a provider, or `{"provider","amount"?,"discountAmount"?}`),
//! `cardCompany`, `installmentPlanMonths`, `interestFree`, `bank`, `customerName`, `customerMobilePhone`, `validHours`,
//! `dueDate`, `cashReceipt` (`{"type","registrationNumber"}`), `taxFreeAmount`, `isPartialCancelable`.
//! Deposit, its return and a console's cancel answer `{"paymentKey","orderId","amount","balanceAmount","status"}`.
//!
//! Rule kinds: `error`, `errorAfter` (`status`, `code`, `message`?), `delay` (`ms`), `dropBefore`, `dropAfter`, `hold`,
//! `html` (`status`), `truncate`, `rateLimit` (`retryAfterSeconds`?). Endpoints: `confirm`, `query`, `create`, `cancel`,
//! `virtualAccount`, `keyIn`, `cashReceipt`.

mod amount;
mod answer;
mod call;
mod cancels;
mod cash_receipts;
mod changes;
mod clock;
mod control;
mod control_page;
mod errors;
mod exchange;
mod idempotency;
mod institutions;
mod key_in;
mod keys;
mod ledger;
mod lock;
mod means;
mod merchants;
mod method;
mod opening;
mod operations;
mod payments;
mod requests;
mod rules;
mod sdk;
mod server;
mod settings;
mod toss_api;
mod virtual_accounts;
mod visit;
mod widget;
mod window;
mod wire;

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use cash_receipts::CashReceipts;
use clock::Clock;
use idempotency::Idempotency;
use ledger::Ledger;
use lock::Lock;
use merchants::Merchants;
use payments::Payments;
use requests::Requests;
use rules::Rules;

pub use merchants::{KeyPair, Merchant};
pub use server::{Error, serve};
pub use settings::{
    CancelSwitches, ConsecutiveCancel, DEFAULT_ADDR, DEFAULT_CLIENT_KEY, DEFAULT_SECRET_KEY, DEFAULT_WIDGET_CLIENT_KEY,
    DEFAULT_WIDGET_SECRET_KEY, Effect, Latency, Mismatch, MissingRefundAccount, OrderIds, ReplayErrors, Settings,
    SettingsError, Switches,
};

/// Everything the simulator knows.
#[derive(Debug)]
struct Simulator {
    merchants: Merchants,
    switches: Switches,
    /// Where links to the simulator lead, without a slash at the end.
    base_url: String,
    clock: Clock,
    payments: Lock<Payments>,
    cash_receipts: Lock<CashReceipts>,
    ledger: Lock<Ledger>,
    idempotency: Arc<Idempotency>,
    requests: Lock<Requests>,
    rules: Rules,
    latency: Lock<Latency>,
    latency_at_start: Latency,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Simulator {
    fn new(settings: &Settings, addr: SocketAddr, stop: CancellationToken) -> Self {
        Self {
            merchants: Merchants::new(&settings.merchants),
            switches: settings.switches,
            base_url: settings.public_url.clone().unwrap_or_else(|| format!("http://{addr}")),
            clock: Clock::default(),
            payments: Lock::default(),
            cash_receipts: Lock::default(),
            ledger: Lock::default(),
            idempotency: Arc::default(),
            requests: Lock::default(),
            rules: Rules::default(),
            latency: Lock::new(settings.latency),
            latency_at_start: settings.latency,
            tasks: TaskTracker::new(),
            stop,
        }
    }

    /// Back to the start. A confirm that is still waiting finds its payment gone.
    fn reset(&self) {
        self.rules.delete_all();
        self.merchants.reset();
        self.payments.with(|table| *table = Payments::default());
        self.cash_receipts.with(|table| *table = CashReceipts::default());
        self.ledger.with(|ledger| *ledger = Ledger::default());
        self.idempotency.reset();
        self.requests.with(Requests::reset);
        self.latency.with(|latency| *latency = self.latency_at_start);
        self.clock.reset();
    }
}

fn routes(simulator: Arc<Simulator>) -> Router {
    Router::new()
        .merge(toss_api::routes())
        .merge(sdk::routes())
        .merge(window::routes())
        .merge(widget::routes())
        .merge(control::routes())
        .merge(control_page::routes())
        .route("/livez", get(async || "ok"))
        .with_state(simulator)
}
