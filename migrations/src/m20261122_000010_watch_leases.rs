//! Which server watches a cluster, and how often what it observed there was written.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // No reference to the cluster: whoever deletes one would wait for its watch, and its watch for the deletion.
        let table = Table::create()
            .table("watch_lease")
            .col(uuid("cluster_id").primary_key())
            .col(string_null("owner"))
            .col(big_integer("epoch"))
            .col(timestamp_with_time_zone_null("until"))
            .col(big_integer("news"))
            .to_owned();
        manager.create_table(table).await
    }
}
