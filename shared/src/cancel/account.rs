//! The account that a refund goes to. It is somebody's personal data: it shows itself nowhere, is encrypted in our tables
//! with a key that the database does not have, and is erased when its refund ends.

use std::fmt;

use base64::{Engine, engine::general_purpose::STANDARD};
use ring::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    digest, hmac,
    rand::{SecureRandom, SystemRandom},
};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::settings::Env;

/// Where the money of a virtual account is returned to. Bounds are Toss's (API reference, `refundReceiveAccount`).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RefundAccount {
    bank: String,
    account_number: String,
    holder_name: String,
}

/// What is wrong with an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountFault {
    /// Not a bank's code of two or three digits.
    Bank,
    /// Not 1 to 20 digits.
    Number,
    /// Not 1 to 60 characters.
    Holder,
}

impl RefundAccount {
    const NUMBER_LENGTH_MAX: usize = 20;
    const HOLDER_LENGTH_MAX: usize = 60;

    pub fn parse(bank: &str, account_number: &str, holder_name: &str) -> Result<Self, AccountFault> {
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(bank) || !(2..=3).contains(&bank.len()) {
            return Err(AccountFault::Bank);
        }
        if !digits(account_number) || account_number.len() > Self::NUMBER_LENGTH_MAX {
            return Err(AccountFault::Number);
        }
        let holder_name = holder_name.trim();
        let length = holder_name.chars().count();
        if !(1..=Self::HOLDER_LENGTH_MAX).contains(&length) || holder_name.chars().any(char::is_control) {
            return Err(AccountFault::Holder);
        }
        Ok(Self {
            bank: bank.to_owned(),
            account_number: account_number.to_owned(),
            holder_name: holder_name.to_owned(),
        })
    }
}

impl fmt::Debug for RefundAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[REDACTED]")
    }
}

/// The key under which requests that name an account are kept: `REFUND_ACCOUNT_KEY`, the same for api and worker.
#[derive(Clone)]
pub struct AccountKey(SecretString);

impl AccountKey {
    const BYTES: usize = 32;

    /// 32 bytes in base64.
    pub fn parse(text: &SecretString) -> Option<Self> {
        let key = Self(text.expose_secret().trim().into());
        (key.bytes()?.len() == Self::BYTES).then_some(key)
    }

    /// `REFUND_ACCOUNT_KEY` or `REFUND_ACCOUNT_KEY_FILE`. Without it no refund can go to an account.
    pub fn read(env: &mut Env) -> Option<Self> {
        let text = env.secret("REFUND_ACCOUNT_KEY")?;
        let key = Self::parse(&text);
        if key.is_none() {
            env.mistake("REFUND_ACCOUNT_KEY is not 32 bytes in base64");
        }
        key
    }

    fn bytes(&self) -> Option<Vec<u8>> {
        STANDARD.decode(self.0.expose_secret()).ok()
    }

    fn cipher(&self) -> Option<LessSafeKey> {
        UnboundKey::new(&AES_256_GCM, &self.bytes()?).ok().map(LessSafeKey::new)
    }

    /// Encrypts, bound to the refund that it belongs to. `None`: this machine has no random numbers.
    pub fn seal(&self, mark: Uuid, plain: &[u8]) -> Option<Vec<u8>> {
        let mut nonce = [0; NONCE_LEN];
        SystemRandom::new().fill(&mut nonce).ok()?;
        let mut sealed = plain.to_vec();
        let bound_to = Aad::from(mark.as_bytes());
        self.cipher()?.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), bound_to, &mut sealed).ok()?;
        Some([nonce.as_slice(), &sealed].concat())
    }

    /// `None`: sealed under another key, for another refund, or not by us.
    pub fn open(&self, mark: Uuid, sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, sealed) = sealed.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut plain = sealed.to_vec();
        let length = self.cipher()?.open_in_place(nonce, Aad::from(mark.as_bytes()), &mut plain).ok()?.len();
        plain.truncate(length);
        Some(plain)
    }
}

impl fmt::Debug for AccountKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[REDACTED]")
    }
}

/// A hash that tells one request from another. With a key, because it covers an account number, and those can be guessed.
pub(super) fn fingerprint(key: Option<&AccountKey>, bytes: &[u8]) -> Vec<u8> {
    match key.and_then(AccountKey::bytes) {
        Some(key) => hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), bytes).as_ref().to_vec(),
        None => digest::digest(&digest::SHA256, bytes).as_ref().to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use base64::{Engine, engine::general_purpose::STANDARD};
    use uuid::Uuid;

    use super::{AccountFault, AccountKey, RefundAccount, fingerprint};

    fn key(byte: u8) -> AccountKey {
        AccountKey::parse(&STANDARD.encode([byte; 32]).into()).unwrap()
    }

    #[test]
    fn what_was_sealed_opens_under_its_key_for_its_refund_and_not_otherwise() {
        let (ours, other) = (Uuid::now_v7(), Uuid::now_v7());
        let sealed = key(1).seal(ours, b"110123456789").unwrap();
        assert!(!sealed.windows(6).any(|part| part == b"110123"));
        assert_ne!(sealed, key(1).seal(ours, b"110123456789").unwrap(), "a nonce of its own each time");
        assert_eq!(key(1).open(ours, &sealed).as_deref(), Some(b"110123456789".as_slice()));
        assert_eq!(key(2).open(ours, &sealed), None);
        assert_eq!(key(1).open(other, &sealed), None);
        let mut bent = sealed.clone();
        bent[20] ^= 1;
        assert_eq!(key(1).open(ours, &bent), None);
        assert_eq!(key(1).open(ours, &sealed[..8]), None);
    }

    #[test]
    fn a_key_is_32_bytes_in_base64() {
        assert!(AccountKey::parse(&format!(" {}\n", STANDARD.encode([7; 32])).into()).is_some());
        for text in ["", "key", &STANDARD.encode([7; 16]), &STANDARD.encode([7; 33])] {
            assert!(AccountKey::parse(&text.to_owned().into()).is_none(), "{text}");
        }
    }

    #[test]
    fn an_account_is_within_the_bounds_of_toss() {
        let check = |bank: &str, number: &str, holder: &str, fault: Option<AccountFault>| {
            assert_eq!(RefundAccount::parse(bank, number, holder).err(), fault, "{bank} {number} {holder}");
        };
        check("88", "110123456789", "김한번", None);
        check("090", "1", &"김".repeat(60), None);
        for bank in ["", "8", "8888", "신한", "8 "] {
            check(bank, "110123456789", "김한번", Some(AccountFault::Bank));
        }
        for number in ["", "110-123-456789", "X6514161", &"1".repeat(21)] {
            check("88", number, "김한번", Some(AccountFault::Number));
        }
        for holder in ["", " ", "김\n한번", &"김".repeat(61)] {
            check("88", "110123456789", holder, Some(AccountFault::Holder));
        }
        let account = RefundAccount::parse("88", "110123456789", "김한번").unwrap();
        assert!(!format!("{account:?}").contains("110123"));
    }

    #[test]
    fn a_fingerprint_cannot_be_guessed_without_the_key() {
        assert_eq!(fingerprint(Some(&key(1)), b"a"), fingerprint(Some(&key(1)), b"a"));
        assert_ne!(fingerprint(Some(&key(1)), b"a"), fingerprint(Some(&key(2)), b"a"));
        assert_ne!(fingerprint(None, b"a"), fingerprint(None, b"b"));
    }
}
