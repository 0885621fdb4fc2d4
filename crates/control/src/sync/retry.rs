//! Trying a deployment again that did not come to its end: a new one with the tasks that are left.

use domain::{
    deploy_plan,
    deployment::{Deployment, DeploymentStatus, Task, TaskStatus},
    id::{DeploymentId, ServiceId},
    revision::ContainerImage,
};

use super::{
    preview::{Asked as Subject, finish, read_now},
    start::{Asked, How, begin},
};
use crate::{Context, Error, deployment};

/// Starts what is left of a deployment.
pub async fn retry(ctx: &Context, id: DeploymentId) -> Result<Deployment, Error> {
    let ended = deployment::get(ctx, id).await?;
    if !ended.status.ended() {
        return Err(Error::conflict(
            "deployment_running",
            "It is still under way. Cancel it, or wait until it has ended.",
        ));
    }
    let left: Vec<&Task> = ended.results.iter().filter(|task| task.status != TaskStatus::Success).collect();
    if ended.status == DeploymentStatus::Complete || left.is_empty() {
        return Err(Error::conflict(
            "nothing_to_retry",
            "Every service came to its end: there is nothing left to do.",
        ));
    }
    let ids: Vec<ServiceId> = left.iter().map(|task| task.target_service_id).collect();
    let (targets, found) = read_now(ctx, ctx.store().services_by_id(&ids).await?).await;
    let items = targets.iter().map(|target| {
        let task = left.iter().find(|task| task.target_service_id == target.id);
        let changes = task.iter().flat_map(|task| &task.containers).filter(|change| change.moves());
        let wanted: Vec<ContainerImage> = changes
            .map(|change| ContainerImage { container: change.name.clone(), image: change.to.clone() })
            .collect();
        deploy_plan::item(target, &wanted)
    });
    let items = items.collect();
    let within = Subject::within(ended.target_environment_id, &ended.target_name, ids);
    let shown = finish(ctx, Subject { retry_of: Some(id), ..within }, items, &found).await?;
    let how = How { on_failure: ended.on_failure, note: &ended.note, ticket: &ended.ticket };
    begin(ctx, &shown, &Asked::AllBut(&[]), how).await
}
