//! Leases: which server carries a deployment out. Every write of the engine carries the lease's epoch, so a server that
//! was only paused, and whose work another has taken over meanwhile, cannot write afterwards.

use chrono::{DateTime, TimeDelta, Utc};
use domain::{deployment::DeploymentStatus, id::DeploymentId};
use sea_orm::{Condition, DbBackend, QuerySelect, Statement, entity::prelude::*, sea_query::ExprTrait};

use crate::{
    Error, Store, Write,
    deployment::{Column, Entity, open},
};

/// The right to carry a deployment out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The deployment.
    pub deployment: DeploymentId,
    /// Goes up with each claim.
    pub epoch: i64,
}

impl Store {
    /// The time by which leases are: that of the database, as each server's own clock may be another. On SQLite there is one
    /// server.
    pub async fn now(&self) -> Result<DateTime<Utc>, Error> {
        if self.is_sqlite() {
            return Ok(Utc::now());
        }
        let asked = Statement::from_string(DbBackend::Postgres, "select clock_timestamp() as now");
        let row = self.db.query_one_raw(asked).await?.ok_or(Error::NotFound)?;
        Ok(row.try_get("", "now")?)
    }
}

impl Write {
    /// Takes a deployment that nobody carries out, and its workloads with it; `None` where someone else was quicker.
    /// [`Error::Duplicate`] where another deployment works on one of them.
    pub async fn claim(
        &mut self,
        id: DeploymentId,
        owner: &str,
        now: DateTime<Utc>,
        time: TimeDelta,
    ) -> Result<Option<Lease>, Error> {
        if !self.has_turn(id, now).await? {
            return Ok(None);
        }
        let free = Condition::any().add(Column::LeaseUntil.is_null()).add(Column::LeaseUntil.lt(now));
        let claimed = Entity::update_many()
            .col_expr(Column::LeaseOwner, Expr::value(owner))
            .col_expr(Column::LeaseEpoch, Expr::col(Column::LeaseEpoch).add(1))
            .col_expr(Column::LeaseUntil, Expr::value(now + time))
            .filter(Column::Id.eq(id.0))
            .filter(Column::Status.is_in(open()))
            .filter(free)
            .exec(self.tx())
            .await?;
        if claimed.rows_affected == 0 {
            return Ok(None);
        }
        let found: Option<(i64, bool)> = Entity::find_by_id(id.0)
            .select_only()
            .columns([Column::LeaseEpoch, Column::CancelRequested])
            .into_tuple()
            .one(self.tx())
            .await?;
        let Some((epoch, cancelled)) = found else { return Ok(None) };
        // What is cancelled before its turn does not touch what another one works on.
        if !cancelled {
            self.occupy(id).await?;
        }
        Ok(Some(Lease { deployment: id, epoch }))
    }

    /// Whether nothing else is under way in a deployment's environment, which is held until the commit: two servers may have
    /// chosen two of it. One that has begun, or was cancelled, needs no turn.
    async fn has_turn(&mut self, id: DeploymentId, now: DateTime<Utc>) -> Result<bool, Error> {
        let Some(row) = Entity::find_by_id(id.0).one(self.tx()).await? else { return Ok(false) };
        if row.cancel_requested || row.status != DeploymentStatus::Pending.as_str() {
            return Ok(true);
        }
        self.hold_environment(row.target_environment_id.into()).await?;
        let under_way = Condition::any()
            .add(Column::Status.eq(DeploymentStatus::Running.as_str()))
            .add(Column::LeaseUntil.gte(now));
        let others = Entity::find()
            .filter(Column::TargetEnvironmentId.eq(row.target_environment_id))
            .filter(Column::Id.ne(id.0))
            .filter(Column::Status.is_in(open()))
            .filter(under_way);
        Ok(others.count(self.tx()).await? == 0)
    }

    /// Keeps a lease for longer.
    pub async fn renew(&mut self, lease: &Lease, until: DateTime<Utc>) -> Result<(), Error> {
        let renewed = Entity::update_many()
            .col_expr(Column::LeaseUntil, Expr::value(until))
            .filter(Column::Id.eq(lease.deployment.0))
            .filter(Column::LeaseEpoch.eq(lease.epoch))
            .exec(self.tx())
            .await?;
        if renewed.rows_affected == 0 { Err(Error::LeaseLost) } else { Ok(()) }
    }

    /// Gives every lease of this database up; for a server that alone owns it and has just started.
    pub async fn release_all_leases(&mut self) -> Result<(), Error> {
        Entity::update_many()
            .col_expr(Column::LeaseUntil, Expr::value(Option::<DateTimeUtc>::None))
            .filter(Column::Status.is_in(open()))
            .exec(self.tx())
            .await?;
        Ok(())
    }

    /// Gives up what a server carries out, for others to go on with at once.
    pub async fn release_leases(&mut self, owner: &str) -> Result<(), Error> {
        Entity::update_many()
            .col_expr(Column::LeaseUntil, Expr::value(Option::<DateTimeUtc>::None))
            .filter(Column::LeaseOwner.eq(owner))
            .filter(Column::Status.is_in(open()))
            .exec(self.tx())
            .await?;
        Ok(())
    }

    /// Fails unless the lease is still held; on PostgreSQL the row stays locked until the commit.
    pub(crate) async fn hold(&self, lease: &Lease) -> Result<(), Error> {
        let mut query = Entity::find_by_id(lease.deployment.0)
            .select_only()
            .column(Column::LeaseEpoch)
            .filter(Column::LeaseEpoch.eq(lease.epoch));
        if !self.is_sqlite() {
            query = query.lock_exclusive();
        }
        let held: Option<i64> = query.into_tuple().one(self.tx()).await?;
        held.map(|_| ()).ok_or(Error::LeaseLost)
    }
}
