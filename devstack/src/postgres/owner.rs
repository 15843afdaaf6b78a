//! The account that runs PostgreSQL's programs and owns its data.
//!
//! PostgreSQL refuses to be root, and in containers we usually are. Then its programs run as `postgres`, or as `nobody`
//! where that account is absent. Otherwise they run as whoever runs us. Every program of this module is started here,
//! so each has the same surroundings: no terminal, its own process group (a Ctrl-C is ours to handle, not the
//! server's), English messages, and a working folder that every account can enter.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

use super::Error;

/// In order of preference; `_postgres` is what macOS calls it.
const ACCOUNTS: [&str; 3] = ["postgres", "_postgres", "nobody"];

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Account {
    pub(super) name: String,
    uid: u32,
    gid: u32,
}

/// Who runs PostgreSQL.
#[derive(Debug, Clone)]
pub(super) enum Owner {
    Ourselves,
    Other(Account),
}

impl Owner {
    pub(super) fn detect() -> Result<Self, Error> {
        if !rustix::process::geteuid().is_root() {
            return Ok(Self::Ourselves);
        }
        let passwd = std::fs::read_to_string("/etc/passwd").map_err(Error::io("read /etc/passwd"))?;
        let account = ACCOUNTS.iter().find_map(|name| account(&passwd, name));
        account.map(Self::Other).ok_or(Error::NoAccount)
    }

    /// A command that will run as this account.
    pub(super) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir("/").process_group(0).stdin(Stdio::null()).env("LC_ALL", "C");
        if let Self::Other(account) = self {
            command.uid(account.uid).gid(account.gid);
        }
        command
    }

    /// Runs a command to its end: what it printed, or why that failed, in words.
    pub(super) async fn run(mut command: Command, limit: Duration) -> Result<String, String> {
        let output = tokio::time::timeout(limit, command.kill_on_drop(true).output())
            .await
            .map_err(|_| format!("no answer within {} s", limit.as_secs()))?
            .map_err(|error| error.to_string())?;
        let stdout = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        let stderr = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        if output.status.success() { Ok(stdout) } else { Err(format!("{}: {stderr}", output.status)) }
    }

    /// Makes the account the owner of a file or folder.
    pub(super) fn give(&self, path: &Path) -> Result<(), Error> {
        match self {
            Self::Ourselves => Ok(()),
            Self::Other(account) => std::os::unix::fs::lchown(path, Some(account.uid), Some(account.gid))
                .map_err(Error::io(format_args!("give {} to {}", path.display(), account.name))),
        }
    }

    /// Whether the account can reach a folder. It is tried and not computed from the modes: that includes access
    /// lists, mounts and whatever else decides.
    pub(super) async fn can_enter(&self, folder: &Path) -> bool {
        let mut command = self.command("/bin/sh");
        command.args(["-c", r#"cd -- "$1""#, "sh"]).arg(folder);
        Self::run(command, Duration::from_secs(10)).await.is_ok()
    }
}

fn account(passwd: &str, name: &str) -> Option<Account> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        if fields.next() != Some(name) {
            return None;
        }
        let uid = id(fields.nth(1)?)?;
        let gid = id(fields.next()?)?;
        // A mapping of such a name to root would defeat the purpose.
        (uid != 0).then(|| Account { name: name.to_owned(), uid, gid })
    })
}

/// macOS writes the id of `nobody` as -2.
fn id(field: &str) -> Option<u32> {
    field.parse().or_else(|_| field.parse().map(i32::cast_unsigned)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_are_read_as_linux_and_macos_write_them() {
        let passwd =
            "# a comment\nroot:x:0:0::/root:/bin/sh\npostgres:x:101:104:,,,:/var/lib:/bin/bash\nnobody:*:-2:-2::/:";
        let found = |name| account(passwd, name).map(|account| (account.uid, account.gid));
        assert_eq!(found("postgres"), Some((101, 104)));
        assert_eq!(found("nobody"), Some((u32::MAX - 1, u32::MAX - 1)));
        assert_eq!(found("_postgres"), None);
        assert_eq!(found("root"), None, "the point is not to be root");
    }
}
