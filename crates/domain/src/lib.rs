//! What Lockstep speaks about, and how it decides, with no I/O, no clock and no randomness.
//!
//! Ids, wire types, validation, and the pure planners: [`sync_plan`] and [`deploy_plan`] say what would change,
//! [`engine`] says what a running deployment does next, [`strategy`] says how replicas are replaced, [`health`] says how a
//! workload is.
//! Everything here compiles to WASM and is shared by the server and the browser.

#[macro_use]
mod wire;

pub mod app_instance;
pub mod artifact;
pub mod batch;
pub mod capacity;
pub mod cluster;
pub mod compare;
pub mod deploy;
pub mod deploy_plan;
pub mod deployment;
pub mod engine;
pub mod environment;
pub mod event;
pub mod front_door;
pub mod health;
pub mod id;
pub mod image;
pub mod limits;
pub mod list;
pub mod local_service;
pub mod matrix;
pub mod metrics;
pub mod output;
pub mod patience;
pub mod pattern;
pub mod problem;
pub mod queue;
pub mod relocation;
pub mod replicas;
pub mod revision;
pub mod secret;
pub mod service;
pub mod settings;
pub mod site;
pub mod strategy;
pub mod sync;
pub mod sync_plan;
pub mod up_to_date;
pub mod validate;
pub mod variable;
pub mod workload;
