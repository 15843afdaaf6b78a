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
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, PgPool};
use tokio::sync::OnceCell;

const TEMPLATE: &str = "hanbeon_template";

/// Where new databases are made, as an administrator.
struct Home {
    admin_url: String,
    /// None when `DATABASE_URL` named a server that is not ours.
    server: Option<Server>,
}

static HOME: OnceCell<Home> = OnceCell::const_new();
static NUMBER: AtomicU32 = AtomicU32::new(0);

pub(crate) struct Database {
    pub(crate) name: String,
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
        Self::at(name.clone(), with_database(&home.admin_url, &name))
    }

    pub(crate) fn at(name: String, url: String) -> Self {
        let pool = db::pool(&url.as_str().into(), Role::Api, 5).unwrap();
        Self { name, url, pool }
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

    /// The server's log, where the server is ours.
    pub(crate) fn server_log() -> Option<std::path::PathBuf> {
        HOME.get().and_then(|home| home.server.as_ref()).map(Server::log_path)
    }
}

/// A server of the caller's own, with one migrated database on it.
pub(crate) async fn own_server() -> (Server, Database) {
    let server = Server::start(options().await).await.unwrap();
    server.create_database(TEMPLATE, None).await.unwrap();
    db::migrate(&server.url(TEMPLATE).as_str().into()).await.unwrap();
    server.create_database("hanbeon", Some(TEMPLATE)).await.unwrap();
    let database = Database::at("hanbeon".to_owned(), server.url("hanbeon"));
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
    let (admin_url, server) = match Env::of_process().text("DATABASE_URL") {
        Some(url) => (url.to_owned(), None),
        None => {
            let server = Server::start(options().await).await.unwrap();
            (server.url("postgres"), Some(server))
        }
    };
    let mut admin = PgConnection::connect(&admin_url).await.unwrap();
    let fresh = [format!("drop database if exists {TEMPLATE}"), format!("create database {TEMPLATE}")];
    for statement in fresh {
        admin.execute(AssertSqlSafe(statement)).await.unwrap();
    }
    admin.close().await.unwrap();
    db::migrate(&with_database(&admin_url, TEMPLATE).as_str().into()).await.unwrap();
    Home { admin_url, server }
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
