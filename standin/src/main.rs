//! The command line of the stand-in Rancher.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, value_parser};
use standin::{ADMIN_TOKEN, Error, Fleet, Options, RealCluster, Tls};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

/// A stand-in Rancher, with a few Kubernetes clusters in memory behind it.
#[derive(Debug, Parser)]
#[command(version, about)]
struct Arguments {
    /// Where to listen; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:8440")]
    addr: SocketAddr,
    /// What the seeded names and times are derived from.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// What decides which requests faults hit that are switched on below `/standin/faults`.
    #[arg(long, default_value_t = 1)]
    fault_seed: u64,
    /// How long each step of a pod takes, in milliseconds.
    #[arg(long, default_value_t = 600)]
    rollout_ms: u64,
    /// How many changes each cluster keeps for watches.
    #[arg(long, default_value_t = 5000)]
    history: usize,
    /// Generate that many clusters instead of the shop.
    #[arg(long, requires = "services")]
    clusters: Option<usize>,
    /// How many workloads the generated clusters hold together.
    #[arg(long, requires = "clusters")]
    services: Option<usize>,
    /// How many namespaces each generated cluster has: dev, staging and prod, or up to six.
    #[arg(long, default_value_t = 3, requires = "clusters", value_parser = value_parser!(u8).range(1..=6))]
    stages: u8,
    /// How many pods each generated workload has.
    #[arg(long, default_value_t = 1, requires = "clusters")]
    replicas: u32,
    /// How often a watch that allows bookmarks gets one, in milliseconds.
    #[arg(long, default_value_t = 5000)]
    bookmark_ms: u64,
    /// How many changes a second there are in the simulated clusters.
    #[arg(long, default_value_t = 0.0)]
    churn: f64,
    /// Put a real API server behind the same address; may be repeated.
    #[arg(long = "cluster", value_name = "NAME=KUBECONFIG")]
    real_clusters: Vec<RealCluster>,
    /// Serve over TLS with a certificate made at start.
    #[arg(long)]
    tls: bool,
    /// Where to write that certificate.
    #[arg(long, requires = "tls")]
    ca_file: Option<PathBuf>,
}

impl From<Arguments> for Options {
    fn from(arguments: Arguments) -> Self {
        let fleet = arguments.clusters.zip(arguments.services);
        Self {
            addr: arguments.addr,
            seed: arguments.seed,
            fault_seed: arguments.fault_seed,
            rollout: Duration::from_millis(arguments.rollout_ms),
            history: arguments.history,
            bookmarks: Duration::from_millis(arguments.bookmark_ms),
            churn: arguments.churn,
            fleet: fleet.map(|(clusters, services)| Fleet {
                clusters,
                services,
                stages: arguments.stages.into(),
                replicas: arguments.replicas,
            }),
            real_clusters: arguments.real_clusters,
            tls: arguments.tls.then_some(Tls { ca_file: arguments.ca_file }),
        }
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    match run(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, "cannot start");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<(), Error> {
    let server = standin::start(arguments.into()).await?;
    println!("stand-in Rancher on {} with token {ADMIN_TOKEN}", server.url());
    stopped().await;
    server.shutdown().await;
    Ok(())
}

/// Returns on SIGINT or SIGTERM.
async fn stopped() {
    let mut terminate = signal(SignalKind::terminate()).expect("a handler for SIGTERM can be installed");
    tokio::select! {
        _ = terminate.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}
