//! What the stand-in is started with.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use crate::error::Error;

/// What the stand-in is started with.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where to listen; port 0 takes a free one.
    pub addr: SocketAddr,
    /// What the seeded names and times are derived from.
    pub seed: u64,
    /// What decides which requests faults hit.
    pub fault_seed: u64,
    /// How long each step of a pod takes.
    pub rollout: Duration,
    /// How many changes each cluster keeps for watches.
    pub history: usize,
    /// How often a watch that allows bookmarks gets one.
    pub bookmarks: Duration,
    /// How many changes a second there are in all simulated clusters together.
    pub churn: f64,
    /// Generated clusters in the place of the shop, for tests of scale.
    pub fleet: Option<Fleet>,
    /// Real API servers to put behind the same address.
    pub real_clusters: Vec<RealCluster>,
    /// Serve over TLS.
    pub tls: Option<Tls>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            addr: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            seed: 1,
            fault_seed: 1,
            rollout: Duration::from_millis(600),
            history: 5000,
            bookmarks: Duration::from_secs(5),
            churn: 0.0,
            fleet: None,
            real_clusters: Vec::new(),
            tls: None,
        }
    }
}

/// Generated clusters: as many workloads as wanted, spread over them.
#[derive(Clone, Copy, Debug)]
pub struct Fleet {
    /// How many clusters.
    pub clusters: usize,
    /// How many workloads in all of them together.
    pub services: usize,
    /// How many namespaces each of them has, at most [`Self::MOST_STAGES`].
    pub stages: usize,
    /// How many pods each workload has.
    pub replicas: u32,
}

impl Fleet {
    /// How many stages there are names for.
    pub const MOST_STAGES: usize = 6;
}

impl Default for Fleet {
    /// One service with one pod in each of three stages of one cluster.
    fn default() -> Self {
        Self { clusters: 1, services: 3, stages: 3, replicas: 1 }
    }
}

/// A real API server that stands behind `/k8s/clusters/{id}`.
#[derive(Clone, Debug)]
pub struct RealCluster {
    /// The name under which it is listed.
    pub name: String,
    /// The file with its address and credentials.
    pub kubeconfig: PathBuf,
}

impl FromStr for RealCluster {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match text.split_once('=') {
            Some((name, path)) if !name.is_empty() && !path.is_empty() => {
                Ok(Self { name: name.to_owned(), kubeconfig: path.into() })
            }
            _ => Err(Error::RealClusterForm(text.to_owned())),
        }
    }
}

/// TLS with a certificate made at start.
#[derive(Clone, Debug, Default)]
pub struct Tls {
    /// Where the certificate goes, for clients to trust.
    pub ca_file: Option<PathBuf>,
}
