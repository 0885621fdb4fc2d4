//! Finds the environments that are at home in a cluster.

use sea_orm_migration::prelude::*;

use crate::m20261121_000001_sites::index;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_index(index("environment_home", "environment", &["cluster_id"])).await
    }
}
