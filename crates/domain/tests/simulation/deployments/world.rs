//! Everything there is in one simulation, and all that can happen.

use chrono::{DateTime, TimeDelta, Utc};
use domain::queue;

use super::{
    judge::Judge,
    network::{Address, Reply, Request},
    platform::{Platform, Stage},
    record::Record,
    runner::{Key, Server},
};
use crate::{history::History, scheduler::Scheduler};

/// When faults cease, and people no longer meddle.
const CALM: i64 = 90_000;
/// When every deployment has to have ended.
const END: i64 = CALM + 3_600_000;
/// So long it is watched what is still on its way when all have ended.
const AFTERWARDS: i64 = 60_000;
/// How often a server looks for what is due.
const LOOK: i64 = 2_000;

/// What can happen.
pub(super) enum Event {
    /// A deployment is started.
    Start,
    /// Cancelling it is asked for.
    Cancel(usize),
    /// Someone else does something to some workload.
    Meddle,
    /// A workload that was deleted is made again.
    MakeAgain(usize),
    /// A server looks for what is due, if it is still this life of it.
    TakeUp(usize, u32),
    /// It claims a deployment.
    Claim(usize, u32, usize),
    /// A runner does the next thing.
    Go(Key),
    /// Its lease is to be renewed.
    Renewal(Key),
    /// It has waited for long enough, if it has not begun to wait anew.
    Wake(Key, u64),
    /// It hears that something was recorded.
    News(Key),
    /// It looks at a task's rollout.
    Look(Address),
    /// A request gets to its cluster.
    Arrive(Request),
    /// An answer gets back, with the time at which the cluster gave it.
    Answer(Address, Reply, DateTime<Utc>),
    /// A workload's controller gets further with a generation.
    Controller(usize, u32, Stage),
    /// A cluster is away for a while.
    Outage(usize),
    /// A server starts.
    Boot(usize),
    /// Nothing more will happen.
    Over,
}

impl Event {
    /// The server that it happens to.
    fn server(&self) -> Option<usize> {
        match self {
            Self::TakeUp(server, _) | Self::Claim(server, ..) => Some(*server),
            Self::Go(key) | Self::Renewal(key) | Self::Wake(key, _) | Self::News(key) => Some(key.server),
            Self::Look(address) | Self::Answer(address, ..) => Some(address.key.server),
            _ => None,
        }
    }
}

/// How often things go wrong: once in so many times, or never.
#[derive(Debug)]
pub(super) struct Trouble {
    pub(super) network: Option<u32>,
    pub(super) servers: Option<u32>,
    pub(super) rollouts: Option<u32>,
}

pub(super) struct World {
    pub(super) scheduler: Scheduler<Event>,
    pub(super) trouble: Trouble,
    pub(super) platform: Platform,
    pub(super) record: Record,
    pub(super) servers: Vec<Server>,
    pub(super) judge: Judge,
    /// Deployments that are still to be started.
    pub(super) to_start: usize,
    ending: bool,
    over: bool,
}

impl World {
    pub(super) fn new(seed: u64, history: &History) -> Self {
        let mut scheduler = Scheduler::new(seed, history);
        let mut often = |often: &[Option<u32>]| often[scheduler.below(often.len())];
        let trouble = Trouble {
            network: often(&[None, Some(60), Some(20), Some(6)]),
            servers: often(&[None, Some(150), Some(40), Some(12)]),
            rollouts: often(&[None, Some(8), Some(3)]),
        };
        let count = if scheduler.once_in(2) { 1 } else { 2 };
        scheduler.tell(|| format!("{count} servers, {trouble:?}"));
        let platform = Platform::any(&mut scheduler);
        let mut world = Self {
            scheduler,
            trouble,
            platform,
            record: Record::default(),
            servers: (0..count).map(|_| Server::default()).collect(),
            judge: Judge::default(),
            to_start: 0,
            ending: false,
            over: false,
        };
        world.begin();
        world
    }

    fn begin(&mut self) {
        for server in 0..self.servers.len() {
            let at = self.scheduler.between(0..=LOOK);
            self.scheduler.after(at, Event::TakeUp(server, 0));
        }
        self.to_start = self.scheduler.between(1..=4) as usize;
        for _ in 0..self.to_start {
            let at = self.scheduler.between(0..=20_000);
            self.scheduler.after(at, Event::Start);
        }
        if self.scheduler.once_in(2) {
            for _ in 0..self.scheduler.between(1..=8) {
                let at = self.scheduler.between(0..=CALM);
                self.scheduler.after(at, Event::Meddle);
            }
        }
        if self.trouble.network.is_some() {
            for _ in 0..self.scheduler.between(0..=2) {
                let (at, cluster) = (self.scheduler.between(0..=CALM), self.scheduler.below(2));
                self.scheduler.after(at, Event::Outage(cluster));
            }
        }
    }

    /// Lets the next thing happen. Whether it goes on.
    pub(super) fn step(&mut self) -> bool {
        let Some(event) = self.scheduler.next() else { return false };
        assert!(self.scheduler.now() < at(END), "a deployment that never ends: {:#?}", self.record.rows);
        if let Some(server) = event.server() {
            let until = self.servers[server].paused_until;
            if until > self.scheduler.now() {
                self.scheduler.at(until, event);
                return true;
            }
        }
        self.happen(event);
        if !self.ending && self.to_start == 0 && self.record.rows.iter().all(|row| row.status.ended()) {
            self.ending = true;
            self.scheduler.after(AFTERWARDS, Event::Over);
        }
        !self.over
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Start => self.start(),
            Event::Cancel(deployment) => self.cancel(deployment),
            Event::Meddle => self.meddle(),
            Event::MakeAgain(workload) => self.make_again(workload),
            Event::TakeUp(server, life) => self.take_up(server, life),
            Event::Claim(server, life, deployment) => self.claim(server, life, deployment),
            Event::Go(key) => self.with_runner(key, Self::go),
            Event::Renewal(key) => self.with_runner(key, Self::renewal),
            Event::Wake(key, nap) => self.with_runner(key, |world, runner| world.wake(runner, nap)),
            Event::News(key) => self.with_runner(key, Self::news),
            Event::Look(address) => self.with_runner(address.key, |world, runner| {
                world.look(runner, address);
                Ok(())
            }),
            Event::Arrive(request) => self.arrive(request),
            Event::Answer(address, reply, given_at) => self.with_runner(address.key, |world, runner| {
                world.answer(runner, address, reply, given_at);
                Ok(())
            }),
            Event::Controller(workload, generation, stage) => self.control(workload, generation, stage),
            Event::Outage(cluster) => self.outage(cluster),
            Event::Boot(server) => self.boot(server),
            Event::Over => self.over = true,
        }
    }

    pub(super) fn is_calm(&self) -> bool {
        self.scheduler.now() >= at(CALM)
    }

    /// Whether something that happens once in so many times happens, while there are faults.
    pub(super) fn goes_wrong(&mut self, often: Option<u32>) -> bool {
        !self.is_calm() && often.is_some_and(|times| self.scheduler.once_in(times))
    }

    fn take_up(&mut self, server: usize, life: u32) {
        if self.servers[server].life != life {
            return;
        }
        let now = self.scheduler.now();
        let due = queue::due(&self.record.open(now), now);
        self.judge_due(&due);
        for id in due {
            let soon = self.scheduler.between(0..=50);
            self.scheduler.after(soon, Event::Claim(server, life, id.0.as_u128() as usize));
        }
        if !self.ending {
            self.scheduler.after(LOOK, Event::TakeUp(server, life));
        }
    }

    /// Between two effects of a server: it may be killed or paused there.
    pub(super) fn strike(&mut self, server: usize) {
        if !self.goes_wrong(self.trouble.servers) {
            return;
        }
        match self.scheduler.once_in(2) {
            true => self.kill(server),
            false => {
                let long = self.scheduler.between(100..=30_000);
                self.servers[server].paused_until = self.scheduler.now() + TimeDelta::milliseconds(long);
                self.scheduler.meet("a server was paused");
                self.scheduler.tell(|| format!("server {server} is paused for {long} ms"));
            }
        }
    }

    fn kill(&mut self, server: usize) {
        let life = self.servers[server].life + 1;
        self.servers[server] = Server { life, ..Server::default() };
        let down = self.scheduler.between(100..=20_000);
        self.scheduler.after(down, Event::Boot(server));
        self.scheduler.meet("a server was killed");
        self.scheduler.tell(|| format!("server {server} is killed"));
    }

    fn boot(&mut self, server: usize) {
        self.scheduler.tell(|| format!("server {server} starts"));
        if self.servers.len() == 1 {
            // It alone owns the database.
            self.record.release_all_leases();
        }
        self.scheduler.after(0, Event::TakeUp(server, self.servers[server].life));
    }
}

fn at(millis: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::milliseconds(millis)
}
