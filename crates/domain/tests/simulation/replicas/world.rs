//! The replicas as they really are, and all that can happen.

use std::collections::{BTreeMap, BTreeSet};

use super::{caller::Caller, promise::Promise};
use crate::{history::History, scheduler::Scheduler};

/// When faults cease.
const CALM: i64 = 120_000;
/// When everything has to be as wanted.
const END: i64 = CALM + 240_000;

/// What can happen.
pub(super) enum Event {
    /// The caller looks and plans, if it is still this life of it.
    Look(u32),
    /// It takes its next step.
    Act(u32),
    /// It is killed, and starts again some time later.
    Kill,
    /// A replica has started, and was not started anew since.
    Started(u16, u32),
    /// A replica ends by itself, and is started again.
    Crash(u16),
    /// A replica that was to stop has stopped and is removed.
    Gone(u16),
    /// The caller hears whether a replica serves.
    Heard(u16),
    /// Something outside does something to some replica.
    Outside,
    /// Something else is wanted.
    Change,
    /// Faults cease.
    Calm,
    /// It is looked whether everything is as wanted.
    End,
}

/// What is wanted.
#[derive(Clone, Debug)]
pub(super) struct Spec {
    pub(super) promise: Promise,
    pub(super) wanted: u16,
    pub(super) version: u32,
}

/// A replica as it really is.
#[derive(Debug)]
pub(super) struct Replica {
    pub(super) version: u32,
    /// Below the number wanted when it was made, under strategies that have places.
    pub(super) place: usize,
    /// It runs and answers.
    pub(super) ready: bool,
    /// How often it was started.
    pub(super) starts: u32,
    /// It was told to stop.
    pub(super) stopping: bool,
}

impl Replica {
    pub(super) fn serves(&self) -> bool {
        self.ready && !self.stopping
    }
}

pub(super) struct World {
    pub(super) scheduler: Scheduler<Event>,
    pub(super) spec: Spec,
    pub(super) replicas: BTreeMap<u16, Replica>,
    pub(super) made: u16,
    /// What the caller has heard last of which replicas serve.
    pub(super) heard: BTreeMap<u16, bool>,
    pub(super) caller: Caller,
    /// Versions that never become ready.
    doomed: BTreeSet<u32>,
    /// Nothing fails and nothing is seen late: then so many serve at every moment, once they have.
    pub(super) quiet: bool,
    /// As many as are to stay ready were.
    pub(super) reached: bool,
    calm: bool,
    over: bool,
    /// Of the versions that can serve, those that stood when faults ceased.
    sound_when_calm: usize,
}

impl World {
    pub(super) fn new(seed: u64, history: &History) -> Self {
        let mut scheduler = Scheduler::new(seed, history);
        let promise = Promise::any(&mut scheduler);
        let spec = Spec { promise, wanted: scheduler.between(1..=6) as u16, version: 1 };
        let quiet = scheduler.once_in(3);
        let mut world = Self {
            scheduler,
            spec,
            replicas: BTreeMap::new(),
            made: 0,
            heard: BTreeMap::new(),
            caller: Caller::default(),
            doomed: BTreeSet::new(),
            quiet,
            reached: false,
            calm: false,
            over: false,
            sound_when_calm: 0,
        };
        world.scheduler.tell(|| format!("{:?}, quiet: {quiet}", world.spec));
        world.begin();
        world
    }

    fn begin(&mut self) {
        self.scheduler.after(0, Event::Look(self.caller.life));
        for _ in 0..self.scheduler.between(1..=4) {
            let at = self.scheduler.between(0..=CALM);
            self.scheduler.after(at, Event::Change);
        }
        for _ in 0..self.scheduler.between(0..=6) {
            let at = self.scheduler.between(0..=CALM);
            self.scheduler.after(at, Event::Kill);
        }
        if !self.quiet {
            for _ in 0..self.scheduler.between(0..=20) {
                let at = self.scheduler.between(0..=CALM);
                self.scheduler.after(at, Event::Outside);
            }
        }
        self.scheduler.after(CALM, Event::Calm);
        self.scheduler.after(END, Event::End);
    }

    /// Lets the next thing happen. Whether it goes on.
    pub(super) fn step(&mut self) -> bool {
        match self.scheduler.next() {
            None => return false,
            Some(Event::Look(life)) => self.look(life),
            Some(Event::Act(life)) => self.act(life),
            Some(Event::Kill) => self.kill(),
            Some(Event::Started(id, starts)) => self.started(id, starts),
            Some(Event::Crash(id)) => self.crash(id),
            Some(Event::Gone(id)) => self.gone(id),
            Some(Event::Heard(id)) => self.hear(id),
            Some(Event::Outside) => self.outside(),
            Some(Event::Change) => self.change(),
            Some(Event::Calm) => self.calm(),
            Some(Event::End) => self.over = true,
        }
        !self.over
    }

    fn change(&mut self) {
        if self.caller.has_steps() {
            self.scheduler.meet("the specification changed while steps were taken");
        }
        if !self.quiet && self.scheduler.once_in(3) {
            self.spec.wanted = self.scheduler.between(0..=6) as u16;
        }
        if !self.quiet && self.scheduler.once_in(6) {
            self.spec.promise = Promise::any(&mut self.scheduler);
        }
        // Sometimes back to what was wanted before.
        self.spec.version = match self.scheduler.once_in(4) {
            true => self.spec.version.saturating_sub(1).max(1),
            false => self.spec.version + 1,
        };
        if self.scheduler.once_in(5) && self.spec.version > 1 {
            self.doomed.insert(self.spec.version);
        }
        self.scheduler.tell(|| format!("wanted: {:?}, doomed: {:?}", self.spec, self.doomed));
    }

    fn calm(&mut self) {
        self.calm = true;
        // Where the caller is in the middle of something, or knows less than there is, others may still go.
        self.sound_when_calm = if self.caller_is_behind() { 0 } else { self.sound() };
        self.scheduler.tell(|| "faults cease".to_owned());
    }

    /// Those that stand and can serve.
    fn sound(&self) -> usize {
        self.replicas.values().filter(|replica| !replica.stopping && !self.is_doomed(replica)).count()
    }

    pub(super) fn is_doomed(&self, replica: &Replica) -> bool {
        self.doomed.contains(&replica.version)
    }

    pub(super) fn is_calm(&self) -> bool {
        self.calm
    }

    pub(super) fn is_ready(&self, id: u16) -> bool {
        self.replicas.get(&id).is_some_and(|replica| replica.ready)
    }

    pub(super) fn serving(&self) -> usize {
        self.replicas.values().filter(|replica| replica.serves()).count()
    }

    /// What holds at every moment.
    pub(super) fn check(&mut self) {
        if !self.quiet {
            return;
        }
        let (serving, least) = (self.serving(), self.spec.promise.least_ready(self.spec.wanted));
        self.reached |= serving >= least;
        assert!(
            serving >= least || !self.reached,
            "{serving} serve, not {least}, though nothing failed: {:?}",
            self.replicas
        );
    }

    /// What holds when faults have ceased for long.
    pub(super) fn check_end(&self) {
        let (wanted, version) = (usize::from(self.spec.wanted), self.spec.version);
        assert!(!self.caller.has_steps(), "it is never done: {:?}", self.replicas);
        if self.doomed.contains(&version) && wanted > 0 {
            self.scheduler.meet("the last version never becomes ready");
            let least = self.spec.promise.least_ready(self.spec.wanted).min(self.sound_when_calm);
            assert!(self.serving() >= least, "what served gave way to what never comes: {:?}", self.replicas);
            return;
        }
        self.scheduler.meet("as wanted in the end");
        let as_wanted = self.replicas.values().all(|replica| replica.version == version && replica.serves());
        assert!(
            as_wanted && self.replicas.len() == wanted,
            "not {wanted} of version {version} in the end: {:?}",
            self.replicas
        );
    }
}
