//! Real servers, each on a folder of its own: that they start, that they end with their parent, and that committed rows
//! survive. They run the same as root (as containers do) and as an ordinary user.

use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use devstack::postgres::{Durability, Installation, Options, Place, Progress, Search, Server, Step, kept_folder};
use rustix::process::{Pid, Signal, geteuid, kill_process, test_kill_process};
use sqlx::{Connection, Executor, PgConnection};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

#[tokio::test]
async fn a_temporary_server_answers_and_leaves_nothing() -> Result<()> {
    let server = Server::start(options(Place::Temporary).await?).await?;
    let folder = server.log_path().parent().context("the log stands in a folder")?.to_owned();
    let mut connection = PgConnection::connect(&server.url("postgres")).await?;
    let one: i32 = sqlx::query_scalar("select 1").fetch_one(&mut connection).await?;
    let encoding: String = sqlx::query_scalar("show server_encoding").fetch_one(&mut connection).await?;
    assert_eq!((one, encoding.as_str()), (1, "UTF8"));
    assert!(folder.is_dir());

    let port = server.port();
    server.stop().await?;
    assert!(!serves(port));
    assert!(!folder.exists());
    Ok(())
}

#[tokio::test]
async fn a_dropped_server_ends_by_itself() -> Result<()> {
    let server = Server::start(options(Place::Temporary).await?).await?;
    let (port, folder) = (server.port(), server.log_path().parent().context("a folder")?.to_owned());
    drop(server);
    until("the server and its folder are gone", || !serves(port) && !folder.exists()).await
}

#[tokio::test]
async fn nobody_enters_without_the_password() -> Result<()> {
    let server = Server::start(options(Place::Temporary).await?).await?;
    let url = format!("postgres://hanbeon:guess@127.0.0.1:{}/postgres", server.port());
    let Err(sqlx::Error::Database(refusal)) = PgConnection::connect(&url).await else {
        bail!("a wrong password was not refused");
    };
    assert_eq!(refusal.code().as_deref(), Some("28P01"), "{refusal}");

    let folder = server.log_path().parent().context("a folder")?.to_owned();
    let mode = std::fs::metadata(folder.join("password"))?.permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    server.stop().await?;
    Ok(())
}

#[tokio::test]
async fn rows_password_and_port_survive_a_stop() -> Result<()> {
    let folder = enterable_folder()?;
    let place = Place::Persistent(folder.path().join("cluster"));
    let server = Server::start(options(place.clone()).await?).await?;
    let url = server.url("postgres");
    write_row(&url).await?;
    server.stop().await?;

    let server = Server::start(options(place).await?).await?;
    assert_eq!(server.url("postgres"), url);
    assert_eq!(rows(&url).await?, 1);
    server.stop().await?;
    Ok(())
}

#[tokio::test]
async fn a_crash_keeps_committed_rows() -> Result<()> {
    let mut server = Server::start(options(Place::Temporary).await?).await?;
    let url = server.url("postgres");
    write_row(&url).await?;
    server.crash().await?;
    assert!(!serves(server.port()));

    server.restart().await?;
    assert_eq!(server.url("postgres"), url);
    assert_eq!(rows(&url).await?, 1);
    let log = std::fs::read_to_string(server.log_path())?;
    assert!(log.contains("was not properly shut down"), "it must have been a crash:\n{log}");
    server.stop().await?;
    Ok(())
}

#[tokio::test]
async fn a_server_that_died_on_its_own_can_be_started_again() -> Result<()> {
    let mut server = Server::start(options(Place::Temporary).await?).await?;
    let url = server.url("postgres");
    write_row(&url).await?;
    kill_process(postmaster(&server.log_path())?, Signal::QUIT)?;
    until("the server is gone", || !serves(server.port())).await?;

    server.restart().await?;
    assert_eq!(rows(&url).await?, 1);
    server.stop().await?;
    Ok(())
}

#[tokio::test]
async fn a_database_is_copied_from_its_template() -> Result<()> {
    let server = Server::start(options(Place::Temporary).await?).await?;
    server.create_database("shop", None).await?;
    write_row(&server.url("shop")).await?;
    server.create_database("a \"copy\"", Some("shop")).await?;
    assert_eq!(rows(&server.url("a%20%22copy%22")).await?, 1);

    let again = server.create_database("shop", None).await;
    assert_eq!(again.unwrap_err().to_string(), "could not create the database shop");
    server.stop().await?;
    Ok(())
}

#[tokio::test]
async fn a_taken_port_is_one_clear_sentence() -> Result<()> {
    let other = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let port = other.local_addr()?.port();
    let start = Server::start(Options { port: Some(port), ..options(Place::Temporary).await? }).await;
    let error = start.err().context("the port is taken")?;
    assert_eq!(
        error.to_string(),
        format!("port {port} is taken by another program: stop that program or choose another port")
    );
    Ok(())
}

#[tokio::test]
async fn a_setting_that_is_refused_shows_what_the_server_said() -> Result<()> {
    let settings = vec![("work_mem".to_owned(), "a lot".to_owned())];
    let start = Server::start(Options { settings, ..options(Place::Temporary).await? }).await;
    let error = start.err().context("the setting is wrong")?.to_string();
    assert!(error.contains("invalid value for parameter \"work_mem\""), "{error}");
    Ok(())
}

#[tokio::test]
async fn a_database_of_another_major_version_is_refused() -> Result<()> {
    let folder = enterable_folder()?;
    let cluster = folder.path().join("cluster");
    std::fs::create_dir_all(cluster.join("data"))?;
    std::fs::write(cluster.join("data/PG_VERSION"), "12\n")?;
    let start = Server::start(options(Place::Persistent(cluster)).await?).await;
    let error = start.err().context("the data is too old")?.to_string();
    assert!(error.contains("was made by PostgreSQL 12 and this is PostgreSQL 1"), "{error}");
    assert!(error.contains("remove that folder to begin with an empty database"), "{error}");
    Ok(())
}

#[tokio::test]
async fn a_failed_initdb_is_quoted_and_leaves_nothing() -> Result<()> {
    let bin = enterable_folder()?;
    pretend(&bin.path().join("postgres"), "echo 'postgres (PostgreSQL) 15.0'")?;
    pretend(&bin.path().join("initdb"), "echo 'the disk is full' >&2; exit 1")?;
    let search = Search { path: vec![bin.path().to_owned()], ..Search::on_this_machine(kept_folder()) };
    let (progress, steps) = recorder();
    let installation = Installation::find(&search, &progress).await?;
    let start = Server::start(Options { progress, ..Options::new(installation, Place::Temporary) }).await;
    let error = start.err().context("initdb failed")?.to_string();
    assert_eq!(error, "initdb failed or took too long; it said\nthe disk is full");

    let last = steps.try_iter().last();
    let Some(Step::Initialising { folder }) = last else { bail!("the last step was {last:?}") };
    assert!(!folder.exists());
    Ok(())
}

#[tokio::test]
async fn a_second_stack_on_a_folder_is_refused() -> Result<()> {
    let folder = enterable_folder()?;
    let place = Place::Persistent(folder.path().join("cluster"));
    let first = Server::start(options(place.clone()).await?).await?;
    let second = Server::start(options(place).await?).await;
    let error = second.err().context("the folder is in use")?.to_string();
    let whose =
        format!("another stack runs on {} (pid {})", folder.path().join("cluster").display(), std::process::id());
    assert!(error.starts_with(&whose), "{error}");
    first.stop().await?;
    Ok(())
}

#[tokio::test]
async fn a_killed_parent_leaves_nothing() -> Result<()> {
    let mut parent = Parent::start(None).await?;
    let log: String = {
        let mut connection = PgConnection::connect(&parent.url).await?;
        sqlx::query_scalar("show data_directory").fetch_one(&mut connection).await?
    };
    let folder = Path::new(&log).parent().context("the data stands in a folder")?;
    let postmaster = postmaster(&folder.join("server.log"))?;
    assert!(test_kill_process(postmaster).is_ok());

    parent.kill().await?;
    until("the server and its folder are gone", || test_kill_process(postmaster).is_err() && !folder.exists()).await
}

#[tokio::test]
async fn the_folder_of_a_killed_parent_is_taken_over_at_once() -> Result<()> {
    let folder = enterable_folder()?;
    let cluster = folder.path().join("cluster");
    let mut parent = Parent::start(Some(&cluster)).await?;
    write_row(&parent.url).await?;
    parent.kill().await?;

    let server = Server::start(options(Place::Persistent(cluster)).await?).await?;
    assert_eq!(rows(&server.url("postgres")).await?, 1);
    server.stop().await?;
    Ok(())
}

#[tokio::test]
async fn a_folder_closed_to_the_server_is_replaced_and_said_so() -> Result<()> {
    if !geteuid().is_root() {
        eprintln!("nothing to show: only root runs the server as another account, and we are not root");
        return Ok(());
    }
    let closed = tempfile::tempdir()?;
    std::fs::set_permissions(closed.path(), std::fs::Permissions::from_mode(0o700))?;
    let wanted = closed.path().join("cluster");
    let (progress, steps) = recorder();
    let server = Server::start(Options { progress, ..options(Place::Persistent(wanted.clone())).await? }).await?;
    assert!(PgConnection::connect(&server.url("postgres")).await.is_ok());
    server.stop().await?;

    let first = steps.try_iter().next();
    let Some(Step::Moved { from, to, .. }) = first else { bail!("the first step was {first:?}") };
    assert_eq!(from, wanted);
    assert!(to.starts_with(std::env::temp_dir()) && to.join("data").is_dir());
    std::fs::remove_dir_all(to)?;
    Ok(())
}

#[tokio::test]
async fn where_nothing_is_found_the_message_says_what_to_install() -> Result<()> {
    let downloads = enterable_folder()?;
    let old = downloads.path().join("old");
    pretend_version(&old, "postgres (PostgreSQL) 13.14")?;
    let search = Search {
        path: vec![old.clone()],
        folders: Vec::new(),
        downloads: downloads.path().join("downloads"),
        source: "https://localhost/no-such-repository".to_owned(),
    };
    let silent: Progress = Arc::new(|_| ());
    let error = Installation::find(&search, &silent).await.err().context("there is nothing to find")?.to_string();
    assert!(error.contains(&format!("{} was refused: version 13.14 is older than 14", old.display())), "{error}");
    assert!(error.contains("could not be downloaded: https://localhost/no-such-repository"), "{error}");
    for command in
        ["apt-get install postgresql", "dnf install postgresql-server", "brew install postgresql@17", "DATABASE_URL"]
    {
        assert!(error.contains(command), "{error}");
    }
    Ok(())
}

#[tokio::test]
async fn an_earlier_download_is_found_without_the_network() -> Result<()> {
    let downloads = enterable_folder()?;
    for version in ["17.9.0", "17.10.0"] {
        let bin = downloads.path().join(format!("postgresql-{version}/bin"));
        pretend_version(&bin, &format!("postgres (PostgreSQL) {version}"))?;
    }
    let search = Search {
        path: Vec::new(),
        folders: Vec::new(),
        downloads: downloads.path().to_owned(),
        source: "https://localhost/no-such-repository".to_owned(),
    };
    let silent: Progress = Arc::new(|_| ());
    let found = Installation::find(&search, &silent).await?;
    assert_eq!(found.version(), "17.10.0");
    Ok(())
}

async fn options(place: Place) -> Result<Options> {
    let silent: Progress = Arc::new(|_| ());
    let installation = Installation::find(&Search::on_this_machine(kept_folder()), &silent).await?;
    Ok(Options { durability: Durability::ProcessCrash, connections_max: 20, ..Options::new(installation, place) })
}

/// Temporary folders are closed to others; this one can be entered, so that as root nothing has to be moved.
fn enterable_folder() -> Result<TempDir> {
    let folder = tempfile::tempdir()?;
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755))?;
    Ok(folder)
}

fn recorder() -> (Progress, mpsc::Receiver<Step>) {
    let (tell, steps) = mpsc::channel();
    let progress = move |step| tell.send(step).unwrap_or_default();
    (Arc::new(progress), steps)
}

/// Programs that know their version and nothing else.
fn pretend_version(bin: &Path, says: &str) -> Result<()> {
    std::fs::create_dir_all(bin)?;
    pretend(&bin.join("initdb"), "exit 1")?;
    pretend(&bin.join("postgres"), &format!("echo '{says}'"))
}

fn pretend(program: &Path, script: &str) -> Result<()> {
    std::fs::write(program, format!("#!/bin/sh\n{script}\n"))?;
    Ok(std::fs::set_permissions(program, std::fs::Permissions::from_mode(0o755))?)
}

async fn write_row(url: &str) -> Result<()> {
    let mut connection = PgConnection::connect(url).await?;
    connection.execute("create table kept (id int); insert into kept values (1)").await?;
    connection.close().await?;
    Ok(())
}

async fn rows(url: &str) -> Result<i64> {
    let mut connection = PgConnection::connect(url).await?;
    let rows = sqlx::query_scalar("select count(*) from kept").fetch_one(&mut connection).await?;
    connection.close().await?;
    Ok(rows)
}

fn serves(port: u16) -> bool {
    TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok()
}

fn postmaster(log: &Path) -> Result<Pid> {
    let pid_file = log.with_file_name("data").join("postmaster.pid");
    let pid = std::fs::read_to_string(pid_file)?.lines().next().context("a pid")?.parse()?;
    Pid::from_raw(pid).context("a pid is not zero")
}

async fn until(what: &str, mut holds: impl FnMut() -> bool) -> Result<()> {
    let begun = Instant::now();
    while !holds() {
        ensure!(begun.elapsed() < Duration::from_secs(30), "waited 30 s in vain until {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

/// Another process that runs a server.
struct Parent {
    process: tokio::process::Child,
    url: String,
}

impl Parent {
    async fn start(folder: Option<&PathBuf>) -> Result<Self> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_private_postgres"));
        command.args(folder).stdout(Stdio::piped()).kill_on_drop(true);
        let mut process = command.spawn()?;
        let mut lines = BufReader::new(process.stdout.take().context("a pipe")?).lines();
        let url = tokio::time::timeout(Duration::from_mins(2), lines.next_line()).await??;
        Ok(Self { process, url: url.context("the server's address")? })
    }

    /// With SIGKILL: it cannot tidy up.
    async fn kill(&mut self) -> Result<()> {
        Ok(self.process.kill().await?)
    }
}
