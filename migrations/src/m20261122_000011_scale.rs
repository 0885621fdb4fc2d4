//! What tasks do to the replicas of their workloads.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let column = json_null("scale");
        manager.alter_table(Table::alter().table("task").add_column(column).to_owned()).await
    }
}
