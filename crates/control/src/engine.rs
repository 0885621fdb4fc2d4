//! Carries deployments out: claims them by lease, and does what [`domain::engine::step`] says, over and over, until it
//! says that all is done. Every step is in the database before it is taken.

mod act;
mod rebind;
mod runner;
mod settle;
mod turn;
mod work;

use std::{sync::Arc, time::Duration};

use chrono::{TimeDelta, Utc};
use domain::{id::DeploymentId, queue};
use store::Lease;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::{Control, Error};

/// How long a claim lasts without being renewed.
const LEASE: TimeDelta = TimeDelta::seconds(10);
/// No impatience makes it shorter: it has to outlast a busy machine.
const SHORTEST_LEASE: TimeDelta = TimeDelta::seconds(2);
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
    let now = Utc::now();
    for id in queue::due(&control.store.open_deployments(now).await?, now) {
        let claimed = Instant::now();
        let Some(lease) = claim(control, id).await? else { continue };
        let running = control.clone();
        control.spawn(async move {
            let ended = runner::carry_out(running.clone(), lease, claimed).await;
            // Another one of its environment may have waited for this.
            running.observer.wake_engine();
            match ended {
                Ok(()) => {}
                Err(Error::Store(store::Error::LeaseLost)) => {
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

/// How long a claim of this server's lasts. It is renewed five times in that.
fn lease_time(control: &Control) -> TimeDelta {
    let usual = LEASE.to_std().unwrap_or_default();
    TimeDelta::from_std(control.patience.of(usual)).unwrap_or(LEASE).max(SHORTEST_LEASE)
}

async fn claim(control: &Control, id: DeploymentId) -> Result<Option<Lease>, Error> {
    let mut write = control.store.write().await?;
    match write.claim(id, &control.server_name, Utc::now(), lease_time(control)).await {
        // It works on the same workload as one of another environment: its turn comes later.
        Err(store::Error::Duplicate(_)) => Ok(None),
        lease => {
            let lease = lease?;
            write.commit().await?;
            Ok(lease)
        }
    }
}
