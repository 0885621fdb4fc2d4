//! Use cases that move versions: syncs, deployments of one environment, undoing and retrying them; first previewed, then
//! started.

mod carry;
pub(crate) mod deploy;
mod preview;
mod read;
mod relocate;
mod retry;
pub(crate) mod revision;
mod start;
mod undo;

pub use deploy::{preview_deploy, start_deploy};
pub use preview::preview;
pub use retry::preview_retry;
pub use start::{previewed, start, start_follow_up};
pub use undo::{preview_undo, roll_back};

use domain::{deployment::Deployment, id::DeploymentId};

use crate::{Context, Error, deployment};

/// A deployment that something can follow on, as nothing more comes of it.
async fn ended(ctx: &Context, id: DeploymentId) -> Result<Deployment, Error> {
    let found = deployment::get(ctx, id).await?;
    if !found.status.ended() {
        let words = "It is still under way. Cancel it, or wait until it has ended.";
        return Err(Error::conflict("deployment_running", words));
    }
    Ok(found)
}
