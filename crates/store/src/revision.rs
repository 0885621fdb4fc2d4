//! Revisions.

use domain::{
    id::EnvironmentId,
    list::{Page, Paging},
    revision::Revision,
};
use sea_orm::{ActiveValue::Set, QueryOrder, QuerySelect, entity::prelude::*};

use crate::{Error, Store, Write, environment};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "revision")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    id: Uuid,
    environment_id: Uuid,
    number: i64,
    entries: Json,
    deployment_id: Option<Uuid>,
    author: String,
    reason: String,
    created_at: DateTimeUtc,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl TryFrom<Model> for Revision {
    type Error = Error;

    fn try_from(row: Model) -> Result<Self, Error> {
        Ok(Revision {
            id: row.id.into(),
            environment_id: row.environment_id.into(),
            number: row.number,
            entries: serde_json::from_value(row.entries)?,
            deployment_id: row.deployment_id.map(Into::into),
            author: row.author,
            reason: row.reason,
            created_at: row.created_at,
        })
    }
}

/// The newest revision's number of each environment that has one.
pub(crate) async fn latest_by_environment(db: &impl ConnectionTrait) -> Result<Vec<(Uuid, i64)>, Error> {
    Ok(Entity::find()
        .select_only()
        .column(Column::EnvironmentId)
        .column_as(Column::Number.max(), "number")
        .group_by(Column::EnvironmentId)
        .into_tuple()
        .all(db)
        .await?)
}

impl Store {
    /// A page of an environment's revisions, newest first.
    pub async fn revisions(
        &self,
        environment: EnvironmentId,
        paging: Paging,
    ) -> Result<Page<Revision>, Error> {
        let all = || Entity::find().filter(Column::EnvironmentId.eq(environment.0));
        let total = all().count(&self.db).await?;
        let query =
            all().order_by_desc(Column::Number).offset(paging.offset()).limit(u64::from(paging.page_size));
        let items = query
            .all(&self.db)
            .await?
            .into_iter()
            .map(Revision::try_from)
            .collect::<Result<Vec<_>, Error>>()?;
        Ok(Page { items, total, page: paging.page, page_size: paging.page_size })
    }
}

impl Write {
    /// Keeps an environment to this transaction until its commit; on SQLite there is one writer anyway.
    pub(crate) async fn hold_environment(&mut self, id: EnvironmentId) -> Result<(), Error> {
        if self.tx().get_database_backend() == sea_orm::DbBackend::Postgres {
            environment::Entity::find_by_id(id.0).lock_exclusive().one(self.tx()).await?;
        }
        Ok(())
    }

    /// Adds a revision with the environment's next number, which it returns.
    pub async fn insert_revision(&mut self, revision: &Revision) -> Result<i64, Error> {
        // So that two that are added at once do not take the same number.
        self.hold_environment(revision.environment_id).await?;
        let latest: Option<Option<i64>> = Entity::find()
            .select_only()
            .column_as(Column::Number.max(), "number")
            .filter(Column::EnvironmentId.eq(revision.environment_id.0))
            .into_tuple()
            .one(self.tx())
            .await?;
        let number = latest.flatten().unwrap_or(0) + 1;
        let row = ActiveModel {
            id: Set(revision.id.0),
            environment_id: Set(revision.environment_id.0),
            number: Set(number),
            entries: Set(serde_json::to_value(&revision.entries)?),
            deployment_id: Set(revision.deployment_id.map(|id| id.0)),
            author: Set(revision.author.clone()),
            reason: Set(revision.reason.clone()),
            created_at: Set(revision.created_at),
        };
        Entity::insert(row).exec_without_returning(self.tx()).await?;
        Ok(number)
    }
}
