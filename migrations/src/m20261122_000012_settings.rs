//! The settings of each revision, where they are known, and what it changed in them.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let columns = [json_null("settings"), json("setting_changes").default("[]").take()];
        for column in columns {
            manager.alter_table(Table::alter().table("revision").add_column(column).to_owned()).await?;
        }
        Ok(())
    }
}
