//! One running server: start, stop, crash on purpose, start again.
//!
//! It listens on 127.0.0.1 alone and has no socket file. What it promises about its end is in `watcher`; what it keeps
//! is in `cluster`. The SQL here is administration of the server itself, which has no schema to be checked against.

use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use sqlx::postgres::{PgConnectOptions, PgSslMode};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor, PgConnection};
use tokio::time::timeout;

use super::cluster::{Cluster, SUPERUSER};
use super::owner::Owner;
use super::watcher::Watcher;
use super::{Error, Installation, Place, Progress, Step, folder};

/// Reading back a long log after a crash is what may take this long.
const READY_LIMIT: Duration = Duration::from_mins(1);
const READY_POLL: Duration = Duration::from_millis(50);

/// For one connection, and for one administrative statement: copying a template database is the slowest.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);
const STATEMENT_LIMIT: Duration = Duration::from_mins(1);

/// Below the ports that Linux and macOS hand to outgoing connections. A port from that range could be given, while the
/// server is down, to the very client that tries to reach it; then the server could not have it back.
const PORTS: std::ops::Range<u16> = 20_000..30_000;

/// Others may take a port between our look and the server's start; nobody takes ten in a row.
const PORT_TRIES: u32 = 10;

/// What survives what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// As PostgreSQL is by default: a committed row survives the loss of power.
    Full,
    /// Without `fsync`: a committed row survives killed processes, because it was handed to the operating system before
    /// the commit was answered, but not the loss of power. For tests. Full page writes stay on, since a killed process
    /// can leave half a page behind.
    ProcessCrash,
}

/// How to run a server. [`Options::new`] gives the ordinary ones.
#[derive(Clone)]
pub struct Options {
    /// The programs.
    pub installation: Installation,
    /// The folder.
    pub place: Place,
    /// The port on 127.0.0.1; without one, the port of the last run or a free one.
    pub port: Option<u16>,
    /// Further settings, as `postgres -c name=value` takes them; they win over ours.
    pub settings: Vec<(String, String)>,
    /// What a commit promises.
    pub durability: Durability,
    /// How many connections the server accepts.
    pub connections_max: u16,
    /// Who hears of the steps.
    pub progress: Progress,
}

impl Options {
    /// Full durability, a free port, 200 connections, and nobody listening to the steps.
    pub fn new(installation: Installation, place: Place) -> Self {
        Self {
            installation,
            place,
            port: None,
            settings: Vec::new(),
            durability: Durability::Full,
            connections_max: 200,
            progress: std::sync::Arc::new(|_| ()),
        }
    }
}

/// A private server. It stops when this is dropped (in the background) and when this process dies, however it dies;
/// [`Server::stop`] stops it and waits.
pub struct Server {
    options: Options,
    owner: Owner,
    cluster: Cluster,
    port: u16,
    watcher: Option<Watcher>,
}

impl Server {
    /// Starts a server and waits until it accepts connections.
    pub async fn start(options: Options) -> Result<Self, Error> {
        let owner = Owner::detect()?;
        let cluster =
            Cluster::open(&options.place, &owner, &options.installation, options.durability, &options.progress).await?;
        let mut server = Self { options, owner, cluster, port: 0, watcher: None };
        server.launch_on_some_port().await?;
        server.cluster.remember_port(server.port)?;
        Ok(server)
    }

    /// The address of a database of this server, password included.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://{SUPERUSER}:{}@127.0.0.1:{}/{database}", self.cluster.password(), self.port)
    }

    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The server's log of this run.
    pub fn log_path(&self) -> PathBuf {
        self.cluster.log_path()
    }

    /// Creates a database, as a copy of `template` if there is one; nobody may be connected to the template meanwhile.
    pub async fn create_database(&self, name: &str, template: Option<&str>) -> Result<(), Error> {
        let template = template.map_or_else(String::new, |template| format!(" template {}", quoted(template)));
        let statement = format!("create database {}{template}", quoted(name));
        let creation = async {
            let mut connection = self.connect().await?;
            connection.execute(AssertSqlSafe(statement)).await?;
            connection.close().await
        };
        let created = timeout(STATEMENT_LIMIT, creation).await.unwrap_or_else(|_| Err(timed_out()));
        created.map_err(|source| Error::Sql { doing: format!("create the database {name}"), source })
    }

    /// Stops the server in order: connections are cut, open transactions roll back, everything is written out.
    pub async fn stop(mut self) -> Result<(), Error> {
        match self.watcher.take() {
            Some(watcher) => watcher.stop().await,
            None => Ok(()),
        }
    }

    /// Ends the server at once and without a checkpoint, as a crash would; the folder stays, also a temporary one.
    pub async fn crash(&mut self) -> Result<(), Error> {
        self.end_by("QUIT").await
    }

    /// Starts again on the same folder and port, after [`Server::crash`] or, with an orderly stop first, while running.
    pub async fn restart(&mut self) -> Result<(), Error> {
        self.end_by("INT").await?;
        self.launch().await
    }

    async fn end_by(&mut self, signal: &str) -> Result<(), Error> {
        match self.watcher.take() {
            Some(watcher) => watcher.end_by(signal).await,
            None => Ok(()),
        }
    }

    async fn launch_on_some_port(&mut self) -> Result<(), Error> {
        if let Some(port) = self.options.port {
            self.port = port;
            return self.launch().await;
        }
        let mut candidate = self.cluster.last_port();
        for _ in 1..PORT_TRIES {
            self.port = candidate.take().filter(|port| is_free(*port)).unwrap_or_else(free_port);
            match self.launch().await {
                Err(Error::PortTaken { .. }) => {}
                launched => return launched,
            }
        }
        self.launch().await
    }

    async fn launch(&mut self) -> Result<(), Error> {
        let log_from = self.cluster.log_length();
        let folder = self.cluster.temporary_folder();
        let mut watcher = Watcher::start(&self.owner, &self.command(), self.cluster.log(), folder)?;
        let begun = Instant::now();
        while let Err(refusal) = self.answers().await {
            if watcher.has_ended()? {
                return Err(self.not_started("it ended", log_from));
            }
            if begun.elapsed() > READY_LIMIT {
                let reason = format!("no login within {} s ({refusal})", READY_LIMIT.as_secs());
                return Err(self.not_started(&reason, log_from));
            }
            tokio::time::sleep(READY_POLL).await;
        }
        self.watcher = Some(watcher);
        (self.options.progress)(Step::Ready { port: self.port });
        Ok(())
    }

    fn command(&self) -> tokio::process::Command {
        let options = &self.options;
        let mut command = self.owner.command(options.installation.bin().join("postgres"));
        command.arg("-D").arg(self.cluster.data());
        let mut set = |name: &str, value: &str| {
            command.arg("-c").arg(format!("{name}={value}"));
        };
        set("listen_addresses", "127.0.0.1");
        set("port", &self.port.to_string());
        set("unix_socket_directories", "");
        set("max_connections", &options.connections_max.to_string());
        if options.durability == Durability::ProcessCrash {
            set("fsync", "off");
        }
        for (name, value) in &options.settings {
            set(name, value);
        }
        command
    }

    /// A login proves more than an open port: that it is our server and that it is past its recovery.
    async fn answers(&self) -> Result<(), sqlx::Error> {
        self.connect().await?.close().await
    }

    async fn connect(&self) -> Result<PgConnection, sqlx::Error> {
        let options = PgConnectOptions::new_without_pgpass()
            .host("127.0.0.1")
            .port(self.port)
            .username(SUPERUSER)
            .password(self.cluster.password())
            .database("postgres")
            .ssl_mode(PgSslMode::Disable);
        timeout(CONNECT_LIMIT, options.connect()).await.unwrap_or_else(|_| Err(timed_out()))
    }

    fn not_started(&self, reason: &str, log_from: u64) -> Error {
        let log_tail = self.cluster.log_tail(log_from);
        if log_tail.contains("Address already in use") {
            return Error::PortTaken { port: self.port };
        }
        Error::NotStarted { reason: reason.to_owned(), log: self.log_path(), log_tail }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // While a watcher lives, the folder is its to remove, after the server has ended.
        if self.watcher.is_none()
            && let Some(folder) = self.cluster.temporary_folder()
        {
            folder::remove(folder);
        }
    }
}

fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

/// A port that is free now; if all we tried are taken, any, for the server to say so.
fn free_port() -> u16 {
    let candidates = std::iter::repeat_with(|| rand::random_range(PORTS));
    let mut candidates = candidates.take(usize::from(PORTS.end - PORTS.start));
    candidates.find(|port| is_free(*port)).unwrap_or(PORTS.start)
}

fn timed_out() -> sqlx::Error {
    sqlx::Error::Io(std::io::ErrorKind::TimedOut.into())
}

fn quoted(identifier: &str) -> String {
    format!("\"{}\"", identifier.replace('"', "\"\""))
}
