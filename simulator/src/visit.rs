//! A shopper's visit to the payment window: what the shop asked for, and how it learns the end.
//!
//! A shop that names two addresses is told by a redirect, with Toss's parameters after the ones already there. A shop
//! that names none waits in its own page for a promise, and is told by a message to that page's origin and to no other.
//! Addresses are checked when the payment is opened, so that the window never follows anything else.

use serde_json::{Value, json};
use url::Url;

use crate::errors::{Code, Language, PAY_PROCESS_CANCELED};
use crate::means::Choice;
use crate::method::{Kind, Method};
use crate::payments::Payment;

#[derive(Debug)]
pub(crate) struct Visit {
    pub(crate) way_back: WayBack,
    /// The origin of the shop's page: the only one that may frame the window or be told how it ended.
    pub(crate) origin: Option<String>,
    /// Opened by a payment widget: the shopper has chosen the method in the shop's page already.
    pub(crate) is_widget: bool,
    /// What the shopper may choose from in the window.
    pub(crate) offered: &'static [Kind],
    /// What is chosen when the window opens.
    pub(crate) preset: Method,
    /// The preset is the shop's or the widget's word, and the window offers nothing else.
    pub(crate) is_fixed: bool,
    /// The shop's own options, which hold whatever the shopper chooses.
    pub(crate) asked: Choice,
}

#[derive(Debug)]
pub(crate) enum WayBack {
    Redirect { success: Url, fail: Url },
    Promise,
}

/// How a visit ended, as the shop learns it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum End {
    /// The amount the shop is told, which a tampered redirect makes a false one.
    Authenticated {
        amount: i64,
    },
    Failed(Code),
    /// The shopper closed the window. A redirect tells nobody; a promise is told.
    Closed,
}

impl Visit {
    pub(crate) fn is_promise(&self) -> bool {
        matches!(self.way_back, WayBack::Promise)
    }

    /// Where the shopper is sent; None for a promise and for a window that was closed.
    pub(crate) fn address(&self, payment: &Payment, end: End, language: Language) -> Option<Url> {
        let WayBack::Redirect { success, fail } = &self.way_back else { return None };
        match end {
            End::Authenticated { amount } => {
                let mut address = success.clone();
                address
                    .query_pairs_mut()
                    .append_pair("paymentType", "NORMAL")
                    .append_pair("orderId", &payment.order_id)
                    .append_pair("paymentKey", &payment.key)
                    .append_pair("amount", &payment.sum(amount).to_string());
                Some(address)
            }
            End::Failed(code) => {
                let mut address = fail.clone();
                address.query_pairs_mut().append_pair("code", code.name()).append_pair("message", code.text(language));
                // Toss names the order in every failure but the shopper's own.
                if code != PAY_PROCESS_CANCELED {
                    address.query_pairs_mut().append_pair("orderId", &payment.order_id);
                }
                Some(address)
            }
            End::Closed => None,
        }
    }

    /// What the script in the shop's page is told, so that it can settle its promise.
    pub(crate) fn message(&self, payment: &Payment, end: End, language: Language) -> Value {
        let outcome = match end {
            End::Authenticated { amount } => {
                let mut result = json!({
                    "paymentKey": payment.key,
                    "orderId": payment.order_id,
                    "amount": { "currency": payment.currency.code(), "value": payment.sum(amount) },
                });
                if self.is_widget {
                    result["paymentType"] = json!("NORMAL");
                }
                json!({ "result": result })
            }
            End::Failed(code) if code != PAY_PROCESS_CANCELED => {
                json!({ "error": { "code": code.name(), "message": code.text(language) } })
            }
            End::Failed(_) | End::Closed => {
                let message = match language {
                    Language::Korean => "사용자가 결제를 취소했습니다.",
                    Language::English => "The user has canceled the payment.",
                };
                json!({ "error": { "code": "USER_CANCEL", "message": message } })
            }
        };
        json!({ "visit": payment.key, "end": outcome })
    }
}
