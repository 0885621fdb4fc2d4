//! Use cases that move versions: syncs, deployments of one environment, undoing and retrying them; first previewed, then
//! started.

pub(crate) mod deploy;
mod preview;
mod retry;
pub(crate) mod revision;
mod start;
mod undo;

pub use deploy::{preview_deploy, start_deploy};
pub use preview::preview;
pub use retry::preview_retry;
pub use start::{previewed, start, start_follow_up};
pub use undo::preview_undo;
