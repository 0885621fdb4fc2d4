//! The local site: clusters by name, namespaces and services as directories, and a supervisor for each service.

mod artifacts;
mod change;

use std::{
    collections::BTreeMap,
    fs,
    io::Write,
    num::NonZero,
    ops::RangeInclusive,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard},
    thread::available_parallelism,
};

use domain::front_door::ServiceCounts;
use tokio::sync::{Notify, Semaphore, broadcast, watch};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use uuid::Uuid;

use crate::{
    Error, Observed, Place, Ports, Service, ServiceOutput, Watch,
    artifact::{Artifacts, LARGEST},
    entrance,
    files::{self, Lock},
    front::Front,
    layout::{identity, names, place_of, remove, services},
    mutex::lock,
    service::check_name,
    supervisor::{Supervisor, ports},
    watch::News,
};

/// News that may wait for whoever reads them; those who miss some look at everything.
const WAITING: usize = 1024;

/// The ports that replicas and front doors get, unless others are wanted: below those that systems hand out by themselves.
pub const PORTS: RangeInclusive<u16> = 20_000..=29_999;

/// What a local site is made of.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where everything of it is kept.
    pub root: PathBuf,
    /// The program that holds replicas, with `hold DIRECTORY`, and has the front doors, with `door DIRECTORY`.
    pub holder: PathBuf,
    /// The ports that replicas and front doors get.
    pub ports: RangeInclusive<u16>,
}

/// The local site.
pub struct Site {
    id: Uuid,
    shared: Arc<Shared>,
    /// Until it is closed.
    lock: Mutex<Option<Lock>>,
}

/// What supervisors share.
pub(crate) struct Shared {
    /// The directory of the clusters.
    clusters: PathBuf,
    pub(crate) artifacts: Artifacts,
    pub(crate) holder: PathBuf,
    /// Those who start a replica take turns: many at once would leave none of the processors to anybody else.
    pub(crate) starts: Semaphore,
    pub(crate) ports: Ports,
    pub(crate) watch: Watch,
    pub(crate) client: reqwest::Client,
    pub(crate) front: Arc<Front>,
    pub(crate) tasks: TaskTracker,
    services: Mutex<BTreeMap<Place, Kept>>,
    news: broadcast::Sender<Place>,
    stop: CancellationToken,
}

/// A service with a supervisor.
struct Kept {
    wanted: watch::Sender<Service>,
    observed: Observed,
    bell: Arc<Notify>,
}

impl Site {
    /// Opens a site and takes up what runs already.
    ///
    /// # Errors
    /// [`Error::InUse`] while another server has it.
    pub async fn open(options: Options) -> Result<Self, Error> {
        let clusters = options.root.join("clusters");
        fs::create_dir_all(&clusters).map_err(Error::file(&clusters, "made"))?;
        let root = options.root.canonicalize().map_err(Error::file(&options.root, "found"))?;
        let clusters = root.join("clusters");
        let lock =
            Lock::take(&options.root.join("lock"))?.ok_or_else(|| Error::InUse(options.root.clone()))?;
        let id = identity(&options.root.join("site.json"))?;
        let found = services(&clusters)?;
        let (mut taken, mut doors) = (Vec::new(), Vec::new());
        for (place, directory, _) in &found {
            match ports(directory) {
                Ok(ports) => taken.extend(ports),
                Err(error) => {
                    tracing::error!(%place, error = error.in_full(), "its replicas cannot be found")
                }
            }
            if let Ok(Some(port)) = entrance::port(directory) {
                taken.push(port);
                doors.push((place.clone(), port));
            }
        }
        let front = Arc::new(Front::open(root.join("door"), options.holder.clone(), doors)?);
        let (watch, news) = Watch::new()?;
        let shared = Arc::new(Shared {
            clusters,
            artifacts: Artifacts::open(&options.root.join("artifacts"), LARGEST)?,
            holder: options.holder,
            starts: Semaphore::new(available_parallelism().map_or(2, NonZero::get)),
            ports: Ports::new(options.ports, taken),
            watch,
            client: crate::health::client()?,
            front: front.clone(),
            tasks: TaskTracker::new(),
            services: Mutex::default(),
            news: broadcast::Sender::new(WAITING),
            stop: CancellationToken::new(),
        });
        shared.spawn(ring(shared.clone(), news));
        shared.spawn(front.keep());
        for (place, _, service) in found {
            shared.keep(&mut shared.services(), place, service);
        }
        Ok(Self { id, shared, lock: Mutex::new(Some(lock)) })
    }

    /// Lets go of the site. Its services go on.
    pub async fn close(&self) {
        self.shared.stop.cancel();
        self.shared.tasks.close();
        self.shared.tasks.wait().await;
        lock(&self.lock).take();
    }

    /// Which site this is: the same at each start.
    pub fn id(&self) -> Uuid {
        self.id
    }

    /// Whether anything can be recorded now.
    pub(crate) fn try_to_write(&self) -> Result<(), Error> {
        let clusters = &self.shared.clusters;
        let written = tempfile::NamedTempFile::new_in(clusters).and_then(|mut file| file.write_all(b"."));
        written.map_err(Error::file(clusters, "written to"))
    }

    /// Makes a cluster, unless there is one of that name.
    pub fn make_cluster(&self, cluster: &str) -> Result<(), Error> {
        check_name(cluster)?;
        let path = self.shared.clusters.join(cluster);
        fs::create_dir_all(&path).map_err(Error::file(&path, "made"))
    }

    /// Removes a cluster that has no services.
    ///
    /// # Errors
    /// [`Error::File`] where something is left in it.
    pub fn remove_cluster(&self, cluster: &str) -> Result<(), Error> {
        // No service can be made in it meanwhile.
        let _services = self.shared.services();
        for namespace in self.namespaces(cluster)?.into_iter().flatten() {
            let namespace = self.shared.clusters.join(cluster).join(namespace);
            for service in names(&namespace)? {
                let service = namespace.join(service);
                // What a crash has left of one that was being made or removed.
                if !service.join("service.json").exists() {
                    fs::remove_dir_all(&service).map_err(Error::file(&service, "removed"))?;
                }
            }
            remove(&namespace)?;
        }
        remove(&self.shared.clusters.join(cluster))
    }

    /// The clusters' names.
    pub fn clusters(&self) -> Result<Vec<String>, Error> {
        names(&self.shared.clusters)
    }

    /// The names of a cluster's namespaces; none where there is no such cluster.
    pub fn namespaces(&self, cluster: &str) -> Result<Option<Vec<String>>, Error> {
        check_name(cluster)?;
        let path = self.shared.clusters.join(cluster);
        if path.is_dir() { names(&path).map(Some) } else { Ok(None) }
    }

    /// A cluster's services.
    pub fn services(&self, cluster: &str) -> Vec<(Place, Observed)> {
        let services = self.shared.services();
        let of = services.iter().filter(|(place, _)| place.cluster == cluster);
        of.map(|(place, kept)| (place.clone(), kept.observed.clone())).collect()
    }

    /// A service; none where there is no such one.
    pub fn service(&self, place: &Place) -> Option<Observed> {
        self.shared.services().get(place).map(|kept| kept.observed.clone())
    }

    /// What a service has written, or its replicas at one port.
    pub fn output(&self, place: &Place, port: Option<u16>) -> ServiceOutput {
        ServiceOutput::new(self.shared.directory(place), port)
    }

    /// The places of services that have changed, from now on.
    pub fn news(&self) -> broadcast::Receiver<Place> {
        self.shared.news.subscribe()
    }

    /// What a service's front door has counted; none where it has none that is open.
    pub async fn counts(&self, place: &Place) -> Result<Option<ServiceCounts>, Error> {
        self.shared.front.counts(place).await
    }
}

impl Shared {
    /// A service's directory.
    pub(crate) fn directory(&self, Place { cluster, namespace, service }: &Place) -> PathBuf {
        self.clusters.join(cluster).join(namespace).join(service)
    }

    /// A service was looked at.
    pub(crate) fn tell(&self, place: &Place, mut observed: Observed) {
        let mut services = self.services();
        let Some(kept) = services.get_mut(place) else { return };
        // It may have been changed since it was looked at.
        observed.service.clone_from(&kept.wanted.borrow());
        if kept.observed != observed {
            kept.observed = observed;
            // Nobody listens.
            let _ = self.news.send(place.clone());
        }
    }

    /// A removed service has nothing left that runs.
    pub(crate) fn forget(&self, place: &Place) -> Result<(), Error> {
        let directory = self.directory(place);
        let mut services = self.services();
        fs::remove_dir_all(&directory).map_err(Error::file(&directory, "removed"))?;
        services.remove(place);
        let _ = self.news.send(place.clone());
        Ok(())
    }

    /// Records a service, and has it supervised as it is to be now.
    fn set(
        self: &Arc<Self>,
        services: &mut BTreeMap<Place, Kept>,
        place: &Place,
        service: &Service,
    ) -> Result<(), Error> {
        if !services.contains_key(place) && !self.clusters.join(&place.cluster).is_dir() {
            return Err(Error::NoCluster(place.cluster.clone()));
        }
        self.record(place, service)?;
        match services.get_mut(place) {
            Some(kept) => {
                kept.observed.service = service.clone();
                kept.wanted.send_replace(service.clone());
            }
            None => self.keep(services, place.clone(), service.clone()),
        }
        Ok(())
    }

    fn record(&self, place: &Place, service: &Service) -> Result<(), Error> {
        let directory = self.directory(place);
        let replicas = directory.join("replicas");
        fs::create_dir_all(&replicas).map_err(Error::file(&replicas, "made"))?;
        files::write(&directory.join("service.json"), service)
    }

    /// Has a service supervised.
    fn keep(self: &Arc<Self>, services: &mut BTreeMap<Place, Kept>, place: Place, service: Service) {
        let door = entrance::port(&self.directory(&place)).unwrap_or_else(|error| {
            tracing::error!(%place, error = error.in_full(), "its front door gets another address");
            None
        });
        let observed = Observed {
            service: service.clone(),
            judged: 0,
            address: door.map(entrance::address),
            replicas: Vec::new(),
            problem: None,
            failure: None,
        };
        let (wanted, bell) = (watch::Sender::new(service), Arc::<Notify>::default());
        let supervisor = Supervisor::new(self.clone(), place.clone(), wanted.subscribe(), bell.clone(), door);
        services.insert(place, Kept { wanted, observed, bell });
        self.spawn(supervisor.run());
    }

    /// Does something until the site is closed.
    pub(crate) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(self.stop.clone().run_until_cancelled_owned(work));
    }

    fn services(&self) -> MutexGuard<'_, BTreeMap<Place, Kept>> {
        lock(&self.services)
    }
}

/// Rings the supervisor of each replica whose holder has said something.
async fn ring(shared: Arc<Shared>, mut news: News) {
    while let Some(replica) = news.next().await {
        let Some(place) = place_of(&shared.clusters, &replica) else { continue };
        if let Some(kept) = shared.services().get(&place) {
            kept.bell.notify_one();
        }
    }
}
