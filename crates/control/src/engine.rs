//! Carries deployments out: claims them by lease, and does what [`domain::engine::step`] says, over and over, until it
//! says that all is done. Every step is in the database before it is taken.

mod act;
mod machines;
mod rebind;
mod relocate;
mod runner;
mod settle;
mod turn;
mod work;

use std::{sync::Arc, time::Duration};

use domain::{id::DeploymentId, queue};
use store::Lease;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::{Control, Error};

/// How often unclaimed deployments are looked for without being told to.
const LOOK: Duration = Duration::from_secs(2);

/// Takes up what nobody carries out, until the server stops.
pub(crate) async fn run(control: Arc<Control>, stop: CancellationToken) {
    loop {
        if let Err(error) = take_up(&control).await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "deployments cannot be read; tried again"
            );
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = control.observer.engine_woken() => {}
            () = tokio::time::sleep(LOOK) => {}
        }
    }
}

async fn take_up(control: &Arc<Control>) -> Result<(), Error> {
    let now = control.store.now().await?;
    let due = queue::due(&control.store.open_deployments(now).await?, now);
    for id in machines::within_reach(control, due, now).await? {
        let claimed = Instant::now();
        let Some(lease) = claim(control, id).await? else { continue };
        let running = control.clone();
        control.spawn(async move {
            let ended = runner::carry_out(running.clone(), lease, claimed).await;
            // Another one of its environment may have waited for this.
            running.observer.wake_engine();
            match ended {
                Ok(()) => {}
                Err(error) if error.is_lease_lost() => {
                    tracing::info!(deployment = %id, "another server goes on with it");
                }
                // The lease runs out, and the deployment is taken up again from what is stored.
                Err(error) => {
                    tracing::error!(deployment = %id, error = &error as &dyn std::error::Error, "tried again");
                }
            }
        });
    }
    Ok(())
}

async fn claim(control: &Control, id: DeploymentId) -> Result<Option<Lease>, Error> {
    let now = control.store.now().await?;
    let mut write = control.store.write().await?;
    match write.claim(id, &control.server_name, now, control.lease_time()).await {
        // It works on the same workload as one of another environment: its turn comes later.
        Err(store::Error::Duplicate(_)) => Ok(None),
        lease => {
            let lease = lease?;
            write.commit().await?;
            Ok(lease)
        }
    }
}
