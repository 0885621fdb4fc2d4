//! Trying a deployment again that did not come to its end: a new one with the tasks that are left.

use domain::{
    deploy_plan,
    deployment::{DeploymentStatus, Origin, Task, TaskStatus},
    id::{DeploymentId, ServiceId},
    revision::ContainerImage,
    sync::Preview,
};

use super::{
    ended,
    preview::{Asked, finish},
    read::read_now,
    relocate,
};
use crate::{Context, Error};

/// What carrying out the rest of a deployment would do.
pub async fn preview_retry(ctx: &Context, id: DeploymentId) -> Result<Preview, Error> {
    let ended = ended(ctx, id).await?;
    if ended.status != DeploymentStatus::Complete
        && let Some(again) = relocate::of(&ended)
    {
        return relocate::preview(ctx, &again, |asked| Asked { retry_of: Some(id), ..asked }).await;
    }
    let left: Vec<&Task> = ended.results.iter().filter(|task| task.status != TaskStatus::Success).collect();
    if left.is_empty() {
        return Err(Error::conflict(
            "nothing_to_retry",
            "Every service came to its end: there is nothing left to do.",
        ));
    }
    let ids: Vec<ServiceId> = left.iter().map(|task| task.target_service_id).collect();
    let (targets, found) = read_now(ctx, ctx.store().services_by_id(&ids).await?).await?;
    let items = targets.iter().map(|target| {
        let task = left.iter().find(|task| task.target_service_id == target.id);
        let changes = task.iter().flat_map(|task| &task.containers).filter(|change| change.moves());
        let wanted: Vec<ContainerImage> = changes
            .map(|change| ContainerImage { container: change.name.clone(), image: change.to.clone() })
            .collect();
        let replicas = task.and_then(|task| task.scale).map(|scale| scale.to);
        deploy_plan::item(target, &wanted, replicas, ended.origin == Origin::Rollback)
    });
    let items = items.collect();
    let carried = ctx.store().carried_by(id).await?.into_iter();
    let asked = Asked {
        retry_of: Some(id),
        variables: carried.map(|(service, carried)| (service, carried.to)).collect(),
        ..Asked::within(ended.target_environment_id, &ended.target_name, ids)
    };
    finish(ctx, asked, items, &found).await
}
