//! Requests to clusters: lost, late, doubled and out of order, and so are the answers.

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    platform::{Images, Workload},
    runner::Key,
    world::{Event, World},
};

/// How long a server waits for an answer.
const PATIENCE: i64 = 3_000;

/// Who waits for an answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Address {
    pub(super) key: Key,
    pub(super) task: usize,
    /// Which run of an action of the task's.
    pub(super) run: u64,
    /// Which of its requests.
    pub(super) number: u64,
}

#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) address: Address,
    pub(super) sent_at: DateTime<Utc>,
    pub(super) place: usize,
    pub(super) call: Call,
}

#[derive(Clone, Debug)]
pub(super) enum Call {
    Read,
    /// Images and annotation are set, if the object is still of this version.
    Patch {
        version: u32,
        images: Images,
        back: bool,
        dry_run: bool,
    },
}

pub(super) enum Reply {
    Found(Option<Workload>),
    Accepted,
    /// The object has moved on.
    Conflict,
    Gone,
    Rejected,
    /// A passing failure, or no answer in time, with how long the cluster asks to wait.
    Unavailable(Option<TimeDelta>),
}

impl World {
    pub(super) fn send(&mut self, request: Request) {
        self.judge.sends(&request);
        let copies = if self.goes_wrong(self.trouble.network) { 2 } else { 1 };
        for _ in 0..copies {
            if self.goes_wrong(self.trouble.network) {
                self.no_answer(&request);
                continue;
            }
            let takes = self.latency();
            self.scheduler.after(takes, Event::Arrive(request.clone()));
        }
    }

    fn latency(&mut self) -> i64 {
        match self.goes_wrong(self.trouble.network) {
            true => self.scheduler.between(100..=12_000),
            false => self.scheduler.between(1..=60),
        }
    }

    fn no_answer(&mut self, request: &Request) {
        let at = request.sent_at + TimeDelta::milliseconds(PATIENCE);
        self.scheduler.at(at, Event::Answer(request.address, Reply::Unavailable(None), request.sent_at));
    }

    pub(super) fn arrive(&mut self, request: Request) {
        let cluster = self.platform.places[request.place].cluster;
        let now = self.scheduler.now();
        if self.platform.away_until[cluster] > now {
            return self.no_answer(&request);
        }
        let asks_to_wait = self.goes_wrong(self.trouble.network);
        let reply = match asks_to_wait {
            true => {
                let wait = self.scheduler.between(0..=20_000);
                Reply::Unavailable(self.scheduler.once_in(2).then(|| TimeDelta::milliseconds(wait)))
            }
            false => self.carry_out(&request),
        };
        let takes = TimeDelta::milliseconds(self.latency());
        let late = now + takes > request.sent_at + TimeDelta::milliseconds(PATIENCE);
        if late || self.goes_wrong(self.trouble.network) {
            if matches!(reply, Reply::Accepted) {
                self.scheduler.meet("a change came in an answer that was lost");
            }
            return self.no_answer(&request);
        }
        self.scheduler.at(now + takes, Event::Answer(request.address, reply, now));
    }

    /// What a cluster makes of a request.
    fn carry_out(&mut self, request: &Request) -> Reply {
        let place = &self.platform.places[request.place];
        let Call::Patch { version, images, back, dry_run } = request.call else {
            return Reply::Found(place.now.clone());
        };
        let Some(workload) = &place.now else { return Reply::Gone };
        if workload.version != version {
            self.scheduler.meet("a patch met an object that had moved on");
            return Reply::Conflict;
        }
        if place.refuses && !back {
            return Reply::Rejected;
        }
        if !dry_run {
            self.judge_effect(request, back);
            let (place, now) = (request.place, self.scheduler.now());
            let deployment = request.address.key.deployment;
            self.scheduler.tell(|| format!("workload {place}: deployment {deployment} sets {images:?}"));
            let generation = self.platform.set(place, now, |workload| {
                workload.images = images;
                workload.annotation = Some(deployment);
            });
            self.roll_out(place, generation.unwrap_or_default());
        }
        Reply::Accepted
    }

    /// A cluster can be reached by nobody for a while.
    pub(super) fn outage(&mut self, cluster: usize) {
        let long = self.scheduler.between(1_000..=60_000);
        self.platform.away_until[cluster] = self.scheduler.now() + TimeDelta::milliseconds(long);
        self.scheduler.tell(|| format!("cluster {cluster} is away for {long} ms"));
    }
}
