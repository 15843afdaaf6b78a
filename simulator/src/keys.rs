//! Random identifiers in the forms Toss uses, so that a client which parses or truncates them is found out here.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;

use rand::RngExt as _;

use crate::means::Means;

const ALPHANUMERIC: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const UPPER_HEXADECIMAL: &[u8] = b"0123456789ABCDEF";
const DIGITS: &[u8] = b"0123456789";
const LOWER_ALPHANUMERIC: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789";

/// The first five characters of the merchant's id, the moment to the second, five random characters.
pub(crate) fn payment_key(merchant_id: &str, moment: &str) -> String {
    let prefix: String = merchant_id.chars().take(5).collect();
    format!("{prefix}{moment}{}", random(ALPHANUMERIC, 5))
}

/// Virtual accounts have kept the older form: 32 hexadecimal digits.
pub(crate) fn transaction_key(means: &Means) -> Arc<str> {
    match means {
        Means::VirtualAccount(_) => random(UPPER_HEXADECIMAL, 32).into(),
        Means::Card(_)
        | Means::EasyPay(_)
        | Means::Transfer { .. }
        | Means::MobilePhone { .. }
        | Means::GiftCertificate { .. }
        | Means::ForeignEasyPay { .. } => format!("txrd_a01{}", random(LOWER_ALPHANUMERIC, 24)).into(),
    }
}

/// Toss's test accounts start with an X, so that nobody pays into one, nor gets a refund on one.
pub(crate) fn account_number() -> String {
    format!("X{}", random(DIGITS, 13))
}

/// The same for the same key at the same bank.
pub(crate) fn fixed_account_number(bank: &str, key: &str) -> String {
    let mut hasher = DefaultHasher::new();
    (bank, key).hash(&mut hasher);
    format!("X{:013}", hasher.finish() % 10_000_000_000_000)
}

/// A client or secret key behind its prefix.
pub(crate) fn merchant_key(prefix: &str) -> String {
    format!("{prefix}{}", random(ALPHANUMERIC, 24))
}

/// Of a cash receipt.
pub(crate) fn receipt_key() -> String {
    random(ALPHANUMERIC, 32)
}

/// The tax office's number of a cash receipt.
pub(crate) fn issue_number() -> String {
    random(DIGITS, 9)
}

/// The value that goes with a payment's webhooks.
pub(crate) fn secret() -> String {
    format!("ps_{}", random(ALPHANUMERIC, 28))
}

pub(crate) fn transmission_id() -> String {
    format!("whtrans_a01{}", random(LOWER_ALPHANUMERIC, 24))
}

/// 32 hexadecimal digits.
pub(crate) fn trace_id() -> String {
    format!("{:032x}", rand::random::<u128>())
}

fn random(alphabet: &[u8], length: usize) -> String {
    let mut rng = rand::rng();
    (0..length).map(|_| char::from(alphabet[rng.random_range(0..alphabet.len())])).collect()
}
