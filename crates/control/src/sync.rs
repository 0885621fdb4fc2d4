//! Use cases of syncs: previewing, starting and undoing them.

mod preview;
mod start;
mod undo;

pub use preview::preview;
pub use start::{previewed, start, start_undo};
pub use undo::preview_undo;
