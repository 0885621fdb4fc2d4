//! Several operations in one request, each carried out by itself.

use domain::{
    batch::{Batch, BatchAnswer, MAX_OPERATIONS, Operation, OperationResult},
    id::EnvironmentId,
    revision::NewRevision,
    settings::{Freeze, SettingsEdit, StoredSettings},
    sync::OnFailure,
};

use crate::{Context, Error, cluster, deployment, environment, revision, settings, sync};

/// Carries out operations one after the other; one that fails does not keep the others from being done.
pub async fn carry_out(ctx: &Context, batch: Batch) -> Result<BatchAnswer, Error> {
    if batch.operations.is_empty() {
        return Err(Error::invalid("operations", "Give at least one operation."));
    }
    if batch.operations.len() > MAX_OPERATIONS {
        return Err(Error::invalid("operations", format!("At most {MAX_OPERATIONS} at once.")));
    }
    let mut results = Vec::with_capacity(batch.operations.len());
    for operation in batch.operations {
        results.push(match one(ctx, operation).await {
            Ok(result) => OperationResult { done: true, ..result },
            Err(error) => OperationResult { problem: Some(error.problem()), ..Default::default() },
        });
    }
    let failed = results.iter().filter(|result| !result.done).count() as u64;
    Ok(BatchAnswer { results, failed })
}

async fn one(ctx: &Context, operation: Operation) -> Result<OperationResult, Error> {
    let mut result = OperationResult::default();
    match operation {
        Operation::EditEnvironment { environment_id, edit } => {
            environment::edit(ctx, environment_id, edit).await?;
        }
        Operation::DeleteEnvironment { environment_id, force } => {
            environment::delete(ctx, environment_id, force).await?;
        }
        Operation::Freeze { environment_id, freeze: added } => freeze(ctx, environment_id, added).await?,
        Operation::Capture { environment_id, reason } => {
            let base = environment::get(ctx, environment_id).await?.latest_revision;
            let new = NewRevision { base, capture: true, reason, ..Default::default() };
            result.revision = Some(revision::create(ctx, environment_id, new).await?.number);
        }
        Operation::EditCluster { cluster_id, edit } => {
            cluster::edit(ctx, &cluster_id.to_string(), edit).await?;
        }
        Operation::Deploy { start } => {
            result.deployment_id = Some(sync::start_deploy(ctx, *start).await?.id);
        }
        Operation::Rollback { deployment_id, how } => {
            let started = sync::roll_back(ctx, deployment_id, how, OnFailure::GoOn).await?;
            result.deployment_id = Some(started.id);
        }
        Operation::Cancel { deployment_id } => {
            deployment::cancel(ctx, deployment_id).await?;
        }
    }
    Ok(result)
}

/// Adds a freeze to what the settings are now.
async fn freeze(ctx: &Context, environment: EnvironmentId, freeze: Freeze) -> Result<(), Error> {
    let StoredSettings { mut settings, version, .. } = settings::get(ctx, environment).await?;
    let reason = freeze.reason.clone();
    settings.freezes.push(freeze);
    settings::put(ctx, environment, SettingsEdit { settings, version, reason, base: None }).await?;
    Ok(())
}
