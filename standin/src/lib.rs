//! The stand-in Rancher: a server that behaves as a Rancher with a few Kubernetes clusters behind it, for
//! demonstrations and tests.
//!
//! It serves Rancher's management API under `/v3`, and under `/k8s/clusters/{id}` a Kubernetes API for each
//! cluster. Clusters live in memory, with controllers that roll workloads out, or are real API servers that
//! requests are passed on to.
//!
//! ```no_run
//! # async fn example() -> Result<(), standin::Error> {
//! let server = standin::start(standin::Options::default()).await?;
//! println!("{} with token {}", server.url(), standin::ADMIN_TOKEN);
//! let staging = server.cluster("c-m-stage001").expect("it is seeded");
//! assert!(staging.records().is_empty());
//! server.shutdown().await;
//! # Ok(())
//! # }
//! ```

mod auth;
mod churn;
mod cluster;
mod control;
mod controllers;
mod error;
mod faults;
mod gate;
mod handle;
mod json;
mod kinds;
mod kube_api;
mod list;
mod objects;
mod options;
mod patch;
mod proxy;
mod rancher;
mod reviews;
mod seed;
mod selector;
mod server;
mod simulation;
mod stats;
mod status;
mod tls;
mod truth;
mod watch;
mod writes;

pub use auth::{
    ADMIN_TOKEN, EXPIRED_TOKEN, EXPIRING_TOKEN, NO_CRON_JOBS_TOKEN, NO_NODES_TOKEN, NO_SECRETS_TOKEN,
    SCOPED_TOKEN, VIEW_TOKEN,
};
pub use error::Error;
pub use faults::{Fault, FaultRule};
pub use handle::ClusterHandle;
pub use kinds::Kind;
pub use options::{Fleet, Options, RealCluster, Tls};
pub use server::{Server, start};
pub use simulation::PatchRecord;
pub use status::Refusal;
