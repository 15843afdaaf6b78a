//! A database for each story, copied from a migrated template, on one server for the whole run: the one `DATABASE_URL`
//! names, or a private one. A story that crashes its server takes one of its own.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use devstack::postgres::{Durability, Installation, Options, Place, Search, Server, kept_folder};
use shared::{
    db::{self, Role},
    settings::Env,
};
use sqlx::{
    AssertSqlSafe, Connection, Executor, PgConnection, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use tokio::sync::OnceCell;

const TEMPLATE: &str = "hanbeon_template";

/// Where new databases are made, as an administrator.
struct Home {
    admin_url: String,
    /// Ours, kept running; none when `DATABASE_URL` named somebody else's.
    _server: Option<Server>,
}

static HOME: OnceCell<Home> = OnceCell::const_new();
static NUMBER: AtomicU32 = AtomicU32::new(0);

pub(crate) struct Database {
    pub(crate) url: String,
    /// The test's own eyes and hands.
    pub(crate) pool: PgPool,
}

impl Database {
    /// An empty database with the current schema.
    pub(crate) async fn new() -> Self {
        let home = HOME.get_or_init(home).await;
        let name = format!("hanbeon_{}_{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        create(&home.admin_url, &name).await;
        Self::at(with_database(&home.admin_url, &name))
    }

    fn at(url: String) -> Self {
        // Named apart from the parts under test, so that a story can count or cut the connections of those alone.
        let options: PgConnectOptions = url.parse().unwrap();
        // Nor does a story that makes the database read-only, or changes a column's type, tie the test's own hands.
        let options = options.application_name("tests").options([("default_transaction_read_only", "off")]);
        let options = options.statement_cache_capacity(0);
        let pool = PgPoolOptions::new().max_connections(5).connect_lazy_with(options);
        Self { url, pool }
    }

    /// Drops it, whoever is still connected: for runs that make more of them than should stay on the disk.
    pub(crate) async fn remove(url: &str) {
        let name = reqwest::Url::parse(url).unwrap().path().trim_start_matches('/').to_owned();
        let mut admin = PgConnection::connect(&HOME.get().expect("a database was made").admin_url).await.unwrap();
        admin.execute(AssertSqlSafe(format!("drop database if exists {name} with (force)"))).await.unwrap();
        admin.close().await.unwrap();
    }

    pub(crate) fn worker_pool(&self) -> PgPool {
        db::pool(&self.url.as_str().into(), Role::Worker, 6).unwrap()
    }

    pub(crate) async fn execute(&self, sql: &str) {
        self.pool.execute(AssertSqlSafe(sql.to_owned())).await.unwrap();
    }

    pub(crate) async fn number(&self, sql: &str) -> i64 {
        sqlx::query_scalar(AssertSqlSafe(sql.to_owned())).fetch_one(&self.pool).await.unwrap()
    }
}

/// A server of the caller's own, with one migrated database on it.
pub(crate) async fn own_server() -> (Server, Database) {
    let server = Server::start(options().await).await.unwrap();
    server.create_database(TEMPLATE, None).await.unwrap();
    shared::schema::migrate(&server.url(TEMPLATE).as_str().into()).await.unwrap();
    server.create_database("hanbeon", Some(TEMPLATE)).await.unwrap();
    let database = Database::at(server.url("hanbeon"));
    (server, database)
}

async fn options() -> Options {
    let search = Search::on_this_machine(kept_folder().join("postgresql"));
    let progress: devstack::postgres::Progress = Arc::new(|_| ());
    let installation = Installation::find(&search, &progress).await.unwrap();
    let mut options = Options::new(installation, Place::Temporary);
    options.durability = Durability::ProcessCrash;
    options.connections_max = 500;
    // The database's name before each line, so that a story can count the statements of its own.
    options.settings = vec![("log_line_prefix".to_owned(), "%d|%a|".to_owned())];
    options
}

async fn home() -> Home {
    let (admin_url, server) = if let Some(url) = Env::of_process().text("DATABASE_URL") {
        (url.to_owned(), None)
    } else {
        let server = Server::start(options().await).await.unwrap();
        (server.url("postgres"), Some(server))
    };
    let mut admin = PgConnection::connect(&admin_url).await.unwrap();
    let fresh = [format!("drop database if exists {TEMPLATE}"), format!("create database {TEMPLATE}")];
    for statement in fresh {
        admin.execute(AssertSqlSafe(statement)).await.unwrap();
    }
    admin.close().await.unwrap();
    shared::schema::migrate(&with_database(&admin_url, TEMPLATE).as_str().into()).await.unwrap();
    Home { admin_url, _server: server }
}

async fn create(admin_url: &str, name: &str) {
    let mut admin = PgConnection::connect(admin_url).await.unwrap();
    admin.execute(AssertSqlSafe(format!("create database {name} template {TEMPLATE}"))).await.unwrap();
    admin.close().await.unwrap();
}

fn with_database(url: &str, name: &str) -> String {
    let mut url = reqwest::Url::parse(url).unwrap();
    url.set_path(name);
    url.to_string()
}
