//! The database of a stack: the one `DATABASE_URL` names, or one on a private server.

use anyhow::Context;
use shared::db::{self, Role};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, PgPool};

use crate::postgres::{Installation, Options, Place, Progress, Search, Server, kept_folder};

const NAME: &str = "hanbeon";

pub struct Database {
    pub url: String,
    /// None: somebody else's server.
    pub server: Option<Server>,
}

impl Database {
    /// Uses the given database as it is. It must exist; starting over is its owner's business.
    pub fn given(url: String) -> Self {
        Self { url, server: None }
    }

    /// Starts the private server whose data survives from run to run, and makes its database if need be.
    pub async fn private(port: Option<u16>, fresh: bool, progress: Progress) -> anyhow::Result<Self> {
        let kept = kept_folder();
        let search = Search::on_this_machine(kept.join("postgresql"));
        let installation = Installation::find(&search, &progress).await?;
        let mut options = Options::new(installation, Place::Persistent(kept.join("demo")));
        options.port = port;
        options.progress = progress;
        let server = Server::start(options).await?;
        let mut connection = PgConnection::connect(&server.url("postgres")).await?;
        if fresh {
            let drop = format!("drop database if exists {NAME} with (force)");
            connection.execute(AssertSqlSafe(drop)).await?;
        }
        let exists: bool = sqlx::query_scalar("select exists (select from pg_database where datname = $1)")
            .bind(NAME)
            .fetch_one(&mut connection)
            .await?;
        if !exists {
            server.create_database(NAME, None).await?;
        }
        connection.close().await?;
        Ok(Self { url: server.url(NAME), server: Some(server) })
    }

    /// Brings the schema up to date.
    pub async fn migrate(&self) -> anyhow::Result<()> {
        shared::schema::migrate(&self.url.as_str().into())
            .await
            .context("the database cannot be brought up to date")?;
        Ok(())
    }

    /// A small pool for setting up.
    pub fn pool(&self) -> anyhow::Result<PgPool> {
        Ok(db::pool(&self.url.as_str().into(), Role::Api, 2)?)
    }
}
