//! Events: appended in the transaction that changes the state, numbered in the order of commits.

use chrono::Utc;
use domain::{
    event::{Event, NewEvent},
    id::DeploymentId,
};
use sea_orm::{ActiveValue::Set, QueryOrder, QuerySelect, entity::prelude::*};

use crate::{Error, Store, Write};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "event")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    seq: i64,
    at: DateTimeUtc,
    kind: String,
    actor: String,
    deployment_id: Option<Uuid>,
    task_id: Option<Uuid>,
    environment_id: Option<Uuid>,
    message: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl From<Model> for Event {
    fn from(row: Model) -> Self {
        Event {
            seq: row.seq,
            at: row.at,
            kind: row.kind,
            actor: row.actor,
            deployment_id: row.deployment_id.map(Into::into),
            task_id: row.task_id.map(Into::into),
            environment_id: row.environment_id.map(Into::into),
            message: row.message,
        }
    }
}

/// The newest event's number, 0 before the first.
pub(crate) async fn newest(db: &impl ConnectionTrait) -> Result<i64, Error> {
    let newest: Option<Option<i64>> =
        Entity::find().select_only().column_as(Column::Seq.max(), "seq").into_tuple().one(db).await?;
    Ok(newest.flatten().unwrap_or(0))
}

impl Store {
    /// The events after a number, in order, `limit` at most.
    pub async fn events_after(&self, seq: i64, limit: u64) -> Result<Vec<Event>, Error> {
        let query = Entity::find().filter(Column::Seq.gt(seq)).order_by_asc(Column::Seq).limit(limit);
        Ok(query.all(&self.db).await?.into_iter().map(Event::from).collect())
    }

    /// A deployment's events after a number, in order, `limit` at most.
    pub async fn events_of_after(
        &self,
        deployment: DeploymentId,
        seq: i64,
        limit: u64,
    ) -> Result<Vec<Event>, Error> {
        let query = Entity::find()
            .filter(Column::DeploymentId.eq(deployment.0))
            .filter(Column::Seq.gt(seq))
            .order_by_asc(Column::Seq)
            .limit(limit);
        Ok(query.all(&self.db).await?.into_iter().map(Event::from).collect())
    }

    /// A deployment's events, in order; with a `limit` the newest of them.
    pub async fn events_of(&self, deployment: DeploymentId, limit: Option<u64>) -> Result<Vec<Event>, Error> {
        let query = Entity::find()
            .filter(Column::DeploymentId.eq(deployment.0))
            .order_by_desc(Column::Seq)
            .limit(limit);
        let mut events: Vec<Event> = query.all(&self.db).await?.into_iter().map(Event::from).collect();
        events.reverse();
        Ok(events)
    }
}

/// Events of one statement, which takes a limited number of values.
const AT_ONCE: usize = 1_000;

impl Write {
    /// Appends an event.
    pub async fn append(&mut self, event: NewEvent) -> Result<(), Error> {
        self.append_all(vec![event]).await
    }

    /// Appends events in one statement. Their numbers are taken under a lock that is held until the commit, so that numbers
    /// follow the order of commits: on PostgreSQL an advisory lock, on SQLite there is one writer anyway.
    pub async fn append_all(&mut self, events: Vec<NewEvent>) -> Result<(), Error> {
        if events.is_empty() {
            return Ok(());
        }
        let first = match self.appended {
            // The lock is held since then.
            Some(last) => last + 1,
            None => self.first_number().await?,
        };
        let (now, mut rows) = (Utc::now(), Vec::with_capacity(events.len()));
        for (seq, event) in (first..).zip(events) {
            self.appended = Some(seq);
            rows.push(ActiveModel {
                seq: Set(seq),
                at: Set(now),
                kind: Set(event.kind.to_owned()),
                actor: Set(event.actor),
                deployment_id: Set(event.deployment_id.map(|id| id.0)),
                task_id: Set(event.task_id.map(|id| id.0)),
                environment_id: Set(event.environment_id.map(|id| id.0)),
                message: Set(event.message),
            });
        }
        let mut rows = rows.into_iter().peekable();
        while rows.peek().is_some() {
            let some = rows.by_ref().take(AT_ONCE);
            Entity::insert_many(some).exec_without_returning(self.tx()).await?;
        }
        Ok(())
    }

    async fn first_number(&mut self) -> Result<i64, Error> {
        if self.tx().get_database_backend() == sea_orm::DbBackend::Postgres {
            self.tx().execute_unprepared("select pg_advisory_xact_lock(7601001)").await?;
        }
        Ok(newest(self.tx()).await? + 1)
    }
}
