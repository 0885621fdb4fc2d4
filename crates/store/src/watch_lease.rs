//! Leases of watches: which server watches a cluster. Every write of what is observed carries the lease's epoch, so a server
//! that was only paused, and whose watch another has taken over meanwhile, cannot write afterwards.
//!
//! A SQLite database belongs to one server, which watches everything: nothing is stored or asked there.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, TimeDelta, Utc};
use domain::id::ClusterId;
use sea_orm::{
    ActiveValue::Set,
    Condition, QueryOrder, QuerySelect, QueryTrait, UpdateMany,
    entity::prelude::*,
    sea_query::{ExprTrait, OnConflict},
};

use crate::{Error, Store, Write, cluster};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "watch_lease")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) cluster_id: Uuid,
    owner: Option<String>,
    epoch: i64,
    pub(crate) until: Option<DateTimeUtc>,
    /// Goes up with every write, for other servers to see that there is something new.
    news: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// The right to watch a cluster, and to write what is observed of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WatchLease {
    /// The cluster.
    pub cluster: ClusterId,
    /// Goes up whenever it changes hands.
    pub epoch: i64,
}

impl WatchLease {
    /// That of a server which alone owns its database: nobody takes it over.
    pub fn alone(cluster: ClusterId) -> Self {
        Self { cluster, epoch: 0 }
    }
}

impl Store {
    /// How often what was observed of each cluster was written, whoever watches it.
    pub async fn observed_times(&self) -> Result<HashMap<ClusterId, i64>, Error> {
        let query = Entity::find().select_only().columns([Column::ClusterId, Column::News]);
        let rows: Vec<(Uuid, i64)> = query.into_tuple().all(&self.db).await?;
        Ok(rows.into_iter().map(|(cluster, news)| (cluster.into(), news)).collect())
    }
}

impl Write {
    /// Has a server keep the watches that it has for so long, take of those wanted what nobody has, and give up what is not
    /// wanted any more. What it has now.
    pub async fn share_watches(
        &mut self,
        owner: &str,
        wanted: &[ClusterId],
        now: DateTime<Utc>,
        time: TimeDelta,
    ) -> Result<Vec<WatchLease>, Error> {
        let wanted: HashSet<Uuid> = wanted.iter().map(|id| id.0).collect();
        self.enter(&wanted).await?;
        let free = Condition::all()
            .add(Column::ClusterId.is_in(wanted.iter().copied()))
            .add(Condition::any().add(Column::Until.is_null()).add(Column::Until.lt(now)));
        let query = Entity::find().filter(Condition::any().add(Column::Owner.eq(owner)).add(free));
        // In order, as everywhere: nobody waits for one who waits for him.
        let rows = query.order_by_asc(Column::ClusterId).lock_exclusive().all(self.tx()).await?;
        let (kept, others): (Vec<_>, Vec<_>) = rows
            .into_iter()
            .partition(|row| row.owner.as_deref() == Some(owner) && wanted.contains(&row.cluster_id));
        let (taken, left): (Vec<_>, Vec<_>) =
            others.into_iter().partition(|row| wanted.contains(&row.cluster_id));
        let (until, hands) = (Some(now + time), Expr::col(Column::Epoch).add(1));
        let keep = change(&kept).col_expr(Column::Until, Expr::value(until));
        let take = change(&taken)
            .col_expr(Column::Owner, Expr::value(owner))
            .col_expr(Column::Epoch, hands)
            .col_expr(Column::Until, Expr::value(until));
        for (update, rows) in [(keep, &kept), (take, &taken), (give_up(change(&left)), &left)] {
            if !rows.is_empty() {
                update.exec(self.tx()).await?;
            }
        }
        if !left.is_empty() {
            self.forget_watches().await?;
        }
        let lease = |row: &Model, epoch| WatchLease { cluster: row.cluster_id.into(), epoch };
        let taken = taken.iter().map(|row| lease(row, row.epoch + 1));
        Ok(kept.iter().map(|row| lease(row, row.epoch)).chain(taken).collect())
    }

    /// Gives up what a server watches, for others to go on with at once.
    pub async fn release_watches(&mut self, owner: &str) -> Result<(), Error> {
        give_up(Entity::update_many().filter(Column::Owner.eq(owner))).exec(self.tx()).await?;
        Ok(())
    }

    /// Fails unless all these are still held, and nobody takes one of them over until the commit. Other servers see that
    /// there is something new.
    pub async fn hold_watches(&mut self, leases: &[&WatchLease]) -> Result<(), Error> {
        if self.is_sqlite() || leases.is_empty() {
            return Ok(());
        }
        let ids: Vec<Uuid> = leases.iter().map(|lease| lease.cluster.0).collect();
        let held: Vec<(Uuid, i64)> = Entity::find()
            .select_only()
            .columns([Column::ClusterId, Column::Epoch])
            .filter(Column::ClusterId.is_in(ids.iter().copied()))
            .order_by_asc(Column::ClusterId)
            .lock_exclusive()
            .into_tuple()
            .all(self.tx())
            .await?;
        let held: HashMap<Uuid, i64> = held.into_iter().collect();
        if leases.iter().any(|lease| held.get(&lease.cluster.0) != Some(&lease.epoch)) {
            return Err(Error::LeaseLost);
        }
        Entity::update_many()
            .col_expr(Column::News, Expr::col(Column::News).add(1))
            .filter(Column::ClusterId.is_in(ids))
            .exec(self.tx())
            .await?;
        Ok(())
    }

    /// Clusters that were never watched have no row yet.
    async fn enter(&mut self, wanted: &HashSet<Uuid>) -> Result<(), Error> {
        let known: Vec<Uuid> = Entity::find()
            .select_only()
            .column(Column::ClusterId)
            .filter(Column::ClusterId.is_in(wanted.iter().copied()))
            .into_tuple()
            .all(self.tx())
            .await?;
        let known: HashSet<Uuid> = known.into_iter().collect();
        let mut new: Vec<Uuid> = wanted.difference(&known).copied().collect();
        new.sort_unstable();
        if new.is_empty() {
            return Ok(());
        }
        let row = |cluster| ActiveModel {
            cluster_id: Set(cluster),
            owner: Set(None),
            epoch: Set(0),
            until: Set(None),
            news: Set(0),
        };
        let unless_there = OnConflict::column(Column::ClusterId).do_nothing().to_owned();
        Entity::insert_many(new.into_iter().map(row))
            .on_conflict(unless_there)
            .exec_without_returning(self.tx())
            .await?;
        Ok(())
    }

    /// What nobody watches, and cannot be watched any more.
    async fn forget_watches(&mut self) -> Result<(), Error> {
        let there = cluster::Entity::find().select_only().column(cluster::Column::Id).into_query();
        Entity::delete_many()
            .filter(Column::Owner.is_null())
            .filter(Column::ClusterId.not_in_subquery(there))
            .exec(self.tx())
            .await?;
        Ok(())
    }
}

fn change(rows: &[Model]) -> UpdateMany<Entity> {
    Entity::update_many().filter(Column::ClusterId.is_in(rows.iter().map(|row| row.cluster_id)))
}

/// With the epoch: what is still being written under this lease is too late.
fn give_up(update: UpdateMany<Entity>) -> UpdateMany<Entity> {
    update
        .col_expr(Column::Owner, Expr::value(Option::<String>::None))
        .col_expr(Column::Epoch, Expr::col(Column::Epoch).add(1))
        .col_expr(Column::Until, Expr::value(Option::<DateTimeUtc>::None))
}
