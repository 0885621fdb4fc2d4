//! Keeps one service as it is wanted: looks at its replicas, plans, acts, and looks again.

use std::{
    collections::{HashMap, HashSet},
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Duration,
};

use chrono::{DateTime, Utc};
use domain::strategy::{Seen, Step};
use tokio::{
    sync::{Notify, watch},
    time::sleep,
};

use crate::{
    Error, Phase, Place, Replica, Service, Spec, State,
    health::{Health, Probe},
    mutex::lock,
    service::{IMAGE, replica_spec},
    site::Shared,
};

/// A service is looked at so often without being told to: of a holder that was killed there is no news.
const LOOK: Duration = Duration::from_secs(2);
/// And so soon after something is due, at the least.
const SOON: Duration = Duration::from_millis(5);

/// A service as it is.
#[derive(Clone, Debug, PartialEq)]
pub struct Observed {
    /// As it is to be.
    pub service: Service,
    /// Its replicas, by port.
    pub replicas: Vec<ObservedReplica>,
    /// What keeps it from being as it is to be, where nothing can be done about it here.
    pub problem: Option<String>,
}

/// A replica as it is.
#[derive(Clone, Debug, PartialEq)]
pub struct ObservedReplica {
    /// Its port, by which it is known.
    pub port: u16,
    /// When it was made.
    pub made: DateTime<Utc>,
    /// What version of what it runs.
    pub image: String,
    /// Runs what is wanted now.
    pub current: bool,
    /// Serves.
    pub ready: bool,
    /// What was wrong with its last answer to the health check.
    pub fault: Option<String>,
    /// Is being stopped.
    pub retiring: bool,
    /// What its holder says; none where there is no holder.
    pub state: Option<State>,
}

/// Keeps one service.
pub(crate) struct Supervisor {
    shared: Arc<Shared>,
    place: Place,
    directory: PathBuf,
    wanted: watch::Receiver<Service>,
    bell: Arc<Notify>,
    probes: HashMap<u16, Probe>,
    retiring: Arc<Mutex<HashSet<u16>>>,
    /// When to look again without being told to.
    look_in: Duration,
    /// What went wrong last, until it goes well.
    problem: Option<String>,
    /// The generation that has been reached.
    reached: Option<i64>,
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
            problem: None,
            reached: None,
        }
    }

    /// Until the service is removed.
    pub(crate) async fn run(mut self) {
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
            self.shared.forget(&self.place)?;
            return Ok(Next::Gone);
        }
        Ok(if steps.is_empty() && lost.is_empty() { Next::Wait } else { Next::Again })
    }

    fn tell(&mut self, service: &Service, replicas: Vec<ObservedReplica>) {
        let problem = self.problem.clone().or_else(|| self.failure(service, &replicas));
        self.shared.tell(&self.place, Observed { service: service.clone(), replicas, problem });
    }

    /// Why what is wanted will not come by itself: it ends again and again, or it has had its time.
    fn failure(&mut self, service: &Service, replicas: &[ObservedReplica]) -> Option<String> {
        let current = replicas.iter().filter(|replica| replica.current && !replica.retiring);
        if current.clone().filter(|replica| replica.ready).count() >= service.spec.replicas.into() {
            self.reached = Some(service.generation);
            return None;
        }
        let looping = current.filter(|replica| !replica.ready).filter_map(|replica| replica.state.as_ref());
        if let Some(state) = looping.clone().find(|state| state.is_crash_loop()) {
            let exit = state.last_exit.as_ref().map(ToString::to_string).unwrap_or_default();
            return Some(format!("crash loop: it {exit}, {} times in a row", state.ends));
        }
        if service.removed || self.reached == Some(service.generation) {
            return None;
        }
        let deadline = Duration::from_millis(service.spec.deadline_ms);
        let since = (Utc::now() - service.changed_at).to_std().unwrap_or_default();
        match deadline.saturating_sub(since) {
            Duration::ZERO => Some(format!("not ready within {} s", deadline.as_secs_f64())),
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
        let retiring = lock(&self.retiring).contains(&port);
        let health = state.as_ref().map(|state| self.health(&spec, port, state)).unwrap_or_default();
        Ok(Some(ObservedReplica {
            port,
            made,
            image: spec.variables.get(IMAGE).cloned().unwrap_or_default(),
            current: !service.removed && spec == replica_spec(&service.spec, port, &spec.directory),
            ready: !retiring && health.ready,
            fault: health.fault,
            retiring,
            state,
        }))
    }

    fn health(&mut self, spec: &Spec, port: u16, state: &State) -> Health {
        let Phase::Running { process } = state.phase else { return Health::default() };
        let Some(check) = &spec.health else {
            let left = spec.ready_after.saturating_sub(process.age());
            if !left.is_zero() {
                self.look_in = self.look_in.min(left.max(SOON));
            }
            return Health { ready: left.is_zero(), fault: None };
        };
        let begin = || Probe::begin(self.shared.client.clone(), check.clone(), port, self.bell.clone());
        self.probes.entry(port).or_insert_with(begin).health()
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
            .and_then(|()| Replica::create(&directory, &replica_spec(&service.spec, port, &work)));
        match made {
            Ok(replica) => self.hold(&replica).await,
            Err(error) => {
                self.shared.ports.give_back(port);
                Err(error)
            }
        }
    }

    async fn hold(&self, replica: &Replica) -> Result<(), Error> {
        self.shared.watch.add(replica)?;
        replica.start(&self.shared.holder).await
    }

    /// Stops a replica and removes it, beside everything else.
    fn retire(&mut self, port: u16) -> Result<(), Error> {
        let replica = self.replica(port)?;
        lock(&self.retiring).insert(port);
        self.probes.remove(&port);
        let (shared, retiring, bell) = (self.shared.clone(), self.retiring.clone(), self.bell.clone());
        self.shared.tasks.spawn(async move {
            let removed = match replica.stop().await {
                Ok(()) => replica.remove(),
                Err(error) => Err(error),
            };
            match removed {
                Ok(()) => shared.ports.give_back(port),
                Err(error) => {
                    tracing::warn!(error = error.in_full(), "a replica cannot be removed; tried again")
                }
            }
            lock(&retiring).remove(&port);
            bell.notify_one();
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

impl ObservedReplica {
    fn seen(&self) -> Seen<u16> {
        Seen { id: self.port, current: self.current, ready: self.ready, retiring: self.retiring }
    }

    /// It was recorded, or its holder was killed, before it was to stop.
    fn is_lost(&self) -> bool {
        self.current && !self.retiring && self.state.is_none()
    }
}
