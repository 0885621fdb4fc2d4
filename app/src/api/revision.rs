//! Revisions, and what differs from them.

use domain::{
    compare::Comparison,
    id::{ClusterId, EnvironmentId},
    list::Page,
    revision::{Drift, NewRevision, RevisionDiff, RevisionSummary},
    up_to_date::{ReplicaCounts, UpToDate},
};
use leptos::prelude::*;

use super::{ApiError, Json};
#[cfg(feature = "ssr")]
use super::{context, fail};

/// A page of an environment's revisions, newest first.
#[server(name = CallRevisionList, prefix = "/rpc", endpoint = "revision/list", input = Json, output = Json)]
pub async fn list(id: EnvironmentId, page: Option<u32>) -> Result<Page<RevisionSummary>, ApiError> {
    let ctx = context()?;
    control::revision::list(&ctx, id, page, None).await.map_err(fail)
}

/// What differs from one revision to another.
#[server(name = CallRevisionDiff, prefix = "/rpc", endpoint = "revision/diff", input = Json, output = Json)]
pub async fn diff(id: EnvironmentId, from: i64, to: i64) -> Result<RevisionDiff, ApiError> {
    let ctx = context()?;
    control::revision::compare(&ctx, id, from, to).await.map_err(fail)
}

/// Makes a revision.
#[server(name = CallRevisionCreate, prefix = "/rpc", endpoint = "revision/create", input = Json, output = Json)]
pub async fn create(id: EnvironmentId, new: NewRevision) -> Result<RevisionSummary, ApiError> {
    let ctx = context()?;
    control::revision::create(&ctx, id, new).await.map_err(fail)
}

/// How what runs differs from the active revision.
#[server(name = CallRevisionDrift, prefix = "/rpc", endpoint = "revision/drift", input = Json, output = Json)]
pub async fn drift(id: EnvironmentId) -> Result<Drift, ApiError> {
    let ctx = context()?;
    control::revision::drift(&ctx, id).await.map_err(fail)
}

/// What runs in two environments, or in two clusters of them, field by field.
#[server(name = CallRevisionCompare, prefix = "/rpc", endpoint = "revision/compare", input = Json, output = Json)]
pub async fn compare(
    id: EnvironmentId,
    cluster: Option<ClusterId>,
    with: EnvironmentId,
    with_cluster: Option<ClusterId>,
) -> Result<Comparison, ApiError> {
    let ctx = context()?;
    let side = |environment, cluster: Option<ClusterId>| control::compare::Side {
        environment,
        cluster: cluster.map(|id| id.to_string()),
    };
    control::compare::environments(&ctx, side(id, cluster), side(with, with_cluster)).await.map_err(fail)
}

/// Whether an environment is up to date, and its counts, without its services; none where it has none.
#[server(name = CallRevisionReplicas, prefix = "/rpc", endpoint = "revision/replicas", input = Json, output = Json)]
pub async fn replicas(id: EnvironmentId) -> Result<Option<(bool, ReplicaCounts)>, ApiError> {
    let ctx = context()?;
    let found = control::up_to_date::check(&ctx, id).await.map_err(fail)?;
    Ok((!found.services.is_empty()).then_some((found.up_to_date, found.replicas)))
}

/// The up-to-date check of an environment.
#[server(name = CallRevisionUpToDate, prefix = "/rpc", endpoint = "revision/up_to_date", input = Json, output = Json)]
pub async fn up_to_date(id: EnvironmentId) -> Result<UpToDate, ApiError> {
    let ctx = context()?;
    control::up_to_date::check(&ctx, id).await.map_err(fail)
}
