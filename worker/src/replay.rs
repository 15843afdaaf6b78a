//! `worker webhooks replay`: has webhooks that were kept looked at again, after the books were restored from a copy or a
//! mistake of ours was mended. The workers do the looking; it is safe to repeat.

use secrecy::SecretString;
use shared::{
    db::{self, Role},
    toss::parse_timestamp,
    webhook::{self, Replay},
};

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "usage: worker webhooks replay --since 2026-01-02T14:46:59 (Korean time, or with a zone)\n   or: worker webhooks replay ID..."
)]
pub struct ReplayError;

/// Reads what stands after `webhooks replay`.
pub fn read_replay(words: &[&str]) -> Result<Replay, ReplayError> {
    match words {
        ["--since", moment] => parse_timestamp(moment).map(Replay::Since).ok_or(ReplayError),
        [] => Err(ReplayError),
        ids => ids.iter().map(|id| id.parse().map_err(|_| ReplayError)).collect::<Result<_, _>>().map(Replay::These),
    }
}

/// Says how many are looked at again.
pub async fn replay(database_url: &SecretString, which: &Replay) -> anyhow::Result<i64> {
    let pool = db::pool(database_url, Role::Worker, 1)?;
    let replayed = webhook::replay(&pool, which).await?;
    pool.close().await;
    Ok(replayed)
}

#[cfg(test)]
mod tests {
    use shared::{toss::parse_timestamp, webhook::Replay};

    use super::{ReplayError, read_replay};

    #[test]
    fn a_replay_names_a_time_or_rows() {
        let since = parse_timestamp("2026-01-02T14:46:59").unwrap();
        assert_eq!(read_replay(&["--since", "2026-01-02T05:46:59Z"]), Ok(Replay::Since(since)));
        assert_eq!(read_replay(&["7", "12"]), Ok(Replay::These(vec![7, 12])));
        let age = "9999-12-31T23:59:59-23:59";
        let since = |text| vec!["--since", text];
        for wrong in [vec![], vec!["--since"], since("yesterday"), since(age), vec!["seven"], vec!["7", "--since"]] {
            assert_eq!(read_replay(&wrong), Err(ReplayError), "{wrong:?}");
        }
    }
}
