//! Fills Lockstep's SQLite file, while no server uses it, with what years of use would leave.

use std::path::PathBuf;

use anyhow::Result;
use sqlx::{AssertSqlSafe, Connection, SqliteConnection, sqlite::SqliteConnectOptions};

/// What is made by SQL alone: a statement for each table, told apart by an empty line.
const SCRIPT: &str = include_str!("seed.sql");
/// Events of one deployment.
const EVENTS: usize = 20;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Lockstep's SQLite file, with its tables and clusters
    #[arg(long)]
    database: PathBuf,
    /// How many environments; the first has as many revisions
    #[arg(long)]
    environments: usize,
    /// How many events, of a twentieth as many deployments
    #[arg(long)]
    events: usize,
}

pub(crate) async fn run(args: &Args) -> Result<()> {
    let options = SqliteConnectOptions::new().filename(&args.database);
    let mut database = SqliteConnection::connect_with(&options).await?;
    let script = SCRIPT
        .replace(":environments", &args.environments.to_string())
        .replace(":deployments", &(args.events / EVENTS).to_string())
        .replace(":per", &EVENTS.to_string());
    let mut transaction = database.begin().await?;
    for statement in script.split("\n\n").filter(|statement| !statement.trim().is_empty()) {
        sqlx::raw_sql(AssertSqlSafe(statement.to_owned())).execute(&mut *transaction).await?;
    }
    Ok(transaction.commit().await?)
}
