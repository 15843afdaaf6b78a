//! The operator's account: a name and an Argon2id hash, from the settings. There is no default one.
//!
//! Looking at a password takes tens of milliseconds and 19 MiB, so it happens beside the tasks that serve, and a few at a
//! time. It takes as long for a name that nobody has.

use std::{fmt, sync::Arc, time::Duration};

use argon2::{
    Argon2,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use ring::digest;
use secrecy::{ExposeSecret, SecretString};
use shared::operator::Hash;
use subtle::ConstantTimeEq;
use tokio::sync::Semaphore;

/// Passwords looked at together. More would let anybody who can reach the login page take the machine's cores and memory.
const AT_ONCE_MAX: usize = 2;
/// Somebody who waits longer than this for their turn is told to come back.
const TURN_LIMIT: Duration = Duration::from_secs(5);
const NAME_CHARACTERS_MAX: usize = 100;
const PASSWORD_CHARACTERS_MIN: usize = 8;
const SALT_BYTES: usize = 16;

#[derive(Clone)]
pub struct Account(Arc<Inner>);

struct Inner {
    name: String,
    hash: SecretString,
    turns: Semaphore,
}

impl Account {
    /// From a password. It is hashed with a salt made from the name, so that every api makes the same hash and knows the
    /// sessions of the others; this hash never leaves the process.
    pub(crate) fn of_password(name: &str, password: &SecretString) -> Result<Self, String> {
        if password.expose_secret().chars().count() < PASSWORD_CHARACTERS_MIN {
            return Err(format!("OPERATOR_PASSWORD has fewer than {PASSWORD_CHARACTERS_MIN} characters"));
        }
        let salt = sha256(&[b"hanbeon operator", name.as_bytes()]);
        let hash = phc(password.expose_secret(), salt.get(..SALT_BYTES).unwrap_or(&salt))?;
        Self::of_hash(name, hash.into())
    }

    /// From an Argon2id hash in PHC form, as `api hash-password` prints it.
    pub(crate) fn of_hash(name: &str, hash: SecretString) -> Result<Self, String> {
        let parsed = PasswordHash::new(hash.expose_secret());
        if !parsed.is_ok_and(|hash| hash.algorithm.as_str() == "argon2id" && hash.hash.is_some() && hash.salt.is_some())
        {
            return Err("OPERATOR_PASSWORD_HASH is no argon2id hash like $argon2id$v=19$m=19456,t=2,p=1$…$…".to_owned());
        }
        if name.is_empty() || name.chars().count() > NAME_CHARACTERS_MAX || name.chars().any(char::is_control) {
            return Err(format!("OPERATOR_USER is not a name of 1 to {NAME_CHARACTERS_MAX} characters"));
        }
        Ok(Self(Arc::new(Inner { name: name.to_owned(), hash, turns: Semaphore::new(AT_ONCE_MAX) })))
    }

    pub(crate) fn name(&self) -> &str {
        &self.0.name
    }

    /// A turn to look at a password. None: too many others wait for one.
    pub(crate) async fn turn(&self) -> Option<Turn<'_>> {
        let permit = tokio::time::timeout(TURN_LIMIT, self.0.turns.acquire()).await.ok()?.ok()?;
        Some(Turn { account: self, _permit: permit })
    }

    /// What a session's row is found by: its token, and whose session it is under which password.
    pub(crate) fn session_key(&self, token: &[u8]) -> Hash {
        sha256(&[b"session", token, self.0.name.as_bytes(), self.0.hash.expose_secret().as_bytes()])
    }
}

pub(crate) struct Turn<'a> {
    account: &'a Account,
    _permit: tokio::sync::SemaphorePermit<'a>,
}

impl Turn<'_> {
    /// Is this the operator? The hash is computed whoever it is.
    pub(crate) async fn admits(self, name: &str, password: SecretString) -> bool {
        let inner = self.account.0.clone();
        let is_name = sha256(&[name.as_bytes()]).ct_eq(&sha256(&[inner.name.as_bytes()]));
        let verified = tokio::task::spawn_blocking(move || {
            let hash = inner.hash.expose_secret();
            Argon2::default().verify_password(password.expose_secret().as_bytes(), hash).is_ok()
        });
        verified.await.unwrap_or(false) & bool::from(is_name)
    }
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0.name)
    }
}

/// A new hash of a password, for `OPERATOR_PASSWORD_HASH`.
pub fn hash_password(password: &str) -> Result<String, String> {
    phc(password, &rand::random::<[u8; SALT_BYTES]>())
}

fn phc(password: &str, salt: &[u8]) -> Result<String, String> {
    let hash = Argon2::default().hash_password_with_salt(password.as_bytes(), salt);
    hash.map(|hash| hash.to_string()).map_err(|error| format!("the password cannot be hashed: {error}"))
}

/// Each part with its length before it, so that no two lists of parts look alike.
pub(crate) fn sha256(parts: &[&[u8]]) -> Hash {
    let mut context = digest::Context::new(&digest::SHA256);
    for part in parts {
        context.update(&part.len().to_le_bytes());
        context.update(part);
    }
    let mut hash = Hash::default();
    hash.copy_from_slice(context.finish().as_ref());
    hash
}

#[cfg(test)]
mod tests {
    use super::{Account, hash_password, sha256};

    #[tokio::test]
    async fn only_the_exact_name_and_password_are_admitted() {
        let stored = hash_password("pass:word").unwrap().into();
        for account in [
            Account::of_password("operator", &"pass:word".into()).unwrap(),
            Account::of_hash("operator", stored).unwrap(),
        ] {
            for (name, password, admitted) in [
                ("operator", "pass:word", true),
                ("Operator", "pass:word", false),
                ("", "pass:word", false),
                ("operator", "pass:wore", false),
                ("operator", "", false),
                ("operator", "pass:word\0", false),
            ] {
                let turn = account.turn().await.unwrap();
                assert_eq!(turn.admits(name, password.into()).await, admitted, "{name} {password}");
            }
        }
    }

    #[test]
    fn another_password_or_name_knows_no_session_of_the_old() {
        let key = |name, password: &str| Account::of_password(name, &password.into()).unwrap().session_key(b"token");
        assert_eq!(key("operator", "password"), key("operator", "password"), "another api knows it");
        assert_ne!(key("operator", "password"), key("operator", "passwore"));
        assert_ne!(key("operator", "password"), key("operatos", "password"));
        assert_ne!(sha256(&[b"ab", b"c"]), sha256(&[b"a", b"bc"]));
    }

    #[test]
    fn weak_or_broken_credentials_are_refused() {
        let good = hash_password("password").unwrap();
        let check = |name: &str, hash: &str, refused: bool| {
            assert_eq!(Account::of_hash(name, hash.to_owned().into()).is_err(), refused, "{name} {hash}");
        };
        check("operator", &good, false);
        check("", &good, true);
        check("oper\nator", &good, true);
        check("operator", "", true);
        check("operator", "password", true);
        check("operator", &good.replace("argon2id", "argon2i"), true);
        check("operator", "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA", true);
        assert!(Account::of_password("operator", &"seven77".into()).is_err());
    }
}
