//! One action for one task, as `control::engine::act` and `platform::apply` have it: a chain of requests, each decided on by
//! the answer to the one before.

use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    engine::{
        Action, Applied, Change, Observed, TaskState, Withdrawn, applied, in_doubt, observed, withdrawn,
    },
    patience::Patience,
};

use super::{
    network::{Address, Call, Reply, Request},
    platform::{Images, Workload},
    record::Bound,
    runner::{Runner, Work, index},
    world::{Event, World},
};

/// How often a change is decided on anew because the object moved on meanwhile.
const MAX_CONFLICTS: u32 = 5;

/// Rollouts are given up after 90 s, so that those that hang do not make histories long.
pub(super) fn patience() -> Patience {
    Patience::times(0.1)
}

/// What an action waits for.
#[derive(Debug)]
pub(super) enum Stage {
    /// Whether a patch was accepted.
    Patching,
    /// How the object is, to decide on a patch.
    Deciding,
    /// Whether a change got through that has ended otherwise.
    Doubting(Change),
    /// That there may be something new of a rollout.
    Waiting,
    /// How the object is, to tell how far its rollout is.
    Looking,
    /// To be recorded.
    Done(Change),
}

/// What an object as it is means for a change.
enum Verdict {
    Due,
    AlreadyThere,
    Changed(&'static str),
}

/// What came of `set_images`.
enum Sent {
    Accepted,
    AlreadyThere,
    Changed(&'static str),
    Rejected,
    Transient(&'static str, Option<TimeDelta>),
}

/// The images that a change starts from and those it goes to.
#[derive(Clone, Copy)]
struct Way {
    uid: u32,
    from: Images,
    to: Images,
    back: bool,
}

fn way(bound: &Bound, action: &Action) -> Way {
    let Bound { uid, from, to, .. } = *bound;
    match action {
        Action::PutBack(_) | Action::ObservePutBack(_) => Way { uid, from: to, to: from, back: true },
        _ => Way { uid, from, to, back: false },
    }
}

/// As `platform::confirmed`.
fn verdict(now: &Workload, way: Way, deployment: usize) -> Verdict {
    let ours = now.annotation == Some(deployment);
    if now.uid != way.uid {
        Verdict::Changed("it was deleted and made again since the preview")
    } else if now.images == way.to && (way.back || ours) {
        Verdict::AlreadyThere
    } else if ours && !way.back {
        Verdict::Changed("it was changed by this sync, and by someone else since")
    } else if now.images != way.from {
        Verdict::Changed("it runs other images than confirmed")
    } else {
        Verdict::Due
    }
}

impl World {
    /// Begins an action.
    pub(super) fn act(&mut self, runner: &mut Runner, task: TaskState, action: Action) {
        let number = index(task.id);
        runner.runs += 1;
        let (run, heard) = (runner.runs, self.scheduler.now());
        let mut work = Work { run, action, task, stage: Stage::Waiting, requests: 0, conflicts: 0, heard };
        let place = runner.bound[number].place;
        if matches!(work.action, Action::Observe(_) | Action::ObservePutBack(_)) {
            let longest = if self.scheduler.once_in(2) { 1_500 } else { 15_000 };
            let wait = self.scheduler.between(100..=longest);
            let address = Address { key: runner.key, task: number, run, number: 0 };
            self.scheduler.after(wait, Event::Look(address));
        } else if let Some(version) =
            self.version_shown(place, way(&runner.bound[number], &work.action), runner)
        {
            self.patch(runner, &mut work, version);
        } else {
            self.read(runner, &mut work, Stage::Deciding);
        }
        runner.work.insert(number, work);
    }

    /// What a watch may show of a workload: not always the newest.
    fn shown(&mut self, place: usize) -> Option<Workload> {
        let shown = &self.platform.places[place].shown;
        let late = if self.is_calm() { 1 } else { shown.len() };
        let which = shown.len().checked_sub(1 + self.scheduler.below(late.max(1)))?;
        self.platform.places[place].shown.get(which).cloned()
    }

    /// The version to patch at once, where a watch shows that the change is due.
    fn version_shown(&mut self, place: usize, way: Way, runner: &Runner) -> Option<u32> {
        let shown = self.shown(place).filter(|_| self.scheduler.once_in(2))?;
        matches!(verdict(&shown, way, runner.key.deployment), Verdict::Due).then_some(shown.version)
    }

    fn patch(&mut self, runner: &Runner, work: &mut Work, version: u32) {
        let Way { to: images, back, .. } = way(&runner.bound[index(work.task.id)], &work.action);
        let dry_run = matches!(work.action, Action::Withdraw(_));
        work.stage = Stage::Patching;
        self.request(runner, work, Call::Patch { version, images, back, dry_run });
    }

    fn read(&mut self, runner: &Runner, work: &mut Work, stage: Stage) {
        work.stage = stage;
        self.request(runner, work, Call::Read);
    }

    fn request(&mut self, runner: &Runner, work: &mut Work, call: Call) {
        work.requests += 1;
        let task = index(work.task.id);
        let address = Address { key: runner.key, task, run: work.run, number: work.requests };
        let sent_at = self.scheduler.now();
        self.send(Request { address, sent_at, place: runner.bound[task].place, call });
        self.strike(runner.key.server);
    }

    /// An answer came, or none in time.
    pub(super) fn answer(
        &mut self,
        runner: &mut Runner,
        address: Address,
        reply: Reply,
        given_at: DateTime<Utc>,
    ) {
        let current = |work: &&mut Work| work.run == address.run && work.requests == address.number;
        let Some(work) = runner.work.get_mut(&address.task).filter(current) else { return };
        let stage = std::mem::replace(&mut work.stage, Stage::Waiting);
        let Some(mut work) = runner.work.remove(&address.task) else { return };
        if !matches!(reply, Reply::Unavailable(_)) {
            work.heard = given_at;
        }
        match stage {
            Stage::Patching => self.patched(runner, &mut work, reply),
            Stage::Deciding => self.decided(runner, &mut work, reply),
            Stage::Doubting(change) => {
                work.stage = Stage::Done(self.without_doubt(runner, &work, change, reply));
            }
            Stage::Looking => self.looked(runner, &mut work, reply),
            waiting @ (Stage::Waiting | Stage::Done(_)) => work.stage = waiting,
        }
        if matches!(work.stage, Stage::Done(_)) {
            self.keep_going(runner);
        }
        runner.work.insert(address.task, work);
        self.strike(address.key.server);
    }

    fn patched(&mut self, runner: &Runner, work: &mut Work, reply: Reply) {
        let sent = match reply {
            Reply::Accepted => Sent::Accepted,
            Reply::Conflict if work.conflicts < MAX_CONFLICTS => {
                work.conflicts += 1;
                return self.read(runner, work, Stage::Deciding);
            }
            Reply::Conflict => Sent::Transient("it was changed by others while it was to be changed", None),
            Reply::Rejected => Sent::Rejected,
            Reply::Gone | Reply::Found(_) => Sent::Changed("it is gone"),
            Reply::Unavailable(wait) => Sent::Transient("503", wait),
        };
        self.sent(runner, work, sent);
    }

    fn decided(&mut self, runner: &Runner, work: &mut Work, reply: Reply) {
        let task = index(work.task.id);
        let sent = match reply {
            Reply::Found(Some(now)) => {
                let way = way(&runner.bound[task], &work.action);
                match verdict(&now, way, runner.key.deployment) {
                    Verdict::Due => return self.patch(runner, work, now.version),
                    Verdict::AlreadyThere => Sent::AlreadyThere,
                    Verdict::Changed(words) => Sent::Changed(words),
                }
            }
            Reply::Unavailable(wait) => Sent::Transient("503", wait),
            _ => Sent::Changed("it is gone"),
        };
        self.sent(runner, work, sent);
    }

    /// Says what came of a change, and makes sure where an earlier try had no answer.
    fn sent(&mut self, runner: &Runner, work: &mut Work, sent: Sent) {
        let now = self.scheduler.now();
        if matches!(sent, Sent::AlreadyThere) {
            self.scheduler.meet("a change was found to be there already");
        }
        let change = match work.action {
            Action::Withdraw(_) => withdrawn(&work.task, self.withdrawal(sent), now, patience()),
            _ => applied(&work.task, outcome(sent), now, patience()),
        };
        let back = matches!(work.action, Action::PutBack(_));
        let tried_before = work.task.retries > 0 || runner.resumed.contains(&index(work.task.id));
        if change.status.ended() && (back || !change.accepted) && tried_before {
            return self.read(runner, work, Stage::Doubting(change));
        }
        work.stage = Stage::Done(change);
    }

    fn withdrawal(&self, sent: Sent) -> Withdrawn {
        match sent {
            Sent::AlreadyThere => {
                self.scheduler.meet("a change was withdrawn that had got through");
                Withdrawn::Taken
            }
            Sent::Transient(words, _) => Withdrawn::Transient(words.to_owned()),
            Sent::Accepted | Sent::Changed(_) | Sent::Rejected => {
                self.scheduler.meet("a change was withdrawn that had not");
                Withdrawn::NotTaken
            }
        }
    }

    fn without_doubt(&self, runner: &Runner, work: &Work, change: Change, reply: Reply) -> Change {
        let way = way(&runner.bound[index(work.task.id)], &work.action);
        let got_through = |now: &Workload| {
            let ours = now.annotation == Some(runner.key.deployment);
            now.uid == way.uid && if way.back { now.images == way.to } else { ours }
        };
        match reply {
            Reply::Found(Some(now)) if got_through(&now) => {
                applied(&work.task, Applied::Accepted, self.scheduler.now(), patience())
            }
            Reply::Unavailable(_) => {
                self.scheduler.meet("in doubt");
                in_doubt(change)
            }
            _ => change,
        }
    }

    /// Looks at a rollout: at what a watch shows, if that is of this change, else at the object itself.
    pub(super) fn look(&mut self, runner: &mut Runner, address: Address) {
        let current = |work: &Work| work.run == address.run && matches!(work.stage, Stage::Waiting);
        let Some(mut work) = runner.work.remove(&address.task) else { return };
        if current(&work) {
            let way = way(&runner.bound[address.task], &work.action);
            let shown = self.shown(runner.bound[address.task].place).filter(|shown| {
                shown.annotation == Some(runner.key.deployment) && shown.runs(way.uid, way.to)
            });
            match shown.filter(|_| self.scheduler.once_in(2)) {
                Some(shown) => self.looked(runner, &mut work, Reply::Found(Some(shown))),
                None => self.read(runner, &mut work, Stage::Looking),
            }
        }
        if matches!(work.stage, Stage::Done(_)) {
            self.keep_going(runner);
        }
        runner.work.insert(address.task, work);
    }

    fn looked(&mut self, runner: &Runner, work: &mut Work, reply: Reply) {
        let way = way(&runner.bound[index(work.task.id)], &work.action);
        let overtaken = |words: &str| Observed::Overtaken(words.to_owned());
        let found = match reply {
            Reply::Found(Some(now)) if now.uid != way.uid => overtaken("it was made again by someone else"),
            Reply::Found(Some(now)) if now.images != way.to => overtaken("it was changed by someone else"),
            Reply::Found(Some(now)) => Observed::Rollout(now.rollout()),
            Reply::Unavailable(_) => Observed::Transient("503".to_owned()),
            _ => overtaken("it was deleted by someone else"),
        };
        let now: DateTime<Utc> = self.scheduler.now();
        work.stage = Stage::Done(observed(&work.task, found, now, patience()));
    }

    /// Which alternative each task finds that does not find what was expected.
    pub(super) fn alternatives_found(&mut self, runner: &Runner) -> Vec<(usize, Bound)> {
        let mut all = Vec::new();
        for (task, bound) in runner.bound.iter().enumerate() {
            let unread = self.goes_wrong(self.trouble.network);
            let Some(now) = self.platform.places[bound.place].now.as_ref().filter(|_| !unread) else {
                continue;
            };
            let expected = now.images == bound.from;
            if let Some(found) = bound.alternatives.iter().find(|images| !expected && **images == now.images)
            {
                let moved = |n: usize| if bound.from[n] == bound.to[n] { found[n] } else { bound.to[n] };
                all.push((task, Bound { from: *found, to: [moved(0), moved(1)], ..bound.clone() }));
            }
        }
        all
    }
}

fn outcome(sent: Sent) -> Applied {
    match sent {
        Sent::Accepted | Sent::AlreadyThere => Applied::Accepted,
        Sent::Changed(words) => Applied::Changed(words.to_owned()),
        Sent::Rejected => Applied::Rejected("denied by a policy".to_owned()),
        Sent::Transient(words, retry_after) => Applied::Transient { words: words.to_owned(), retry_after },
    }
}
