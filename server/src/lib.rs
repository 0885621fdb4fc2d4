//! The server: configuration, REST, event streams, the web UI's routes, and the command line around them.

pub mod config;
pub mod demo;
mod docs;
mod first_pages;
mod guard;
mod idempotency;
mod matrix_csv;
mod problem;
pub mod rest;
mod serve;
mod site;
mod sse;

pub use serve::{Running, ServeError, start};

/// Ends when the process is told to stop, by SIGTERM or Ctrl-C.
pub async fn told_to_stop() {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate()).expect("a signal handler can be installed at start");
    tokio::select! {
        _ = terminate.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}
