//! All front doors of this process.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    io,
    net::{Ipv4Addr, TcpListener as StdListener},
    sync::{Arc, Mutex, Weak},
    time::Duration,
};

use chrono::{DateTime, Utc};
use domain::front_door::{Counts, Route, Routes, Shut, Taken};
use tokio::{
    net::{TcpListener, TcpSocket},
    sync::watch,
    time::timeout,
};
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

use crate::{mutex::lock, replica::Replica, service::Service};

/// So many connections may wait for being accepted; more wait longer.
const WAITING: u32 = 4096;
/// Who comes back within this time after its last answer finds its connection, and is told with the answer that it ends.
const LINGER: Duration = Duration::from_secs(60);
/// The longest that anything may be under way once the front doors are another's, or nobody's.
const LONGEST: Duration = Duration::from_secs(3600);

/// All front doors of this process.
pub(crate) struct Doors {
    since: DateTime<Utc>,
    open: Mutex<BTreeMap<u16, Open>>,
    /// Sockets of a predecessor that are not listened at yet.
    given: Mutex<BTreeMap<u16, StdListener>>,
    /// Replicas that get no more requests and may have some under way.
    leaving: Mutex<Vec<Weak<Replica>>>,
    /// The predecessor has requests under way.
    predecessor: watch::Receiver<bool>,
    tasks: TaskTracker,
}

/// An open front door.
struct Open {
    service: Arc<Service>,
    listener: Arc<TcpListener>,
    accepting: AbortOnDropHandle<()>,
}

impl Doors {
    /// None yet, but for the sockets of a predecessor.
    pub(crate) fn new(given: Vec<StdListener>, predecessor: watch::Receiver<bool>) -> Self {
        let port = |socket: &StdListener| socket.local_addr().ok().map(|at| at.port());
        let given = given.into_iter().filter_map(|socket| Some((port(&socket)?, socket))).collect();
        Self {
            since: Utc::now(),
            open: Mutex::default(),
            given: Mutex::new(given),
            leaving: Mutex::default(),
            predecessor,
            tasks: TaskTracker::new(),
        }
    }

    /// Opens, changes and closes front doors; done once they are as they are to be.
    pub(crate) async fn take(&self, routes: &Routes) -> Taken {
        let is_wanted = |door: &Open| routes.routes.iter().any(|route| door.listens_for(route));
        let unwanted: Vec<Open> =
            lock(&self.open).extract_if(.., |_, door| !is_wanted(door)).map(|(_, door)| door).collect();
        for door in unwanted {
            let service = door.shut().await;
            self.leave(service.end());
        }
        self.open_all(routes)
    }

    fn open_all(&self, routes: &Routes) -> Taken {
        let mut open = lock(&self.open);
        let mut taken = Taken::default();
        for route in &routes.routes {
            let door = match open.entry(route.port) {
                Entry::Occupied(door) => door.into_mut(),
                Entry::Vacant(place) => match self.open(route) {
                    Ok(door) => place.insert(door),
                    Err(error) => {
                        taken.shut.push(Shut { port: route.port, why: error.to_string() });
                        continue;
                    }
                },
            };
            self.leave(door.service.take(route));
        }
        lock(&self.given).clear();
        taken
    }

    fn open(&self, route: &Route) -> io::Result<Open> {
        let listener = match lock(&self.given).remove(&route.port) {
            Some(socket) => {
                socket.set_nonblocking(true)?;
                TcpListener::from_std(socket)?
            }
            None => listen(route.port)?,
        };
        let (service, listener) =
            (Arc::new(Service::new(&route.service, route.port, self.tasks.clone())), Arc::new(listener));
        let accepting = AbortOnDropHandle::new(tokio::spawn(service.clone().accept(listener.clone())));
        Ok(Open { service, listener, accepting })
    }

    fn leave(&self, left: Vec<Arc<Replica>>) {
        let mut leaving = lock(&self.leaving);
        leaving.retain(|replica| replica.strong_count() > 0);
        leaving.extend(left.iter().map(Arc::downgrade));
    }

    /// Waits until replicas that have left, of one port or of all, have no requests under way.
    pub(crate) async fn left(&self, port: Option<u16>) {
        let leaving: Vec<_> = lock(&self.leaving).iter().filter_map(Weak::upgrade).collect();
        for replica in leaving {
            if port.is_none_or(|port| port == replica.port()) {
                replica.idle().await;
            }
        }
    }

    /// Waits until the replica that has left a port has no requests under way, neither here nor with a predecessor.
    pub(crate) async fn drained(&self, port: u16) {
        self.left(Some(port)).await;
        // It has ended.
        let _ = self.predecessor.clone().wait_for(|busy| !busy).await;
    }

    /// What was counted.
    pub(crate) fn told(&self) -> Counts {
        let open = lock(&self.open);
        Counts { since: self.since, services: open.values().map(|door| door.service.told()).collect() }
    }

    /// The sockets that are listened at.
    pub(crate) fn sockets(&self) -> Vec<Arc<TcpListener>> {
        lock(&self.open).values().map(|door| door.listener.clone()).collect()
    }

    /// Accepts no more; what still comes over connections of before goes to whoever has the front doors now. The services,
    /// for as long as connections to them linger.
    pub(crate) async fn pass_on(&self) -> Vec<Arc<Service>> {
        let open = std::mem::take(&mut *lock(&self.open));
        let mut services = Vec::new();
        for door in open.into_values() {
            // What goes on to the service's port must not come back here.
            let service = door.shut().await;
            self.leave(service.pass_on());
            services.push(service);
        }
        services
    }

    /// Waits for the connections that there still are.
    pub(crate) async fn linger(&self, services: Vec<Arc<Service>>) {
        self.tasks.close();
        if timeout(LINGER, self.tasks.wait()).await.is_err() {
            services.iter().for_each(|service| service.close());
            let _ = timeout(LONGEST, self.tasks.wait()).await;
        }
    }
}

impl Open {
    /// Accepts no more; done once the socket is closed here.
    async fn shut(self) -> Arc<Service> {
        self.accepting.abort();
        // It has its own hold on the socket.
        let _ = self.accepting.await;
        self.service
    }

    fn listens_for(&self, route: &Route) -> bool {
        self.service.port() == route.port && self.service.name() == route.service
    }
}

/// Listens at a port of this machine, that nobody else reaches.
fn listen(port: u16) -> io::Result<TcpListener> {
    let socket = TcpSocket::new_v4()?;
    // Connections that were closed a moment ago do not stand in the way.
    socket.set_reuseaddr(true)?;
    socket.bind((Ipv4Addr::LOCALHOST, port).into())?;
    socket.listen(WAITING)
}
