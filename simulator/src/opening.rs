//! Opening a payment: the request of a merchant's server or of the browser script, checked field by field.
//!
//! Both ask for the same thing and differ in who vouches for it: a secret key there, a client key here. Only a browser
//! may leave out the addresses to return to (it then waits for a promise) and bring a choice made in a widget.
//! Options of the method that the simulator does not know are ignored.

use axum::body::Bytes;
use serde::Deserialize;
use serde_json::Value;
use url::Url;

use crate::Simulator;
use crate::amount::{Sum, Untaxed, Written};
use crate::cash_receipts::Wanted;
use crate::errors::{
    BELOW_ZERO_AMOUNT, Code, INCORRECT_FAIL_URL_FORMAT, INCORRECT_SUCCESS_URL_FORMAT, INVALID_CLIENT_KEY,
    INVALID_CURRENCY, INVALID_ORDER_ID, INVALID_ORDER_NAME, INVALID_REQUEST, NOT_SUPPORTED_METHOD,
};
use crate::means::{Choice, NamedEasyPay};
use crate::merchants::Owner;
use crate::method::{Fields, Kind, Method};
use crate::order::{is_order_id, is_order_name, not_opened};
use crate::payments::{Currency, Opening, Payment};
use crate::visit::{Visit, WayBack};

/// The fields the simulator knows; customer and card details are accepted and ignored.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Request {
    client_key: Option<String>,
    method: Option<String>,
    #[serde(default)]
    amount: Value,
    currency: Option<String>,
    order_id: Option<String>,
    order_name: Option<String>,
    success_url: Option<String>,
    fail_url: Option<String>,
    #[serde(default)]
    tax_free_amount: Value,
    #[serde(default)]
    tax_exemption_amount: Value,
    #[serde(default)]
    use_escrow: bool,
    #[serde(default)]
    card: CardOptions,
    #[serde(default)]
    virtual_account: AccountOptions,
    #[serde(default)]
    transfer: TransferOptions,
    #[serde(default)]
    foreign_easy_pay: WalletOptions,
    /// The same in SDK v1's words.
    provider: Option<String>,
    customer_name: Option<String>,
    customer_mobile_phone: Option<String>,
    /// From the browser script: the method was chosen in a payment widget.
    #[serde(default)]
    widget: bool,
    /// From the browser script: what the shop or the widget has fixed.
    choice: Option<Fields>,
    #[serde(default)]
    sandbox: Sandbox,
}

/// Lets an automated test of a shop pass the window without a shopper.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Sandbox {
    payment_result: Option<PaymentResult>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum PaymentResult {
    Success,
    Fail,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct CardOptions {
    easy_pay: Option<NamedEasyPay>,
    card_company: Option<String>,
    card_installment_plan: Option<u8>,
    tax_exemption_amount: Value,
    use_escrow: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct AccountOptions {
    bank: Option<String>,
    valid_hours: Value,
    due_date: Option<String>,
    cash_receipt: Value,
    use_escrow: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct TransferOptions {
    bank: Option<String>,
    cash_receipt: Value,
    use_escrow: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct WalletOptions {
    provider: Option<String>,
}

/// For a merchant's server, which has shown its secret key.
pub(crate) fn from_server(simulator: &Simulator, body: &Bytes, caller: Owner) -> Result<Payment, Code> {
    let request = Request { widget: false, choice: None, ..read(body)? };
    open(simulator, request, Asker::Server, caller)
}

/// For the browser script, which names a client key. `origin` is that of the shop's page.
pub(crate) fn from_browser(
    simulator: &Simulator,
    body: &Bytes,
    origin: Option<String>,
) -> Result<(Payment, Option<PaymentResult>), Code> {
    let request = read(body)?;
    let sandbox = request.sandbox.payment_result;
    let client_key = request.client_key.as_deref().ok_or(INVALID_CLIENT_KEY)?;
    let owner = simulator.merchants.client(Some(client_key)).ok_or(INVALID_CLIENT_KEY)?;
    Ok((open(simulator, request, Asker::Page { origin }, owner)?, sandbox))
}

fn read(body: &Bytes) -> Result<Request, Code> {
    serde_json::from_slice(body).map_err(|_| INVALID_REQUEST)
}

enum Asker {
    Server,
    Page { origin: Option<String> },
}

fn open(simulator: &Simulator, mut request: Request, from: Asker, owner: Owner) -> Result<Payment, Code> {
    let offered = match request.method.as_deref() {
        _ if request.widget => Kind::ALL,
        named => named.and_then(Kind::offered).ok_or(NOT_SUPPORTED_METHOD)?,
    };
    let (amount, currency) = money(&request)?;
    let exempt = [&request.tax_exemption_amount, &request.card.tax_exemption_amount];
    let exempt = exempt.into_iter().find(|part| !part.is_null()).unwrap_or(&Value::Null);
    let untaxed = Untaxed::read(&request.tax_free_amount, exempt, Sum { units: amount, currency })?;
    let escrow = request.use_escrow
        || request.card.use_escrow
        || request.virtual_account.use_escrow
        || request.transfer.use_escrow;
    let now = simulator.clock.now();
    let asked = asked(&mut request)?;
    let amount_krw = (currency == Currency::Krw).then_some(amount);
    let preset = match &request.choice {
        Some(choice) => Method::read(choice, offered, amount_krw)?,
        None => Method::asked(&asked, offered, amount_krw)?,
    };
    let means = match &request.choice {
        Some(_) => preset.means(&asked, amount, now)?,
        None => asked.clone().means(amount, now)?,
    };
    let order_id = request
        .order_id
        .filter(|order_id| is_order_id(order_id, simulator.switches().order_ids))
        .ok_or(INVALID_ORDER_ID)?;
    let order_name = request.order_name.filter(|order_name| is_order_name(order_name)).ok_or(INVALID_ORDER_NAME)?;
    means.check_currency(currency)?;
    let is_fixed = request.choice.is_some() || preset.is_exact();
    let (origin, way_back) = match (from, request.success_url, request.fail_url) {
        (Asker::Page { origin }, None, None) => (origin, WayBack::Promise),
        (Asker::Page { origin }, success, fail) => (origin, addresses(success, fail)?),
        (Asker::Server, success, fail) => (None, addresses(success, fail)?),
    };
    let visit = Visit { way_back, origin, is_widget: request.widget, offered, preset, is_fixed, asked };
    let opening = Opening {
        key: None,
        owner,
        order_id,
        order_name,
        currency,
        amount,
        untaxed,
        escrow,
        means,
        partial_cancelable: None,
        visit: Some(visit),
    };
    simulator.payments.with(|table| table.open(opening, now)).map_err(|refused| not_opened(&refused))
}

/// The method's options as the shop asks for them.
fn asked(request: &mut Request) -> Result<Choice, Code> {
    let receipt = match request.method.as_deref() {
        Some("TRANSFER" | "계좌이체") => &request.transfer.cash_receipt,
        Some(_) | None => &request.virtual_account.cash_receipt,
    };
    Ok(Choice {
        cash_receipt: Wanted::read(receipt)?,
        method: request.method.take(),
        easy_pay: request.card.easy_pay.take(),
        foreign_easy_pay: request.foreign_easy_pay.provider.take().or_else(|| request.provider.take()),
        card_company: request.card.card_company.take(),
        installment_plan_months: request.card.card_installment_plan,
        interest_free: false,
        bank: request.virtual_account.bank.take().or_else(|| request.transfer.bank.take()),
        customer_name: request.customer_name.take(),
        customer_mobile_phone: request.customer_mobile_phone.take(),
        valid_hours: request.virtual_account.valid_hours.take(),
        due_date: request.virtual_account.due_date.take(),
    })
}

/// The amount is a number beside a currency, or an object that holds both.
fn money(request: &Request) -> Result<(i64, Currency), Code> {
    let (value, currency) = match request.amount.as_object() {
        Some(amount) => (amount.get("value").unwrap_or(&Value::Null), amount.get("currency").and_then(Value::as_str)),
        None => (&request.amount, request.currency.as_deref()),
    };
    let currency = Currency::find(currency.unwrap_or("KRW")).ok_or(INVALID_CURRENCY)?;
    let amount = Written::read(value).and_then(|amount| amount.in_units_of(currency)).ok_or(INVALID_REQUEST)?;
    if amount > 0 { Ok((amount, currency)) } else { Err(BELOW_ZERO_AMOUNT) }
}

fn addresses(success: Option<String>, fail: Option<String>) -> Result<WayBack, Code> {
    Ok(WayBack::Redirect {
        success: web_address(success).ok_or(INCORRECT_SUCCESS_URL_FORMAT)?,
        fail: web_address(fail).ok_or(INCORRECT_FAIL_URL_FORMAT)?,
    })
}

/// Only http and https: the window follows this address, and `javascript:` would run in it.
fn web_address(text: Option<String>) -> Option<Url> {
    Url::parse(&text?).ok().filter(|url| matches!(url.scheme(), "http" | "https"))
}
