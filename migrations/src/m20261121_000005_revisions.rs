//! Active revisions with their differences, what is said of environments and clusters, retries, and answers kept for repeated requests.

use sea_orm::{ConnectionTrait, DbBackend};
use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let columns = [
            ("environment", big_integer("active_revision").default(0).take()),
            ("environment", json("settings").default("{}").take()),
            ("environment", big_integer("settings_version").default(0).take()),
            ("cluster", boolean("renamed").default(false).take()),
            ("cluster", json("labels").default("{}").take()),
            ("cluster", boolean("cordoned").default(false).take()),
            ("cluster", big_integer("version").default(1).take()),
            ("revision", integer("workloads").default(0).take()),
            ("revision", json("changes").default("[]").take()),
            ("deployment", uuid_null("retry_of")),
            ("task", json("alternatives").default("[]").take()),
            ("deployment", timestamp_with_time_zone_null("scheduled_for")),
            ("deployment", timestamp_with_time_zone_null("begun_at")),
        ];
        for (table, column) in columns {
            let alter = Table::alter().table(table).add_column(column).to_owned();
            manager.alter_table(alter).await?;
        }
        manager.create_table(kept_answer()).await?;
        let db = manager.get_connection();
        let length = match db.get_database_backend() {
            DbBackend::Sqlite => "json_array_length(entries)",
            _ => "json_array_length(entries::json)",
        };
        db.execute_unprepared(&format!("update revision set workloads = {length}")).await?;
        db.execute_unprepared(
            "update environment set active_revision = coalesce((select max(revision) from deployment \
             where target_environment_id = environment.id and status = 'complete'), 0)",
        )
        .await?;
        Ok(())
    }
}

/// What was answered to a request that may come again under the same key.
fn kept_answer() -> TableCreateStatement {
    Table::create()
        .table("kept_answer")
        .col(string("key").primary_key())
        .col(string("request"))
        .col(integer_null("status"))
        .col(text("location"))
        .col(text("body"))
        .col(timestamp_with_time_zone("created_at"))
        .to_owned()
}
