//! Keeps one service as it is wanted: looks at its replicas, plans, acts, and looks again.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Duration,
};

use domain::{
    front_door::{Route, Version},
    strategy::{Seen, Step},
};
use tokio::{
    sync::{Notify, watch},
    time::{Instant, sleep},
};

use crate::{
    Error, Observed, ObservedReplica, Phase, Place, Process, Replica, Service, Spec, State, entrance,
    health::{Health, Probe},
    mutex::lock,
    output::ended,
    service::{IMAGE, replica_spec},
    site::Shared,
};

/// A service is looked at so often without being told to: of a holder that was killed there is no news.
const LOOK: Duration = Duration::from_secs(2);
/// And so soon after something is due, at the least.
const SOON: Duration = Duration::from_millis(5);

/// What does not run does not serve.
const NOT_RUNNING: Health = Health { known: true, ready: false, fault: None };

/// Keeps one service.
pub(crate) struct Supervisor {
    shared: Arc<Shared>,
    place: Place,
    directory: PathBuf,
    wanted: watch::Receiver<Service>,
    bell: Arc<Notify>,
    /// Of which process they ask, and what it answers.
    probes: HashMap<u16, (Process, Probe)>,
    retiring: Arc<Mutex<HashSet<u16>>>,
    /// When to look again without being told to.
    look_in: Duration,
    /// The port of its front door.
    door: Option<u16>,
    /// What went wrong last, until it goes well.
    problem: Option<String>,
    /// The generation that it comes to, and since when this process knows; none once it has come.
    coming: Option<(i64, Instant)>,
    /// The last generation that was come to.
    reached: Option<i64>,
    /// It was looked at.
    looked: bool,
}

/// The ports of a service's replicas, from their directories' names.
pub(crate) fn ports(directory: &Path) -> Result<Vec<u16>, Error> {
    let names = Replica::all(&directory.join("replicas"))?;
    Ok(names.iter().filter_map(port_of).collect())
}

fn port_of(replica: &Replica) -> Option<u16> {
    replica.directory().file_name()?.to_str()?.parse().ok()
}

impl Supervisor {
    pub(crate) fn new(
        shared: Arc<Shared>,
        place: Place,
        wanted: watch::Receiver<Service>,
        bell: Arc<Notify>,
        door: Option<u16>,
    ) -> Self {
        let directory = shared.directory(&place);
        let retiring = Arc::default();
        Self {
            shared,
            place,
            directory,
            wanted,
            bell,
            probes: HashMap::new(),
            retiring,
            look_in: LOOK,
            door,
            problem: None,
            coming: None,
            reached: None,
            looked: false,
        }
    }

    /// Until the service is removed.
    pub(crate) async fn run(mut self) {
        for replica in Replica::all(&self.directory.join("replicas")).unwrap_or_default() {
            self.watch(&replica);
        }
        loop {
            let service = self.wanted.borrow_and_update().clone();
            match self.step(&service).await {
                Ok(Next::Gone) => return,
                // Once more where something was wrong, to tell that it no longer is.
                Ok(next) if self.problem.take().is_some() || next == Next::Again => continue,
                Ok(_) => {}
                Err(error) => {
                    let problem = Some(error.in_full());
                    if self.problem != problem {
                        tracing::warn!(place = %self.place, problem, "a local service");
                    }
                    self.problem = problem;
                    let replicas = self.look(&service).unwrap_or_default();
                    self.tell(&service, replicas);
                }
            }
            tokio::select! {
                () = self.bell.notified() => {}
                _ = self.wanted.changed() => {}
                () = sleep(self.look_in) => {}
            }
        }
    }

    /// Does what is to be done now.
    async fn step(&mut self, service: &Service) -> Result<Next, Error> {
        let replicas = self.look(service)?;
        // What is not known yet is neither told nor taken for not ready.
        let unknown = |replica: &ObservedReplica| !replica.known && (!self.looked || !replica.current);
        if !service.removed && replicas.iter().any(unknown) {
            return Ok(Next::Wait);
        }
        self.looked = true;
        let door = self.lead(service, &replicas).await;
        let seen: Vec<Seen<u16>> = replicas.iter().map(ObservedReplica::seen).collect();
        let mut lost: Vec<u16> =
            replicas.iter().filter(|replica| replica.is_lost()).map(|replica| replica.port).collect();
        self.tell(service, replicas);
        let wanted = if service.removed { 0 } else { service.spec.replicas };
        let steps = service.spec.strategy.plan(wanted, &seen);
        for step in &steps {
            match step {
                Step::Create => self.create(service).await?,
                Step::Retire(port) => self.retire(*port)?,
            }
        }
        lost.retain(|port| !steps.contains(&Step::Retire(*port)));
        for port in &lost {
            self.hold(&self.replica(*port)?).await?;
        }
        if service.removed && seen.is_empty() {
            self.shut().await?;
            self.shared.forget(&self.place)?;
            return Ok(Next::Gone);
        }
        // What runs is seen to first.
        door?;
        Ok(if steps.is_empty() && lost.is_empty() { Next::Wait } else { Next::Again })
    }

    /// Leads requests to those replicas that are ready now.
    async fn lead(&mut self, service: &Service, replicas: &[ObservedReplica]) -> Result<(), Error> {
        if !service.spec.front_door {
            return self.shut().await;
        }
        let port = match self.door {
            Some(port) => port,
            None if service.removed => return Ok(()),
            None => {
                let port = self.shared.ports.take()?;
                if let Err(error) = entrance::keep(&self.directory, port) {
                    self.shared.ports.give_back(port);
                    return Err(error);
                }
                *self.door.insert(port)
            }
        };
        let mut ready = BTreeMap::<&String, Vec<u16>>::new();
        for replica in replicas.iter().filter(|replica| replica.ready) {
            ready.entry(&replica.image).or_default().push(replica.port);
        }
        let version = |(image, replicas): (&String, _)| Version {
            image: image.clone(),
            weight: service.weights.get(image).copied(),
            replicas,
        };
        let versions = ready.into_iter().map(version).collect();
        self.shared.front.lead(&self.place, Route { service: self.place.to_string(), port, versions });
        self.shared.front.fault(port)
    }

    /// Closes the front door, where there is one.
    async fn shut(&mut self) -> Result<(), Error> {
        let Some(port) = self.door else { return Ok(()) };
        self.shared.front.close(&self.place).await;
        entrance::give_up(&self.directory)?;
        self.door = None;
        self.shared.ports.give_back(port);
        Ok(())
    }

    fn tell(&mut self, service: &Service, replicas: Vec<ObservedReplica>) {
        let failure = self.failure(service, &replicas);
        let observed = Observed {
            service: service.clone(),
            judged: service.generation,
            address: self.door.map(entrance::address),
            replicas,
            problem: self.problem.clone(),
            failure,
        };
        self.shared.tell(&self.place, observed);
    }

    /// Why what is wanted will not come by itself: it ends again and again, or it has had its time.
    fn failure(&mut self, service: &Service, replicas: &[ObservedReplica]) -> Option<String> {
        let current = replicas.iter().filter(|replica| replica.current && !replica.retiring);
        if current.clone().filter(|replica| replica.ready).count() >= service.spec.replicas.into() {
            (self.reached, self.coming) = (Some(service.generation), None);
            return None;
        }
        let unready = current.filter(|replica| !replica.ready);
        let mut states = unready.clone().filter_map(|replica| replica.state.as_ref());
        if let Some(state) = states.find(|state| state.is_crash_loop()) {
            let exit = state.last_exit.as_ref().map(ToString::to_string).unwrap_or_default();
            return Some(format!("crash loop: it {exit}, {} times in a row", state.ends));
        }
        if service.removed || self.reached == Some(service.generation) {
            return None;
        }
        // A server that was not there for a while gives it its time anew.
        let coming = self.coming.filter(|(generation, _)| *generation == service.generation);
        let (_, since) = *self.coming.insert(coming.unwrap_or((service.generation, Instant::now())));
        let deadline = Duration::from_millis(service.spec.deadline_ms);
        match deadline.saturating_sub(since.elapsed()) {
            Duration::ZERO => {
                let words = format!("not ready within {} s", deadline.as_secs_f64());
                let why =
                    self.problem.clone().or_else(|| unready.clone().find_map(ObservedReplica::hindrance));
                Some(why.map_or(words.clone(), |why| format!("{words}: {why}")))
            }
            left => {
                self.look_in = self.look_in.min(left.max(SOON));
                None
            }
        }
    }

    /// The replicas as they are now.
    fn look(&mut self, service: &Service) -> Result<Vec<ObservedReplica>, Error> {
        self.look_in = LOOK;
        let found = Replica::all(&self.directory.join("replicas"))?;
        let ports: HashSet<u16> = found.iter().filter_map(port_of).collect();
        self.probes.retain(|port, _| ports.contains(port));
        let mut replicas = Vec::with_capacity(found.len());
        for replica in &found {
            replicas.extend(self.look_at(service, replica)?);
        }
        Ok(replicas)
    }

    /// One replica; none where it is being removed, or has not been recorded yet.
    fn look_at(&mut self, service: &Service, replica: &Replica) -> Result<Option<ObservedReplica>, Error> {
        let (Some(port), Some(spec), Ok(made)) = (port_of(replica), replica.spec()?, replica.made()) else {
            return Ok(None);
        };
        let state = replica.held()?;
        // One that an earlier server had told to go still goes, though it may serve yet.
        if replica.is_to_go() && !lock(&self.retiring).contains(&port) {
            self.retire(port)?;
        }
        let retiring = lock(&self.retiring).contains(&port);
        let health = state.as_ref().map_or(NOT_RUNNING, |state| self.health(&spec, port, state));
        Ok(Some(ObservedReplica {
            port,
            made,
            image: spec.variables.0.get(IMAGE).cloned().unwrap_or_default(),
            current: !service.removed && spec == self.replica_spec(service, port, &spec.directory),
            ready: !retiring && health.ready,
            fault: health.fault,
            known: retiring || health.known,
            retiring,
            state,
        }))
    }

    fn health(&mut self, spec: &Spec, port: u16, state: &State) -> Health {
        let Phase::Running { process } = state.phase else { return NOT_RUNNING };
        let Some(check) = &spec.health else {
            let left = spec.ready_after.saturating_sub(process.age());
            if !left.is_zero() {
                self.look_in = self.look_in.min(left.max(SOON));
            }
            return Health { known: true, ready: left.is_zero(), fault: None };
        };
        let begin = || Probe::begin(self.shared.client.clone(), check.clone(), port, self.bell.clone());
        let (asked, probe) = self.probes.entry(port).or_insert_with(|| (process, begin()));
        if *asked != process {
            (*asked, *probe) = (process, begin());
        }
        probe.health()
    }

    fn replica_spec(&self, service: &Service, port: u16, work: &Path) -> Spec {
        replica_spec(service, port, work, &self.shared.artifacts)
    }

    fn replica(&self, port: u16) -> Result<Replica, Error> {
        Replica::at(&self.directory.join("replicas").join(port.to_string()))
    }

    async fn create(&self, service: &Service) -> Result<(), Error> {
        let port = self.shared.ports.take()?;
        let directory = self.directory.join("replicas").join(port.to_string());
        let work = directory.join("work");
        let made = fs::create_dir_all(&work)
            .map_err(Error::file(&work, "made"))
            .and_then(|()| Replica::create(&directory, &self.replica_spec(service, port, &work)));
        match made {
            Ok(replica) => self.hold(&replica).await,
            Err(error) => {
                self.shared.ports.give_back(port);
                Err(error)
            }
        }
    }

    async fn hold(&self, replica: &Replica) -> Result<(), Error> {
        self.watch(replica);
        // It is never closed.
        let _turn = self.shared.starts.acquire().await;
        replica.start(&self.shared.holder).await
    }

    /// Without it, what the holder says is seen at the next look.
    fn watch(&self, replica: &Replica) {
        if let Err(error) = self.shared.watch.add(replica) {
            tracing::warn!(place = %self.place, error = error.in_full(), "a replica's news come late");
        }
    }

    /// Stops a replica, once it has no requests any more, and removes it, beside everything else.
    fn retire(&mut self, port: u16) -> Result<(), Error> {
        let replica = self.replica(port)?;
        let grace = replica.spec()?.map(|spec| spec.grace).unwrap_or_default();
        let place = self.place.clone();
        // On a full disk, say, that it goes is what helps.
        if let Err(error) = replica.mark_to_go() {
            tracing::warn!(error = error.in_full(), "that a replica is to go is not recorded");
        }
        lock(&self.retiring).insert(port);
        self.probes.remove(&port);
        let (shared, retiring, bell) = (self.shared.clone(), self.retiring.clone(), self.bell.clone());
        let directory = self.directory.clone();
        self.shared.spawn(async move {
            shared.front.drain(&place, port, grace).await;
            let removed = match replica.stop().await {
                Ok(()) => {
                    if let Err(error) = ended::keep(&directory, replica.directory(), port) {
                        tracing::warn!(error = error.in_full(), "a replica's last words are not kept");
                    }
                    replica.remove()
                }
                Err(error) => Err(error),
            };
            lock(&retiring).remove(&port);
            match removed {
                Ok(()) => {
                    shared.ports.give_back(port);
                    bell.notify_one();
                }
                // At the next look.
                Err(error) => {
                    tracing::warn!(error = error.in_full(), "a replica cannot be removed; tried again");
                }
            }
        });
        Ok(())
    }
}

/// What comes after a step.
#[derive(PartialEq)]
enum Next {
    Again,
    Wait,
    Gone,
}
