//! A replica as the front door sees it: a port, what is under way there, and connections that are kept for the next request.

use std::{
    collections::VecDeque,
    io,
    net::Ipv4Addr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use http_body_util::{Either, Empty};
use hyper::{
    body::Incoming,
    client::conn::http1::{SendRequest, handshake},
};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, sync::Notify, time::timeout};

use crate::{counts::Counts, mutex::lock};

/// A connection that was idle for longer is not used again: the replica may be closing it just now. Servers keep idle
/// connections for two seconds and more.
const KEPT: Duration = Duration::from_secs(1);
/// A replica whose queue is full does not refuse a connection, it does not answer.
const CONNECTED_WITHIN: Duration = Duration::from_secs(2);

/// A request's body on its way to a replica. One without a body can be sent twice.
pub(crate) type Body = Either<Incoming, Empty<Bytes>>;

/// A connection to a replica.
pub(crate) type Connection = SendRequest<Body>;

/// A replica that is ready, or was.
#[derive(Debug)]
pub(crate) struct Replica {
    port: u16,
    under_way: AtomicUsize,
    /// When it was chosen last, in requests of its service.
    chosen: AtomicU64,
    idle: Notify,
    /// No request goes to it any more.
    left: AtomicBool,
    kept: Mutex<VecDeque<(Connection, Instant)>>,
}

impl Replica {
    pub(crate) fn new(port: u16) -> Self {
        Self {
            port,
            under_way: AtomicUsize::new(0),
            chosen: AtomicU64::new(0),
            idle: Notify::new(),
            left: AtomicBool::new(false),
            kept: Mutex::default(),
        }
    }

    /// Its port.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// How much it has to do, and then how long ago it was chosen: the least of these is the next.
    pub(crate) fn rank(&self) -> (usize, u64) {
        (self.under_way.load(Ordering::Relaxed), self.chosen.load(Ordering::Relaxed))
    }

    /// Gets no more requests.
    pub(crate) fn leave(&self) {
        self.left.store(true, Ordering::Release);
        lock(&self.kept).clear();
    }

    /// Waits until it has no requests under way. What has left gets no new ones.
    pub(crate) async fn idle(&self) {
        loop {
            let mut idle = std::pin::pin!(self.idle.notified());
            idle.as_mut().enable();
            if self.under_way.load(Ordering::Acquire) == 0 {
                return;
            }
            idle.await;
        }
    }

    /// Keeps a connection for the next request.
    fn keep(&self, connection: Connection) {
        let now = Instant::now();
        let mut kept = lock(&self.kept);
        while kept.front().is_some_and(|(_, since)| now - *since > KEPT) {
            kept.pop_front();
        }
        if !self.left.load(Ordering::Acquire) {
            kept.push_back((connection, now));
        }
    }
}

/// A request that a replica has been chosen for, until it is over.
#[derive(Debug)]
pub(crate) struct Lease {
    replica: Arc<Replica>,
    counts: Arc<Counts>,
}

impl Lease {
    /// Chooses a replica for the so-manieth request of its service.
    pub(crate) fn new(replica: Arc<Replica>, counts: Arc<Counts>, number: u64) -> Self {
        replica.chosen.store(number, Ordering::Relaxed);
        replica.under_way.fetch_add(1, Ordering::Relaxed);
        counts.begun();
        Self { replica, counts }
    }

    /// The replica's port.
    pub(crate) fn port(&self) -> u16 {
        self.replica.port
    }

    /// What is counted of its version.
    pub(crate) fn counts(&self) -> &Counts {
        &self.counts
    }

    /// A connection that was used before and is free, if there is one.
    pub(crate) fn kept(&self) -> Option<Connection> {
        let mut kept = lock(&self.replica.kept);
        while let Some((connection, since)) = kept.pop_back() {
            if since.elapsed() <= KEPT && connection.is_ready() {
                return Some(connection);
            }
        }
        None
    }

    /// A new connection.
    pub(crate) async fn connect(&self) -> io::Result<Connection> {
        let stream = timeout(CONNECTED_WITHIN, TcpStream::connect((Ipv4Addr::LOCALHOST, self.replica.port)));
        let stream = stream.await??;
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
        // It ends when the sender is dropped, or the replica closes it.
        tokio::spawn(connection.with_upgrades());
        Ok(sender)
    }

    /// Keeps a connection whose answer was read to its end, once it is free.
    pub(crate) fn keep(&self, mut connection: Connection) {
        if connection.is_ready() {
            return self.replica.keep(connection);
        }
        let replica = self.replica.clone();
        tokio::spawn(async move {
            if connection.ready().await.is_ok() {
                replica.keep(connection);
            }
        });
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.counts.ended();
        if self.replica.under_way.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.replica.idle.notify_waiters();
        }
    }
}
