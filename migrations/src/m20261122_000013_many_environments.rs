//! What keeps lists quick at ten thousand environments and tens of thousands of deployments: a name to search by, positions
//! without gaps, and an index for every order to its last column, without which a deep page is sorted anew.

use sea_orm::prelude::Uuid;
use sea_orm_migration::{prelude::*, schema::*};

use crate::m20261121_000001_sites::index;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

/// From here on those on the right close up when one goes, so that a place is a position.
const CLOSE_UP: &str = "update environment set position = ranked.place \
     from (select id, row_number() over (order by position, id) - 1 as place from environment) as ranked \
     where ranked.id = environment.id";

/// The history's orders.
const DEPLOYMENT: [(&str, &[&str]); 4] = [
    ("deployment_start", &["start_time", "id"]),
    ("deployment_status", &["status", "start_time", "id"]),
    ("deployment_target", &["target_environment_id", "start_time", "id"]),
    ("deployment_source", &["source_environment_id", "start_time", "id"]),
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    // On one connection: others would believe for a while that a dropped index is still there.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let search = Table::alter().table("environment").add_column(text("search").default("")).to_owned();
        manager.alter_table(search).await?;
        fill(manager).await?;
        manager.get_connection().execute_unprepared(CLOSE_UP).await?;
        for (order, column) in [("position", "position"), ("search", "search"), ("created", "created_at")] {
            let name = format!("environment_{order}");
            manager.create_index(index(name, "environment", &[column, "id"])).await?;
        }
        for (name, columns) in DEPLOYMENT {
            manager.drop_index(Index::drop().name(name).table("deployment").to_owned()).await?;
            manager.create_index(index(name, "deployment", columns)).await?;
        }
        Ok(())
    }
}

/// The databases know lower case of plain letters only.
async fn fill(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let db = manager.get_connection();
    let all = Query::select().columns(["id", "name"]).from("environment").to_owned();
    for row in db.query_all(&all).await? {
        let (id, name): (Uuid, String) = (row.try_get_by_index(0)?, row.try_get_by_index(1)?);
        let update = Query::update()
            .table("environment")
            .value("search", name.to_lowercase())
            .and_where(Expr::col("id").eq(id))
            .to_owned();
        db.execute(&update).await?;
    }
    Ok(())
}
