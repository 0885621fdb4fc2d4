//! The variables of each revision, and what differs in them from the revision before it.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let columns = [json("variables").default("{}").take(), json("variable_changes").default("[]").take()];
        for column in columns {
            manager.alter_table(Table::alter().table("revision").add_column(column).to_owned()).await?;
        }
        Ok(())
    }
}
