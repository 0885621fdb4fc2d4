//! What becomes of replicas.

use super::world::{Event, Replica, World};

impl World {
    /// A replica is made, and begins to start.
    pub(super) fn make(&mut self, version: u32) {
        self.made += 1;
        let id = self.made;
        let place = (0..).find(|place| self.replicas.values().all(|other| other.place != *place));
        let place = place.expect("there are places without end");
        self.scheduler.tell(|| format!("replica {id} of version {version} is made in place {place}"));
        self.replicas.insert(id, Replica { version, place, ready: false, starts: 0, stopping: false });
        self.start(id);
        if !self.quiet && !self.is_calm() && self.scheduler.once_in(6) {
            let at = self.scheduler.between(100..=60_000);
            self.scheduler.after(at, Event::Crash(id));
        }
    }

    fn start(&mut self, id: u16) {
        let Some(replica) = self.replicas.get_mut(&id) else { return };
        replica.starts += 1;
        let starts = replica.starts;
        let takes = match !self.is_calm() && self.scheduler.once_in(5) {
            true => self.scheduler.between(5_000..=60_000),
            false => self.scheduler.between(50..=3_000),
        };
        self.scheduler.after(takes, Event::Started(id, starts));
    }

    pub(super) fn started(&mut self, id: u16, starts: u32) {
        let doomed = self.replicas.get(&id).is_none_or(|replica| self.is_doomed(replica));
        let Some(replica) = self.replicas.get_mut(&id) else { return };
        if doomed || replica.starts != starts || replica.stopping {
            return;
        }
        replica.ready = true;
        self.scheduler.tell(|| format!("replica {id} is ready"));
        self.tell_caller(id);
    }

    pub(super) fn crash(&mut self, id: u16) {
        let spared = self.calm_or_quiet();
        let Some(replica) = self.replicas.get_mut(&id).filter(|replica| !spared && !replica.stopping) else {
            return;
        };
        replica.ready = false;
        self.scheduler.meet("a replica crashed");
        self.scheduler.tell(|| format!("replica {id} crashes"));
        self.tell_caller(id);
        self.start(id);
    }

    fn calm_or_quiet(&self) -> bool {
        self.quiet || self.is_calm()
    }

    /// A replica is told to stop; it answers until it has.
    pub(super) fn stop(&mut self, id: u16) {
        let Some(replica) = self.replicas.get_mut(&id) else { return };
        if replica.stopping {
            return;
        }
        if replica.ready {
            self.scheduler.meet("a replica was retired that served");
        }
        replica.stopping = true;
        let takes = match !self.is_calm() && self.scheduler.once_in(4) {
            true => self.scheduler.between(5_000..=40_000),
            false => self.scheduler.between(10..=2_000),
        };
        self.scheduler.tell(|| format!("replica {id} is told to stop"));
        self.scheduler.after(takes, Event::Gone(id));
    }

    pub(super) fn gone(&mut self, id: u16) {
        if self.replicas.remove(&id).is_some() {
            self.scheduler.tell(|| format!("replica {id} is gone"));
        }
    }

    /// Something outside kills a replica, with or without a trace.
    pub(super) fn outside(&mut self) {
        if self.replicas.is_empty() || self.is_calm() {
            return;
        }
        let which = self.scheduler.below(self.replicas.len());
        let id = *self.replicas.keys().nth(which).expect("an index below their number");
        match self.scheduler.once_in(2) {
            true => {
                self.scheduler.meet("a replica was killed from outside");
                self.gone(id);
            }
            false => self.crash(id),
        }
    }

    /// What became of a replica is heard at once or some time later.
    fn tell_caller(&mut self, id: u16) {
        if self.calm_or_quiet() || self.scheduler.once_in(2) {
            return self.hear(id);
        }
        self.scheduler.meet("the view was late");
        let takes = self.scheduler.between(10..=3_000);
        self.scheduler.after(takes, Event::Heard(id));
    }

    /// The caller hears how a replica is now.
    pub(super) fn hear(&mut self, id: u16) {
        self.heard.extend(self.replicas.get(&id).map(|replica| (id, replica.ready)));
    }
}
