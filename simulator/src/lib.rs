//! A stand-in for Toss Payments: its HTTP API, its browser script, its payment window, and a ledger of its own.
//!
//! It exists so that a payment system can be run, tried and broken on one machine without a contract, and so that a
//! test can compare what a client believes with what really moved. It depends on none of the other crates and writes
//! Toss's JSON from its own types. All state is in memory, bounded, and gone at the end.
//!
//! Reading order: [`serve`] (`server`), the routes below, `exchange` (the order of all checks), `operations` (what Toss
//! does), `payments` (the state machine; `confirm`, `approval` and `cancel` in it), `switches`, `means` (card, virtual account and so on),
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
//! | `POST /control/cancel-status` | `{"paymentKey","cancelStatus": "DONE"\|"ABORTED"}`: a foreign wallet decides the cancel that waits for it |
//! | `POST /control/refund-status` | `{"paymentKey","refundStatus": "NONE"\|"PENDING"\|"FAILED"\|"PARTIAL_FAILED"\|"COMPLETED"}`: how far the bank is with what was given back into an account. No webhook tells of it |
//! | `GET`, `POST /control/merchants` | lists the keys; adds a merchant or keys: `{"merchantId","keys"?:[{"clientKey","secretKey"}]}` → 201, with keys made up when none are given |
//! | `POST /control/merchants/rotate` | `{"clientKey"}` → 201 `{"secretKey","previousUntil"}`: a second secret key beside the old one, which ends in seven days |
//! | `POST /control/merchants/revoke` | `{"secretKey"}`: ends it at once |
//! | `POST /control/latency` | `{"fixedMs"}` or `{"minMs","maxMs"}`, and `"effect": "before"\|"after"`: how long a confirm takes, and on which side of the wait the money moves |
//! | `GET`, `POST /control/clock` | `{"now","advancedSeconds","frozen"}`; `{"advanceSeconds"?,"frozen"?}` moves it forward, stops it or lets it go on |
//! | `GET`, `POST /control/switches` | how it answers where Toss is not documented: any of [`Switches`], `{"orderQuery":"first"}`; what is not named keeps its value |
//! | `GET /control/codes` | every error code: `{"code","status","korean","english","englishIsPublished"}`; an English text that is not published is ours |
//! | `POST /control/rules` | a rule, see below → 201 `{"ruleId"}` |
//! | `GET`, `DELETE /control/rules`, `DELETE /control/rules/{id}` | lists, deletes all, deletes one; deleting releases what a `hold` keeps |
//! | `GET /control/ledger` | `{"entries":[…],"prunedBefore"}` in the smallest unit of the currency, cents of dollars; of `?orderId=` or paged by `?after=&limit=` |
//! | `GET /control/requests` | `{"requests":[…]}`: what arrived on Toss's paths, by the same parameters |
//! | `GET /control/audit` | `{"orders":[…],"totals":{…}}` summed from the ledger; without `?orderId=` the list holds only orders charged twice |
//! | `GET`, `POST /control/webhooks` | lists; `{"event","url","merchantId"?}` → 201 `{"webhookId"}`, event `PAYMENT_STATUS_CHANGED`, `DEPOSIT_CALLBACK` or `CANCEL_STATUS_CHANGED` |
//! | `DELETE /control/webhooks`, `/{id}` | deletes all registrations or one |
//! | `POST /control/webhooks/manner` | `{"limitMs"}`: how long a shop may take to answer |
//! | `GET /control/webhooks/deliveries` | `{"deliveries":[…],"dropped"}` with every try, by `?orderId=` or `?after=&limit=` |
//! | `POST /control/webhooks/deliveries/{id}/resend` | starts one anew |
//! | `POST /control/webhooks/forge` | `{"url","body"}` → 201 `{"deliveryId"}`: sends this as if it came from Toss |
//! | `GET`, `POST /control/terms` | the lists of movements: `{"transactionLagSeconds"?,"feeBasisPoints"?,"payOutDays"?}`; what is not named has its default |
//! | `POST /control/reset` | forgets everything and releases everything |
//!
//! Means of payment, all optional beside the fields of `authenticate`: `method` (`CARD`, `VIRTUAL_ACCOUNT`, `TRANSFER`,
//! `MOBILE_PHONE`, `CULTURE_GIFT_CERTIFICATE` and the two others, `FOREIGN_EASY_PAY`, or the Korean names),
//! `foreignEasyPay` (a wallet: `PAYPAL`, `ALIPAY` …), `easyPay` (a provider, or `{"provider","amount"?,"discountAmount"?}`),
//! `cardCompany`, `installmentPlanMonths`, `interestFree`, `bank`, `customerName`, `customerMobilePhone`, `validHours`,
//! `dueDate`, `cashReceipt` (`{"type","registrationNumber"}`), `taxFreeAmount`, `taxExemptionAmount`, `useEscrow`,
//! `isPartialCancelable`.
//! Deposit, its return and a console's cancel answer `{"paymentKey","orderId","amount","balanceAmount","status"}`.
//!
//! # Rules
//!
//! A rule is `{"match":{"endpoint","orderId"?,"paymentKey"?,"idempotencyKey"?,"nth"?,"probability"?},"times"?,"seed"?,
//! "then":{"kind",…}}`. `nth` counts from 1 what the rest of the match covers; `probability` is 0 to 1 and strikes the
//! same requests again under the same `seed`. `SIMULATOR_RULES_FILE` names a JSON array of rules to start with, and to
//! come back to after a reset.
//!
//! | kind | what happens |
//! |---|---|
//! | `error`, `errorAfter` | `status`, `code`, `message`?: this error, before or after acting |
//! | `delay` | `ms`; or `minMs`, `maxMs`; or `medianMs`, `longestMs` for a heavy tail (a quarter takes twice the median) |
//! | `stale` | a query that does not see an approval of the last `seconds`: 404, or with `"shows":"before"` the payment as it was; `"beforeCancels"` hides the cancels of the last `seconds` instead |
//! | `dropBefore`, `dropAfter` | the connection closes without an answer, before or after acting |
//! | `hold` | acts, and answers when the rule is deleted |
//! | `html` | `status`: a proxy's page |
//! | `truncate`, `oversized`, `slowBody` | half the JSON; JSON of at least `bytes`; `bytesPerSecond` |
//! | `rateLimit` | 429, with `retryAfterSeconds`? |
//! | `early`, `late` | a webhook sent before the answer of the call that caused it, or `seconds` later on the clock |
//! | `twice`, `reordered`, `lost` | a webhook sent twice under one id, kept back until the next to its address, never sent |
//!
//! Endpoints: `confirm`, `query`, `create`, `cancel`, `virtualAccount`, `keyIn`, `cashReceipt`, `transactions`, `settlements`; and `webhook` for the last two rows.

mod amount;
mod answer;
mod call;
mod cancels;
mod cash_receipts;
mod changes;
mod clock;
mod control;
mod control_page;
mod courier;
mod deliveries;
mod errors;
mod events;
mod exchange;
mod faults;
mod flood;
mod idempotency;
mod institutions;
mod key_in;
mod keys;
mod ledger;
mod listing;
mod lock;
mod means;
mod merchants;
mod method;
mod opening;
mod operations;
mod order;
mod payments;
mod record_control;
mod records;
mod requests;
mod rules;
mod rules_file;
mod sdk;
mod server;
mod settings;
mod settlements;
mod spoil;
mod stale;
mod switches;
mod toss_api;
mod transactions;
mod virtual_accounts;
mod visit;
mod webhook_control;
mod webhooks;
mod widget;
mod window;
mod wire;

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use cash_receipts::CashReceipts;
use clock::Clock;
use errors::Language;
use flood::Flood;
use idempotency::Idempotency;
use ledger::Ledger;
use lock::Lock;
use merchants::Merchants;
use payments::Payments;
use records::Records;
use requests::Requests;
use rules::Rules;
use webhooks::Webhooks;
use wire::View;

pub use merchants::{KeyPair, Merchant};
pub use rules_file::RulesFileError;
pub use server::{Error, serve};
pub use settings::{
    DEFAULT_ADDR, DEFAULT_CLIENT_KEY, DEFAULT_SECRET_KEY, DEFAULT_WIDGET_CLIENT_KEY, DEFAULT_WIDGET_SECRET_KEY, Effect,
    Latency, Settings, SettingsError,
};
pub use switches::{
    ApiVersion, CancelAmounts, CancelVat, ConcurrentConfirm, ConsecutiveCancel, Declined, DepositOffset, LateReconfirm,
    Mismatch, MissingRefundAccount, OldKeys, OrderIds, OrderQuery, ReadyConfirm, RepeatedOrder, ReplayErrors,
    ReplayRefusals, Settlements, Switches, TooManyRequests, UnfinishedQuery, UnknownPaymentKey, UnpaidCancel,
    WebhookIds, WebhookOrder, WebhookSuccess, WholeCancel,
};

/// Everything the simulator knows.
#[derive(Debug)]
struct Simulator {
    merchants: Merchants,
    switches: Lock<Switches>,
    switches_at_start: Switches,
    /// Where links to the simulator lead, without a slash at the end.
    base_url: String,
    clock: Clock,
    payments: Lock<Payments>,
    cash_receipts: Lock<CashReceipts>,
    ledger: Lock<Ledger>,
    idempotency: Arc<Idempotency>,
    requests: Lock<Requests>,
    rules: Rules,
    flood: Flood,
    webhooks: Webhooks,
    records: Lock<Records>,
    latency: Lock<Latency>,
    latency_at_start: Latency,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Simulator {
    fn new(settings: &Settings, rules: Rules, addr: SocketAddr, stop: CancellationToken) -> Self {
        let merchants = Merchants::new(&settings.merchants);
        let hooked = settings.webhook_url.as_ref().and_then(|url| Some((merchants.id(None)?, url.parse().ok()?)));
        Self {
            merchants,
            switches: Lock::new(settings.switches),
            switches_at_start: settings.switches,
            base_url: settings.public_url.clone().unwrap_or_else(|| format!("http://{addr}")),
            clock: Clock::default(),
            payments: Lock::default(),
            cash_receipts: Lock::default(),
            ledger: Lock::default(),
            idempotency: Arc::default(),
            requests: Lock::default(),
            rules,
            flood: Flood::default(),
            webhooks: Webhooks::starting_with(hooked),
            records: Lock::default(),
            latency: Lock::new(settings.latency),
            latency_at_start: settings.latency,
            tasks: TaskTracker::new(),
            stop,
        }
    }

    fn view(&self, now: OffsetDateTime, language: Language) -> View<'_> {
        View { now, language, base_url: &self.base_url, switches: self.switches() }
    }

    fn switches(&self) -> Switches {
        self.switches.with(|switches| *switches)
    }

    /// Back to the start. A confirm that is still waiting finds its payment gone.
    fn reset(&self) {
        self.rules.reset();
        self.switches.with(|switches| *switches = self.switches_at_start);
        self.flood.forget();
        self.webhooks.reset();
        self.records.with(|records| *records = Records::default());
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
        .merge(webhook_control::routes())
        .merge(record_control::routes())
        .merge(control_page::routes())
        .route("/livez", get(async || "ok"))
        .with_state(simulator)
}
