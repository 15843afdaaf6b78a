//! The real binaries as processes of their own, to be stopped and killed at named places.

use std::{path::Path, process::Stdio, time::Duration};

use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStdout, Command},
};

use super::{shop::Shop, wait_for};

#[derive(Clone, Copy, Debug)]
pub(crate) enum Binary {
    Api,
    Worker,
    Simulator,
}

impl Binary {
    fn path(self) -> &'static str {
        match self {
            Self::Api => env!("CARGO_BIN_EXE_hanbeon-api"),
            Self::Worker => env!("CARGO_BIN_EXE_hanbeon-worker"),
            Self::Simulator => env!("CARGO_BIN_EXE_hanbeon-simulator"),
        }
    }
}

/// A port nobody listens on, a moment ago.
pub(crate) fn free_addr() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}

pub(crate) async fn until_it_answers(shop: &Shop, addr: &str) {
    wait_for("the process to answer", Duration::from_secs(30), async || {
        shop.http.get(format!("http://{addr}/livez")).send().await.ok().map(|_| ())
    })
    .await;
}

/// A running binary. It dies with the test.
pub(crate) struct Process {
    binary: Binary,
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Process {
    /// Starts it with this environment and no other, and without logs unless it asks for some.
    pub(crate) fn start(binary: Binary, env: impl IntoIterator<Item = (String, String)>) -> Self {
        Self::start_with(binary, &[], env)
    }

    /// The same with words on its command line.
    pub(crate) fn start_with(binary: Binary, words: &[&str], env: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut command = Command::new(binary.path());
        command.args(words);
        Self::spawn(binary, command, env)
    }

    /// The same where somebody allows it so few open files, but would allow it more.
    pub(crate) fn start_with_few_files(
        binary: Binary,
        files: u32,
        env: impl IntoIterator<Item = (String, String)>,
    ) -> Self {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", "ulimit -S -n \"$1\" && exec \"$0\"", binary.path(), &files.to_string()]);
        Self::spawn(binary, command, env)
    }

    /// The same with what it complains about written to a file.
    pub(crate) fn start_with_errors_in(
        binary: Binary,
        file: &Path,
        env: impl IntoIterator<Item = (String, String)>,
    ) -> Self {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", "exec \"$0\" 2>\"$1\"", binary.path()]).arg(file);
        Self::spawn(binary, command, env)
    }

    fn spawn(binary: Binary, mut command: Command, env: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut child = command
            .env_clear()
            .env("RUST_LOG", "off")
            .envs(env)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { binary, child, lines }
    }

    /// Waits until it says that it stopped at this place.
    pub(crate) async fn stopped_at(&mut self, place: &str) {
        let said = async {
            while let Some(line) = self.lines.next_line().await.unwrap() {
                if line == format!("stopped at {place}") {
                    return;
                }
            }
            panic!("{:?} ended before it reached {place}", self.binary);
        };
        tokio::time::timeout(Duration::from_mins(1), said).await.expect("it never reached the place");
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id().expect("it runs")
    }

    /// SIGKILL, and waits until it is gone.
    pub(crate) async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }

    /// Sends a signal by name, as `kill -TERM` would.
    pub(crate) async fn signal(&self, name: &str) {
        let pid = self.id().to_string();
        let sent = Command::new("kill").args([&format!("-{name}"), &pid]).status().await.unwrap();
        assert!(sent.success());
    }

    /// Has it not ended?
    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Waits until it ends by itself and says whether it ended well.
    pub(crate) async fn ended(&mut self) -> bool {
        self.exit_code().await == Some(0)
    }

    /// Waits until it ends by itself and says how; `None`: by a signal.
    pub(crate) async fn exit_code(&mut self) -> Option<i32> {
        let ended = tokio::time::timeout(Duration::from_secs(90), self.child.wait()).await;
        ended.expect("it does not end").unwrap().code()
    }
}
