//! The front doors of the site: what they are to serve, and the process that has them.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::MetadataExt,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use domain::front_door::{Route, Routes, ServiceCounts, Taken};
use door::Client;
use tokio::{
    select,
    sync::watch,
    time::{sleep, timeout},
};

use crate::{Backoff, Error, Place, detached};

/// What cannot be served is tried again so soon.
const AGAIN: Duration = Duration::from_secs(2);
/// So soon the process answers, and that a replica gets no more requests is waited for, however short its grace time.
const WITHIN: Duration = Duration::from_secs(5);
/// Who asks a process that is handing the front doors over asks its successor so much later.
const SUCCEEDED: Duration = Duration::from_millis(20);
/// How long to wait before the process is started again.
const BACKOFF: Backoff = Backoff {
    first: Duration::from_millis(10),
    longest: Duration::from_secs(5),
    forgiven_after: Duration::from_secs(60),
};

/// The front doors of the site.
pub(crate) struct Front {
    directory: PathBuf,
    program: PathBuf,
    wanted: watch::Sender<Wanted>,
    served: watch::Sender<Served>,
}

/// What is to be served.
#[derive(Clone, Default)]
struct Wanted {
    /// Goes up with each change.
    number: u64,
    routes: BTreeMap<Place, Route>,
}

/// What is served.
#[derive(Default)]
struct Served {
    /// What was wanted then.
    number: u64,
    taken: Taken,
}

impl Front {
    /// Takes up what is served, for those services that still are there, until it is known who is ready now.
    pub(crate) fn open(
        directory: PathBuf,
        program: PathBuf,
        doors: Vec<(Place, u16)>,
    ) -> Result<Self, Error> {
        let before = door::routes(&directory)?.routes;
        let route = |(place, port)| {
            let route = before.iter().find(|route| route.port == port)?;
            Some((place, route.clone()))
        };
        let wanted = Wanted { number: 1, routes: doors.into_iter().filter_map(route).collect() };
        let (wanted, served) = (watch::Sender::new(wanted), watch::Sender::default());
        Ok(Self { directory, program, wanted, served })
    }

    /// Leads a service's requests this way from now on.
    pub(crate) fn lead(&self, place: &Place, route: Route) {
        self.change(|routes| match routes.get_mut(place) {
            Some(before) if *before == route => false,
            Some(before) => {
                *before = route;
                true
            }
            None => routes.insert(place.clone(), route).is_none(),
        });
    }

    /// Closes a service's front door; done once nobody listens any more.
    pub(crate) async fn close(&self, place: &Place) {
        let number = self.change(|routes| routes.remove(place).is_some());
        let _ = timeout(WITHIN, self.serves(number)).await;
    }

    /// Leads no more requests to a replica; done once it has none, or after its grace time.
    pub(crate) async fn drain(&self, place: &Place, port: u16, grace: Duration) {
        if !self.wanted.borrow().routes.contains_key(place) {
            return;
        }
        let number = self.change(|routes| {
            let versions = routes.get_mut(place).into_iter().flat_map(|route| &mut route.versions);
            let mut changed = false;
            for version in versions {
                let before = version.replicas.len();
                version.replicas.retain(|replica| *replica != port);
                changed |= version.replicas.len() < before;
            }
            changed
        });
        if timeout(WITHIN, self.serves(number)).await.is_ok() {
            let _ = timeout(grace, self.drained(port)).await;
        }
    }

    async fn drained(&self, port: u16) {
        loop {
            let drained = match Client::connect(&self.directory).await {
                Ok(Some(mut client)) => client.drained(port).await.map(|()| true),
                // Where nobody has front doors, nobody has requests.
                Ok(None) => door::is_kept(&self.directory).map(|kept| !kept),
                Err(error) => Err(error),
            };
            if matches!(drained, Ok(true)) {
                return;
            }
            sleep(SUCCEEDED).await;
        }
    }

    /// What keeps a front door shut.
    pub(crate) fn fault(&self, port: u16) -> Result<(), Error> {
        match self.served.borrow().taken.shut.iter().find(|shut| shut.port == port) {
            Some(shut) => Err(Error::Shut(port, shut.why.clone())),
            None => Ok(()),
        }
    }

    /// What a service's front door has counted.
    pub(crate) async fn counts(&self, place: &Place) -> Result<Option<ServiceCounts>, Error> {
        let port = self.wanted.borrow().routes.get(place).map(|route| route.port);
        let Some(mut client) = Client::connect(&self.directory).await? else { return Ok(None) };
        Ok(client.counts().await?.services.into_iter().find(|counts| Some(counts.port) == port))
    }

    /// Changes what is to be served, and tells which change that was.
    fn change(&self, change: impl FnOnce(&mut BTreeMap<Place, Route>) -> bool) -> u64 {
        self.wanted.send_if_modified(|wanted| {
            let changed = change(&mut wanted.routes);
            wanted.number += u64::from(changed);
            changed
        });
        self.wanted.borrow().number
    }

    /// Waits until a change is served.
    async fn serves(&self, number: u64) {
        // It lives as long as this.
        let _ = self.served.subscribe().wait_for(|served| served.number >= number).await;
    }

    /// Has served what is to be, by a process that is started where there is none and taken over from where it is of another
    /// program.
    pub(crate) async fn keep(self: Arc<Self>) {
        let mut wanted = self.wanted.subscribe();
        let (mut process, mut ends, mut since, mut said) = (None, 0, Instant::now(), None);
        loop {
            let Wanted { number, routes } = wanted.borrow_and_update().clone();
            let routes = Routes { routes: routes.into_values().collect() };
            let ended = match self.serve(&mut process, &routes).await {
                Ok(taken) => {
                    let again = if taken.shut.is_empty() { Duration::MAX } else { AGAIN };
                    self.served.send_replace(Served { number, taken });
                    said = None;
                    select! {
                        _ = wanted.changed() => false,
                        () = closed(&mut process) => true,
                        () = sleep(again) => false,
                    }
                }
                Err(error) => {
                    let words = Some(error.in_full());
                    if said != words {
                        tracing::error!(error = words, "the front doors");
                    }
                    said = words;
                    true
                }
            };
            if ended {
                process = None;
                ends = BACKOFF.ends(ends, since.elapsed());
                since = Instant::now();
                sleep(BACKOFF.wait(ends)).await;
            }
        }
    }

    async fn serve(&self, process: &mut Option<Client>, routes: &Routes) -> Result<Taken, Error> {
        if process.is_none() {
            *process = match routes.routes.is_empty() {
                true => Client::connect(&self.directory).await?,
                false => Some(self.reach().await?),
            };
        }
        let Some(client) = process else { return Ok(Taken::default()) };
        let set = timeout(WITHIN, client.set(routes)).await;
        let taken = set.map_err(|_| Error::Launch("door", "it does not answer".to_owned()))??;
        if routes.routes.is_empty() {
            // With nothing to serve it ends.
            client.closed().await;
            *process = None;
        }
        Ok(taken)
    }

    /// The process that has the front doors, of the program that it is to be.
    async fn reach(&self) -> Result<Client, Error> {
        let found = Client::connect(&self.directory).await?;
        let found = match found {
            Some(client) if self.is_of_this_program(&client) => return Ok(client),
            found => found,
        };
        match (detached::start(&self.program, "door", &self.directory, door::OPEN).await, found) {
            (Ok(()), _) => {}
            (Err(error), None) => return Err(error),
            (Err(error), Some(client)) => {
                tracing::error!(error = error.in_full(), "the front doors stay with an earlier program");
                return Ok(client);
            }
        }
        let started = Client::connect(&self.directory).await?;
        started.ok_or_else(|| Error::Launch("door", "it has ended at once".to_owned()))
    }

    /// Whether a process runs what this site would start. The file that it runs is known also when another one has its name.
    fn is_of_this_program(&self, client: &Client) -> bool {
        let runs = client.pid().and_then(|pid| fs::metadata(format!("/proc/{pid}/exe")).ok());
        let would = fs::metadata(&self.program).ok();
        let file = |found: Option<fs::Metadata>| found.map(|found| (found.dev(), found.ino()));
        file(runs) == file(would)
    }
}

/// Waits until a process has ended, if there is one.
async fn closed(process: &mut Option<Client>) {
    match process {
        Some(client) => client.closed().await,
        None => std::future::pending().await,
    }
}
