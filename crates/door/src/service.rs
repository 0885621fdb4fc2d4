//! One service behind its front door: who is ready, who waits, and the connections of those who ask.

use std::{
    convert::Infallible,
    net::IpAddr,
    pin::pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use domain::front_door::{Route, ServiceCounts, Version};
use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    net::{TcpListener, TcpStream},
    select,
    sync::watch,
    time::{Instant, sleep, timeout_at},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    balance::Balance,
    forward::forward,
    mutex::lock,
    replica::{Lease, Replica},
};

/// For so long after the last ready replica has gone requests wait for the next one.
const GAP: Duration = Duration::from_secs(2);
/// Replicas that do not listen, though they are said to be ready, are tried again so soon.
const AGAIN: Duration = Duration::from_millis(50);
/// When no connection can be accepted, it is tried again so soon: this process may have too many open.
const ACCEPT_AGAIN: Duration = Duration::from_millis(20);

/// A service behind its front door.
pub(crate) struct Service {
    name: String,
    port: u16,
    ready: Mutex<Ready>,
    changes: watch::Sender<()>,
    unserved: AtomicU64,
    /// Another process has the door now, and gets what still comes here.
    passes_on: AtomicBool,
    /// Connections end once nothing is under way on them.
    closing: CancellationToken,
    tasks: TaskTracker,
}

struct Ready {
    balance: Balance,
    /// Since when no replica is ready, where one was before.
    gap: Option<Instant>,
}

impl Service {
    pub(crate) fn new(name: &str, port: u16, tasks: TaskTracker) -> Self {
        Self {
            name: name.to_owned(),
            port,
            ready: Mutex::new(Ready { balance: Balance::default(), gap: None }),
            changes: watch::Sender::new(()),
            unserved: AtomicU64::new(0),
            passes_on: AtomicBool::new(false),
            closing: CancellationToken::new(),
            tasks,
        }
    }

    /// As people call it.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The port of its front door.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// What runs beside the requests.
    pub(crate) fn tasks(&self) -> &TaskTracker {
        &self.tasks
    }

    /// Takes up where requests go. Those replicas that get no more are given back.
    pub(crate) fn take(&self, route: &Route) -> Vec<Arc<Replica>> {
        let mut ready = lock(&self.ready);
        let was_empty = ready.balance.is_empty();
        let left = ready.balance.take(route);
        ready.gap = match (was_empty, ready.balance.is_empty()) {
            (_, false) => None,
            (true, true) => ready.gap,
            (false, true) => Some(Instant::now()),
        };
        drop(ready);
        left.iter().for_each(|replica| replica.leave());
        self.changes.send_replace(());
        left
    }

    /// From now on requests go to whoever listens at the service's own port, and connections end with their next answer.
    pub(crate) fn pass_on(&self) -> Vec<Arc<Replica>> {
        self.passes_on.store(true, Ordering::Release);
        let next = Version { image: String::new(), weight: None, replicas: vec![self.port] };
        self.take(&Route { service: self.name.clone(), port: self.port, versions: vec![next] })
    }

    pub(crate) fn passes_on(&self) -> bool {
        self.passes_on.load(Ordering::Acquire)
    }

    /// Has connections end once nothing is under way on them.
    pub(crate) fn close(&self) {
        self.closing.cancel();
    }

    /// Takes all replicas away, for good.
    pub(crate) fn end(&self) -> Vec<Arc<Replica>> {
        self.close();
        self.take(&Route { service: self.name.clone(), port: self.port, versions: Vec::new() })
    }

    /// A replica for a request that came at a certain time; none where none is ready, nor soon. Once all were tried, they are
    /// tried again.
    pub(crate) async fn choose(&self, tried: &mut Vec<u16>, came: Instant) -> Option<Lease> {
        if let Some(lease) = lock(&self.ready).balance.choose(tried) {
            return Some(lease);
        }
        let mut changes = self.changes.subscribe();
        loop {
            let since = {
                let mut ready = lock(&self.ready);
                match ready.balance.choose(tried) {
                    Some(lease) => return Some(lease),
                    None if tried.is_empty() => ready.gap?,
                    None => came,
                }
            };
            let until = since + GAP;
            let now = Instant::now();
            if now >= until {
                return None;
            }
            let again = if tried.is_empty() { until } else { until.min(now + AGAIN) };
            let _ = timeout_at(again, changes.changed()).await;
            tried.clear();
        }
    }

    /// A request was answered that there is no replica for it.
    pub(crate) fn unserved(&self) {
        self.unserved.fetch_add(1, Ordering::Relaxed);
    }

    /// What was counted.
    pub(crate) fn told(&self) -> ServiceCounts {
        ServiceCounts {
            service: self.name.clone(),
            port: self.port,
            unserved: self.unserved.load(Ordering::Relaxed),
            versions: lock(&self.ready).balance.told(),
        }
    }

    /// Accepts connections for as long as this is polled.
    pub(crate) async fn accept(self: Arc<Self>, listener: Arc<TcpListener>) {
        loop {
            match listener.accept().await {
                Ok((stream, from)) => drop(self.tasks.spawn(self.clone().serve(stream, from.ip()))),
                Err(_) => sleep(ACCEPT_AGAIN).await,
            }
        }
    }

    /// Answers the requests of one connection.
    async fn serve(self: Arc<Self>, stream: TcpStream, client: IpAddr) {
        // Without it answers may be late, and are whole all the same.
        let _ = stream.set_nodelay(true);
        let answer = service_fn(|request| {
            let service = self.clone();
            async move { Ok::<_, Infallible>(forward(&service, client, request).await) }
        });
        let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), answer);
        let mut connection = pin!(connection.with_upgrades());
        select! {
            _ = connection.as_mut() => return,
            () = self.closing.cancelled() => connection.as_mut().graceful_shutdown(),
        }
        // Whoever has asked may have gone.
        let _ = connection.await;
    }
}
