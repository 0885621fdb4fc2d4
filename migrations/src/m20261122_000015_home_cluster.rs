//! The cluster that an environment is at home in, if it names one.

use sea_orm::{ConnectionTrait, DbBackend};
use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let db = manager.get_connection();
        // In words, as SQLite adds a column and what it refers to in one statement only.
        let kind = match db.get_database_backend() {
            DbBackend::Sqlite => "uuid_text",
            _ => "uuid",
        };
        let statement = format!(
            "alter table environment add column cluster_id {kind} references cluster (id) on delete set null"
        );
        db.execute_unprepared(&statement).await?;
        Ok(())
    }
}
