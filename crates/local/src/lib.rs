//! Runs services as processes of this machine, which outlive whoever started them.
//!
//! Each replica has a directory and, while it runs, a *holder*: a small process of its own that owns the service's output,
//! its exit code and the directory's lock, and starts the service again when it has ended. The server that asked for it may
//! stop, crash or be upgraded; the next one finds the replica by its directory. As containerd's shims do.
//!
//! ```text
//! <replica>/
//!   spec.json    what to run; written before the holder starts
//!   lock         locked for as long as there is a holder
//!   state.json   what the holder says of the service
//!   output/      what the service has written, in rotated files
//!   to-go        there once it is to be stopped and removed
//! ```

mod artifact;
mod backoff;
mod capacity;
mod cgroup;
mod detached;
mod driver;
mod entrance;
mod error;
mod files;
mod front;
mod health;
mod holder;
mod launch;
mod layout;
mod limits;
mod mutex;
mod observed;
mod output;
mod ports;
mod process;
mod replica;
mod service;
mod site;
mod spec;
mod state;
mod supervisor;
mod watch;

pub use backoff::Backoff;
pub use driver::{CONTAINER, Driver};
pub use error::Error;
pub use holder::hold;
pub use launch::launch;
pub use observed::{Observed, ObservedReplica};
pub use output::ServiceOutput;
pub use ports::Ports;
pub use process::Process;
pub use replica::Replica;
pub use service::{Place, Service};
pub use site::{Options, PORTS, Site};
pub use spec::Spec;
pub use state::{Exit, MemoryEnd, Phase, State};
pub use watch::{News, Watch};

/// What this machine calls itself.
pub fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}
