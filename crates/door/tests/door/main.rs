//! What front doors do, with real processes and real sockets.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

mod control;
mod forward;
mod handover;
mod support;
