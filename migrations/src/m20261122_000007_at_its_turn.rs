//! What a deployment that has waited is held to at its turn.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let columns =
            [boolean("overrides_freeze").default(false).take(), big_integer_null("time_limit_seconds")];
        for column in columns {
            manager.alter_table(Table::alter().table("deployment").add_column(column).to_owned()).await?;
        }
        Ok(())
    }
}
