//! What can go wrong with the database.

use sea_orm::{DbErr, SqlErr};

/// The store's error.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The row is not there.
    #[error("not found")]
    NotFound,
    /// Something unique exists already.
    #[error("exists already")]
    Duplicate(#[source] DbErr),
    /// The row has moved on since it was read.
    #[error("changed meanwhile")]
    Stale,
    /// Another server has taken the work over.
    #[error("the lease was lost")]
    LeaseLost,
    /// A newer version of Lockstep has migrated this database.
    #[error(
        "this database was migrated by a newer version (step {0}); start that version, or restore a backup"
    )]
    Newer(String),
    /// A stored document cannot be read.
    #[error("a stored document cannot be read")]
    Document(#[from] serde_json::Error),
    /// Others have been writing for too long.
    #[error("the database is busy with other writes")]
    Busy,
    /// The database failed.
    #[error("the database failed")]
    Database(#[source] DbErr),
}

impl From<DbErr> for Error {
    fn from(error: DbErr) -> Self {
        match error.sql_err() {
            Some(SqlErr::UniqueConstraintViolation(_)) => Error::Duplicate(error),
            _ if matches!(error, DbErr::RecordNotFound(_) | DbErr::RecordNotUpdated) => Error::NotFound,
            _ => Error::Database(error),
        }
    }
}
