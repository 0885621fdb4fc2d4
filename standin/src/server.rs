//! The server: what it holds, how requests find their way, and how it starts and stops.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::any;
use chrono::Utc;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::auth::Tokens;
use crate::churn::{self, Churn};
use crate::cluster::{Backend, Cluster};
use crate::error::Error;
use crate::faults::{FaultRule, Faults, LineListener, Reset};
use crate::handle::ClusterHandle;
use crate::options::Options;
use crate::stats::Stats;
use crate::tls::{self, TlsListener};
use crate::{control, controllers, gate, proxy, rancher, seed};

/// What every request can see.
pub(crate) struct App {
    pub(crate) clusters: Vec<Cluster>,
    pub(crate) tokens: Tokens,
    /// The certificate, where the server speaks TLS.
    pub(crate) ca_pem: Option<String>,
    pub(crate) stats: Stats,
    pub(crate) faults: Faults,
    pub(crate) churn: watch::Sender<Churn>,
    pub(crate) bookmarks: Duration,
    pub(crate) stop: CancellationToken,
}

impl App {
    pub(crate) fn cluster(&self, id: &str) -> Option<&Cluster> {
        self.clusters.iter().find(|cluster| cluster.id == id)
    }

    pub(crate) fn scheme(&self) -> &'static str {
        if self.ca_pem.is_some() { "https" } else { "http" }
    }
}

/// A running stand-in. Dropping it stops it.
pub struct Server {
    app: Arc<App>,
    addr: SocketAddr,
    serving: Option<JoinHandle<()>>,
}

/// Seeds the clusters, listens and serves.
///
/// # Errors
/// When the address is taken, a real cluster cannot be reached, or TLS cannot be set up.
pub async fn start(options: Options) -> Result<Server, Error> {
    let bind = |source| Error::Bind { addr: options.addr, source };
    let listener = TcpListener::bind(options.addr).await.map_err(bind)?;
    let addr = listener.local_addr().map_err(bind)?;
    let stop = CancellationToken::new();
    let mut clusters = Vec::new();
    for seeded in seed::clusters(&options, Utc::now()) {
        if let (Backend::Simulated(simulation), Some(manager)) = (&seeded.cluster.backend, seeded.manager) {
            tokio::spawn(controllers::run(Arc::clone(simulation), manager, stop.clone()));
        }
        clusters.push(seeded.cluster);
    }
    for real in &options.real_clusters {
        clusters.push(proxy::connect(real).await?);
    }
    let identity = match &options.tls {
        Some(tls) => Some(tls::identity(tls, addr).await?),
        None => None,
    };
    let scope = clusters.iter().map(|cluster| cluster.id.as_str()).find(|id| *id != "local");
    let churn = watch::Sender::new(Churn { per_second: options.churn, clusters: None });
    tokio::spawn(churn::run(clusters.clone(), churn.subscribe(), options.seed, stop.clone()));
    let app = Arc::new(App {
        tokens: Tokens::seeded(scope, Utc::now()),
        clusters,
        ca_pem: identity.as_ref().map(|identity| identity.pem.clone()),
        stats: Stats::default(),
        faults: Faults::new(options.fault_seed),
        churn,
        bookmarks: options.bookmarks,
        stop: stop.clone(),
    });
    let service = router(Arc::clone(&app)).into_make_service_with_connect_info::<Reset>();
    let (listener, stopped) = (LineListener(listener), stop.cancelled_owned());
    let serving = match identity {
        Some(identity) => {
            let listener = TlsListener::new(listener, addr, &identity);
            tokio::spawn(report(axum::serve(listener, service).with_graceful_shutdown(stopped)))
        }
        None => tokio::spawn(report(axum::serve(listener, service).with_graceful_shutdown(stopped))),
    };
    Ok(Server { app, addr, serving: Some(serving) })
}

async fn report(serving: impl IntoFuture<Output = std::io::Result<()>>) {
    if let Err(error) = serving.await {
        tracing::error!(%error, "the server failed");
    }
}

impl Server {
    /// The address to sign in at.
    pub fn url(&self) -> String {
        format!("{}://{}", self.app.scheme(), self.addr)
    }

    /// The certificate to trust, where the server speaks TLS.
    pub fn ca_pem(&self) -> Option<&str> {
        self.app.ca_pem.as_deref()
    }

    /// A simulated cluster, for tests to arrange and to look at.
    pub fn cluster(&self, id: &str) -> Option<ClusterHandle> {
        match &self.app.cluster(id)?.backend {
            Backend::Simulated(simulation) => Some(ClusterHandle::new(Arc::clone(simulation))),
            Backend::Real(_) | Backend::Unavailable => None,
        }
    }

    /// Lets these things go wrong from now on, and nothing else; `seed` lets chance begin anew. Watches that are open end,
    /// so that the next ones meet the new rules.
    pub fn set_faults(&self, rules: Vec<FaultRule>, seed: Option<u64>) {
        self.app.faults.set(rules, seed);
    }

    /// Ends all watches, answers what was begun, and returns when the server has stopped.
    pub async fn shutdown(mut self) {
        self.app.stop.cancel();
        if let Some(serving) = self.serving.take() {
            // The task reports its own failure.
            drop(serving.await);
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.app.stop.cancel();
    }
}

fn router(app: Arc<App>) -> Router {
    rancher::routes()
        .merge(control::routes())
        .route("/k8s/clusters/{id}/{*path}", any(gate::kubernetes))
        .with_state(app)
}
