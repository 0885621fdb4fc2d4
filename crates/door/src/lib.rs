//! Stable addresses of local services: each service has a front door, a port of this machine that never changes, behind which
//! requests are shared among its ready replicas.
//!
//! All front doors of a machine's site are one process ([`keep`]) that goes on without whoever started it, and hands its
//! listening sockets to its successor, so neither a restart nor an upgrade of the server costs a request. Where requests go is
//! told over a socket in its directory ([`Client`]).
//!
//! ```text
//! <directory>/
//!   lock            locked for as long as there is a process that has the front doors
//!   routes.json     where requests go; the next process begins with it
//!   control.sock    where it is told and asked, by plain HTTP
//!   handover.sock   where a successor gets the listening sockets
//! ```

mod answer;
mod balance;
mod client;
mod control;
mod counts;
mod directory;
mod doors;
mod error;
mod forward;
mod handover;
mod headers;
mod mutex;
mod process;
mod replica;
mod service;

pub use client::Client;
pub use directory::{is_kept, routes};
pub use error::Error;
pub use process::{OPEN, keep};
