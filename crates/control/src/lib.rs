//! The use cases, and the engine that carries deployments out.
//!
//! Every use case is a function of a [`Context`]: who acts, and on what. Authorization, validation and events live here,
//! once; the REST handlers, the server functions and the command line are adapters of a few lines.

pub mod app_instance;
pub mod artifact;
pub mod batch;
mod capacity;
pub mod cluster;
pub mod compare;
mod context;
pub mod deployment;
mod engine;
pub mod environment;
mod error;
pub mod events;
pub mod idempotency;
mod lease;
pub mod local_service;
mod local_site;
pub mod matrix;
mod mutex;
mod observer;
mod platforms;
pub mod revision;
pub mod service;
pub mod settings;
pub mod site;
pub mod sync;
pub mod traffic;
pub mod up_to_date;
pub mod variable;
mod vault;
pub mod versions;

pub use context::{Context, Control, Options};
pub use error::Error;
pub use vault::{Vault, VaultError};
