//! Random identifiers in the forms Toss uses, so that a client which parses or truncates them is found out here.

use rand::RngExt as _;

const ALPHANUMERIC: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const LOWER_ALPHANUMERIC: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789";

/// The first five characters of the merchant's id, the moment to the second, five random characters.
pub(crate) fn payment_key(merchant_id: &str, moment: &str) -> String {
    let prefix: String = merchant_id.chars().take(5).collect();
    format!("{prefix}{moment}{}", random(ALPHANUMERIC, 5))
}

pub(crate) fn transaction_key() -> String {
    format!("txrd_a01{}", random(LOWER_ALPHANUMERIC, 24))
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
