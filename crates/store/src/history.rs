//! The history of deployments: its pages and its days.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::{
    deployment::{Deployment, DeploymentStatus, HistoryDay, HistoryQuery},
    id::EnvironmentId,
    list::{Page, Paging},
    metrics::{Ended, median},
};
use sea_orm::{
    Condition, QueryOrder, QuerySelect, Select,
    entity::prelude::*,
    sea_query::{Expr as SeaExpr, ExprTrait, Func},
};

use crate::{
    Error, Store,
    deployment::{Column, Entity},
    text,
};

fn of_environment(id: EnvironmentId) -> Condition {
    Condition::any().add(Column::SourceEnvironmentId.eq(id.0)).add(Column::TargetEnvironmentId.eq(id.0))
}

fn filtered(wanted: &HistoryQuery) -> Select<Entity> {
    let mut query = Entity::find();
    if let Some(env) = wanted.env {
        query = query.filter(of_environment(env));
    }
    if let Some(status) = wanted.status.as_ref().filter(|status| !status.is_empty()) {
        query = query.filter(Column::Status.eq(status));
    }
    if let Some(pattern) = wanted.q.as_deref().and_then(text::contains) {
        let columns =
            [Column::Note, Column::Ticket, Column::InitiatedBy, Column::SourceName, Column::TargetName];
        let any = columns.into_iter().fold(Condition::any(), |any, column| {
            any.add(SeaExpr::expr(Func::lower(SeaExpr::col(column))).like(pattern.clone()))
        });
        query = query.filter(any);
    }
    query
}

impl Store {
    /// A page of deployments, newest first.
    pub async fn history(&self, wanted: &HistoryQuery, paging: Paging) -> Result<Page<Deployment>, Error> {
        let total = filtered(wanted).count(&self.db).await?;
        let rows = filtered(wanted)
            .order_by_desc(Column::StartTime)
            .order_by_desc(Column::Id)
            .offset(paging.offset())
            .limit(u64::from(paging.page_size))
            .all(&self.db)
            .await?;
        let items = self.summaries(rows).await?;
        Ok(Page { items, total, page: paging.page, page_size: paging.page_size })
    }

    /// How deployments ended that were started since a time.
    pub async fn ended_since(&self, since: DateTime<Utc>) -> Result<Vec<Ended>, Error> {
        let rows: Vec<(String, String, Option<DateTimeUtc>, DateTimeUtc)> = Entity::find()
            .select_only()
            .columns([Column::Origin, Column::Status, Column::BegunAt, Column::EndTime])
            .filter(Column::StartTime.gte(since))
            .filter(Column::EndTime.is_not_null())
            .into_tuple()
            .all(&self.db)
            .await?;
        let ended =
            |(origin, status, begun, end): (String, String, Option<DateTimeUtc>, DateTimeUtc)| Ended {
                origin: origin.as_str().into(),
                status: status.as_str().into(),
                seconds: begun.map(|begun| (end - begun).num_milliseconds() as f64 / 1000.0),
            };
        Ok(rows.into_iter().map(ended).collect())
    }

    /// Ended deployments since a time, by day (UTC), with the median duration; days without any are left out.
    pub async fn history_days(
        &self,
        environment: Option<EnvironmentId>,
        since: DateTime<Utc>,
    ) -> Result<Vec<HistoryDay>, Error> {
        let mut query = Entity::find()
            .select_only()
            .columns([Column::Status, Column::StartTime, Column::BegunAt, Column::EndTime])
            .filter(Column::StartTime.gte(since))
            .filter(Column::EndTime.is_not_null());
        if let Some(environment) = environment {
            query = query.filter(of_environment(environment));
        }
        let rows: Vec<(String, DateTimeUtc, Option<DateTimeUtc>, DateTimeUtc)> =
            query.into_tuple().all(&self.db).await?;
        let mut days: BTreeMap<String, (HistoryDay, Vec<f64>)> = BTreeMap::new();
        for (status, start, begun, end) in rows {
            let (day, seconds) = days.entry(start.format("%Y-%m-%d").to_string()).or_default();
            match DeploymentStatus::from(status.as_str()) {
                DeploymentStatus::Complete => day.complete += 1,
                DeploymentStatus::Cancelled | DeploymentStatus::Superseded => day.cancelled += 1,
                _ => day.failed += 1,
            }
            // Waiting for its turn, or for its time, is not part of it.
            seconds.extend(begun.map(|begun| (end - begun).num_milliseconds() as f64 / 1000.0));
        }
        let finish = |(day, (counts, seconds)): (String, (HistoryDay, Vec<f64>))| HistoryDay {
            day,
            median_seconds: median(seconds),
            ..counts
        };
        Ok(days.into_iter().map(finish).collect())
    }
}
