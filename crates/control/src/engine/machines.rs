//! Which deployments this server can carry out: what runs on another server's machine, only that one reaches.

use chrono::{DateTime, Utc};
use domain::{event::NewEvent, id::DeploymentId};
use store::OnOtherMachine;

use super::runner::ENGINE;
use crate::{Control, Error};

/// Of the deployments that are due, those that can be carried out from here. The others wait for their servers; where one is
/// away, its deployment's log says so.
pub(super) async fn within_reach(
    control: &Control,
    due: Vec<DeploymentId>,
    now: DateTime<Utc>,
) -> Result<Vec<DeploymentId>, Error> {
    if control.store.is_sqlite() {
        // There is no other server to wait for.
        return Ok(due);
    }
    let elsewhere = control.store.on_other_machines(control.local.id(), &due, now).await?;
    for (id, found) in elsewhere.iter().filter(|(_, found)| !found.is_watched) {
        say_that_it_waits(control, *id, found).await?;
    }
    Ok(due.into_iter().filter(|id| !elsewhere.contains_key(id)).collect())
}

/// Once: nothing else happens to it meanwhile.
async fn say_that_it_waits(control: &Control, id: DeploymentId, found: &OnOtherMachine) -> Result<(), Error> {
    let words = format!(
        "waits for the server of the machine {}, which alone can reach it and is not there",
        found.machine
    );
    let last = control.store.events_of(id, Some(1)).await?;
    if last.iter().any(|event| event.message == words) {
        return Ok(());
    }
    let deployment = control.store.deployment(id).await?;
    let mut write = control.store.write().await?;
    let event = NewEvent::new("deployment.changed", ENGINE, words).deployment(id);
    write.append(event.environment(deployment.target_environment_id)).await?;
    Ok(write.commit().await?)
}
