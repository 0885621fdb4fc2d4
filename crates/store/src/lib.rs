//! The database: SeaORM entities and queries. Gives out domain types only.
//!
//! Reads are methods of [`Store`]; writes are methods of [`Write`], one transaction with the events it appends.
//! Each noun's file holds its table and its queries.

mod app_instance;
mod cluster;
mod deployment;
mod environment;
mod error;
mod event;
mod history;
mod kept_answer;
mod lease;
mod machine;
mod matrix;
mod observed;
mod past;
mod preview;
mod queue;
mod revision;
mod service;
mod site;
mod task;
mod text;
mod total;
mod watch_lease;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use migrations::Migrator;
use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DatabaseTransaction, DbBackend,
    TransactionTrait,
    sqlx::{Connection, Sqlite, pool::PoolOptions},
};
use sea_orm_migration::MigratorTrait;
use tokio::sync::{Mutex, OwnedMutexGuard, watch};

pub use cluster::ClusterTarget;
pub use deployment::NewDeployment;
pub use environment::{EnvironmentFilter, EnvironmentOrder};
pub use error::Error;
pub use kept_answer::KeptAnswer;
pub use lease::Lease;
pub use machine::OnOtherMachine;
pub use observed::{ObservedService, ServiceKey};
pub use preview::CarriedByService;
pub use queue::ToCome;
pub use revision::NewRevision;
pub use site::{Credentials, SealedToken};
pub use task::{NewTask, RunningTask};
pub use watch_lease::WatchLease;

/// Connections to SQLite that read, beside the one that writes.
const SQLITE_CONNECTIONS: u32 = 5;
/// Rows that a connection's thread reads ahead: a page of a list as a whole, so that it need not wait for its reader.
const SQLITE_ROWS: usize = 1000;
/// How long another program's lock is waited for, in milliseconds: whoever asked is told then, and work in the background
/// tries again.
const SQLITE_PATIENCE: &str = "5000";
/// How long a transaction waits for its turn, while others wait for such a lock.
const TURN: Duration = Duration::from_secs(10);
/// Prepared statements that a connection keeps. What writes many rows at once has a text for every number of rows, some
/// hundred kilobytes each once prepared: of the usual hundred, most would never be met again.
const SQLITE_STATEMENTS: usize = 24;
/// A connection's cache, in kilobytes as SQLite counts them: less than zero.
const SQLITE_CACHE: &str = "-8000";
/// How long PostgreSQL keeps a transaction in which nothing is asked: one of a server that was paused or cut off would keep
/// others from what it has locked. Shorter than any lease, and far longer than any transaction thinks.
const POSTGRES_OPTIONS: [(&str, &str); 1] = [("idle_in_transaction_session_timeout", "5s")];

/// The database.
#[derive(Clone)]
pub struct Store {
    db: DatabaseConnection,
    /// For writing. With SQLite one connection, whose cache stays true as no other ever writes.
    writes: DatabaseConnection,
    /// SQLite has one writer; waiting here is fair and never ends in `SQLITE_BUSY`.
    writer: Arc<Mutex<()>>,
    /// The newest event's number, for streams to wait on.
    newest: watch::Sender<i64>,
    /// Goes up with every commit of this process.
    generation: Arc<AtomicU64>,
}

/// A transaction. Without [`Write::commit`] nothing of it happens.
pub struct Write {
    tx: Option<DatabaseTransaction>,
    newest: watch::Sender<i64>,
    generation: Arc<AtomicU64>,
    appended: Option<i64>,
    writer: Option<OwnedMutexGuard<()>>,
}

impl Store {
    /// Connects to `sqlite://…` or `postgres://…` and brings the schema up to this version.
    ///
    /// # Errors
    /// [`Error::Newer`] when a newer version has migrated the database.
    pub async fn open(url: &str) -> Result<Self, Error> {
        let mut options = ConnectOptions::new(url);
        let is_sqlite = url.starts_with("sqlite");
        options.sqlx_logging(false).max_connections(16).acquire_timeout(Duration::from_secs(10));
        options.map_sqlx_postgres_opts(|postgres| postgres.options(POSTGRES_OPTIONS));
        if is_sqlite {
            // Each has a cache and a thread of its own; the system's cache stands behind them.
            options.map_sqlx_sqlite_pool_opts(without_lost_transactions);
            options.max_connections(SQLITE_CONNECTIONS).map_sqlx_sqlite_opts(|sqlite| {
                sqlite
                    .create_if_missing(true)
                    .foreign_keys(true)
                    .row_buffer_size(SQLITE_ROWS)
                    .statement_cache_capacity(SQLITE_STATEMENTS)
                    .pragma("journal_mode", "WAL")
                    .pragma("synchronous", "NORMAL")
                    .pragma("busy_timeout", SQLITE_PATIENCE)
                    .pragma("cache_size", SQLITE_CACHE)
                    .pragma("temp_store", "MEMORY")
            });
        }
        let db = Database::connect(options.clone()).await?;
        migrate(&db).await?;
        let writes = match is_sqlite {
            true => Database::connect(options.max_connections(1).to_owned()).await?,
            false => db.clone(),
        };
        let newest = event::newest(&db).await?;
        Ok(Self {
            db,
            writes,
            writer: Arc::default(),
            newest: watch::Sender::new(newest),
            generation: Arc::default(),
        })
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), Error> {
        Ok(self.db.ping().await?)
    }

    /// Whether this is SQLite, which belongs to one server alone.
    pub fn is_sqlite(&self) -> bool {
        self.db.get_database_backend() == DbBackend::Sqlite
    }

    /// Begins a transaction.
    pub async fn write(&self) -> Result<Write, Error> {
        let turn = tokio::time::timeout(TURN, self.writer.clone().lock_owned());
        let writer = match self.is_sqlite() {
            true => Some(turn.await.map_err(|_| Error::Busy)?),
            false => None,
        };
        let tx = self.writes.begin().await?;
        let (newest, generation) = (self.newest.clone(), self.generation.clone());
        Ok(Write { tx: Some(tx), newest, generation, appended: None, writer })
    }

    /// What was read under this number is still so as long as the number is the same; none where others write too.
    pub fn generation(&self) -> Option<u64> {
        self.is_sqlite().then(|| self.generation.load(Ordering::Acquire))
    }

    /// Wakes whenever events were appended by this process; holds the newest one's number.
    pub fn newest_event(&self) -> watch::Receiver<i64> {
        self.newest.subscribe()
    }

    /// Closes the connections.
    pub async fn close(self) -> Result<(), Error> {
        self.writes.close().await?;
        Ok(self.db.close().await?)
    }
}

impl Write {
    /// Makes it so, and wakes the event streams.
    pub async fn commit(mut self) -> Result<(), Error> {
        if let Some(tx) = self.tx.take() {
            let committed = tx.commit().await;
            // Even a commit that failed may have happened.
            self.generation.fetch_add(1, Ordering::Release);
            committed?;
        }
        if let Some(seq) = self.appended {
            self.newest.send_if_modified(|newest| {
                let newer = seq > *newest;
                *newest = seq.max(*newest);
                newer
            });
        }
        Ok(())
    }
}

impl Write {
    fn tx(&self) -> &DatabaseTransaction {
        self.tx.as_ref().expect("a transaction is there until it is committed")
    }

    fn is_sqlite(&self) -> bool {
        self.tx().get_database_backend() == DbBackend::Sqlite
    }
}

impl Drop for Write {
    /// The next writer waits until an abandoned transaction has really ended.
    fn drop(&mut self) {
        let (Some(tx), writer) = (self.tx.take(), self.writer.take()) else { return };
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                // A connection that cannot even roll back is closed by the pool, which ends the transaction too.
                let _ = tx.rollback().await;
                drop(writer);
            });
        }
    }
}

/// SQLite ends a transaction by itself when the disk is full, and sqlx cannot end it a second time: it would believe
/// for ever that one is open, and the next one that is rolled back would stay open and lock everybody out.
fn without_lost_transactions(pool: PoolOptions<Sqlite>) -> PoolOptions<Sqlite> {
    pool.after_release(|connection, _| {
        let open = connection.is_in_transaction();
        Box::pin(std::future::ready(Ok(!open)))
    })
}

async fn migrate(db: &DatabaseConnection) -> Result<(), Error> {
    Migrator::install(db).await?;
    let known = Migrator::migrations();
    let applied = Migrator::get_migration_models(db).await?;
    if let Some(newer) = applied.iter().find(|step| known.iter().all(|known| known.name() != step.version)) {
        return Err(Error::Newer(newer.version.clone()));
    }
    Ok(Migrator::up(db, None).await?)
}
