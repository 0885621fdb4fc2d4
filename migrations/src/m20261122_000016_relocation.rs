//! What a task copies to another cluster, where an app instance is moved.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut original = ColumnDef::new("original");
        manager
            .alter_table(Table::alter().table("task").add_column(original.json_binary().null()).to_owned())
            .await
    }
}
