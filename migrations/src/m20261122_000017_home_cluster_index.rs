//! Finds the environments that are at home in a cluster.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

/// Of those that have a home only: few do, and an index that is nearly all of one value is not used.
const INDEX: &str = "create index environment_home on environment (cluster_id) where cluster_id is not null";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.get_connection().execute_unprepared(INDEX).await?;
        Ok(())
    }
}
