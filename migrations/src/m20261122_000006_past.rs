//! What ran when: one row for each span in which a service ran the same images in the same place, kept by triggers, so that
//! it does not matter by which statement, or with which other row, a service comes, changes or goes.

use sea_orm::{ConnectionTrait, DbBackend};
use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let db = manager.get_connection();
        let script = match db.get_database_backend() {
            DbBackend::Sqlite => include_str!("m20261122_000006_past/sqlite.sql"),
            _ => include_str!("m20261122_000006_past/postgres.sql"),
        };
        db.execute_unprepared(script).await?;
        Ok(())
    }
}
