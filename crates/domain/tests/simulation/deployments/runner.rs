//! A server's part in one deployment, as `control::engine::runner` and `control::engine::work` have it: load, step, record,
//! act, record, in a loop that is cut up between any two effects.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    deployment::{DeploymentStatus, TaskStatus},
    engine::{Action, Change, State, TaskState, begun, next_wake, step},
    id::TaskId,
};

use super::{
    act::Stage,
    record::{Bound, Lease, Recorded, Stop, apply},
    world::{Event, World},
};

/// The longest that nothing is looked at.
const LOOK: TimeDelta = TimeDelta::seconds(2);
/// How often it is looked how much other deployments have under way.
const OTHERS: TimeDelta = TimeDelta::milliseconds(100);
/// How often a lease is renewed.
const RENEWAL: i64 = 2_000;

/// A process.
pub(super) struct Server {
    /// Goes up each time that it is killed.
    pub(super) life: u32,
    pub(super) paused_until: DateTime<Utc>,
    /// By deployment and epoch.
    pub(super) runners: BTreeMap<(usize, u32), Runner>,
}

impl Default for Server {
    fn default() -> Self {
        Self { life: 0, paused_until: DateTime::UNIX_EPOCH, runners: BTreeMap::new() }
    }
}

/// Names a runner: no two ever have the same deployment and epoch.
#[derive(Clone, Copy, Debug)]
pub(super) struct Key {
    pub(super) server: usize,
    pub(super) deployment: usize,
    pub(super) epoch: u32,
}

impl Key {
    pub(super) fn lease(self) -> Lease {
        Lease { deployment: self.deployment, epoch: self.epoch }
    }
}

pub(super) struct Runner {
    pub(super) key: Key,
    pub(super) state: State,
    pub(super) bound: Vec<Bound>,
    /// What was being sent when the deployment was taken up.
    pub(super) resumed: BTreeSet<usize>,
    pub(super) work: BTreeMap<usize, Work>,
    pub(super) runs: u64,
    /// What comes one after the other before anything else is waited for.
    todo: VecDeque<Effect>,
    others_known: Option<DateTime<Utc>>,
    noted: BTreeMap<usize, Change>,
    going: bool,
    renewal_due: bool,
    news: bool,
    naps: u64,
}

/// An action under way.
pub(super) struct Work {
    pub(super) run: u64,
    pub(super) action: Action,
    pub(super) task: TaskState,
    pub(super) stage: Stage,
    /// Requests so far.
    pub(super) requests: u64,
    pub(super) conflicts: u32,
    /// When the platform was heard last.
    pub(super) heard: DateTime<Utc>,
}

/// One thing that a runner does, at the end of which it may be killed.
enum Effect {
    Load,
    Rebind,
    Bind(Vec<(usize, Bound)>),
    SetStatus(DeploymentStatus),
    Renew,
    AskCancelled,
    Step,
    End(usize, TaskStatus),
    Begin(Vec<(usize, Action)>),
    Act(TaskState, Action),
    Record,
}

/// The index of a task.
pub(super) fn index(id: TaskId) -> usize {
    id.0.as_u128() as usize
}

fn observes(action: &Action) -> bool {
    matches!(action, Action::Observe(_) | Action::ObservePutBack(_))
}

impl Runner {
    fn new(key: Key, state: State) -> Self {
        Self {
            key,
            state,
            bound: Vec::new(),
            resumed: BTreeSet::new(),
            work: BTreeMap::new(),
            runs: 0,
            todo: [Effect::Load].into(),
            others_known: None,
            noted: BTreeMap::new(),
            going: false,
            renewal_due: false,
            news: false,
            naps: 0,
        }
    }

    /// Whether an action can begin: nothing is under way for its task, or only a rollout is watched.
    fn makes_way(&mut self, task: usize, action: &Action) -> bool {
        match self.work.get(&task) {
            None => true,
            Some(work) if observes(&work.action) && !observes(action) => {
                self.work.remove(&task);
                true
            }
            Some(_) => false,
        }
    }

    /// What is done, to be recorded.
    fn collect(&mut self) -> Vec<Recorded> {
        let done = |_: &usize, work: &mut Work| matches!(work.stage, Stage::Done(_));
        let collected = self.work.extract_if(.., done);
        let mut all = Vec::new();
        for (task, work) in collected {
            let Stage::Done(change) = work.stage else { continue };
            let news = !observes(&work.action) || change.status != work.task.status;
            let is_new = self.noted.insert(task, change.clone()) != Some(change.clone());
            all.push((is_new || news).then_some(Recorded { task, change, news, as_of: work.heard }));
        }
        all.into_iter().flatten().collect()
    }
}

impl World {
    pub(super) fn claim(&mut self, server: usize, life: u32, deployment: usize) {
        let now = self.scheduler.now();
        if self.servers[server].life != life {
            return;
        }
        let Some(lease) = self.record.claim(deployment, now) else { return };
        self.judge.claims(lease);
        let key = Key { server, deployment, epoch: lease.epoch };
        self.scheduler
            .tell(|| format!("server {server} claims deployment {deployment}, epoch {}", lease.epoch));
        let runner = Runner::new(key, self.record.state(deployment));
        self.servers[server].runners.insert((deployment, lease.epoch), runner);
        self.scheduler.after(0, Event::Renewal(key));
        self.strike(server);
    }

    /// Lets a runner do something, if it is still there.
    pub(super) fn with_runner(
        &mut self,
        key: Key,
        act: impl FnOnce(&mut Self, &mut Runner) -> Result<(), Stop>,
    ) {
        let server = &mut self.servers[key.server];
        let life = server.life;
        let Some(mut runner) = server.runners.remove(&(key.deployment, key.epoch)) else { return };
        match act(self, &mut runner) {
            Ok(()) if self.servers[key.server].life == life => {
                self.servers[key.server].runners.insert((key.deployment, key.epoch), runner);
            }
            Ok(()) | Err(Stop::Ended) => {}
            Err(Stop::LeaseLost) => {
                self.scheduler.meet("a write with an older epoch was refused");
                self.scheduler.tell(|| format!("{key:?} has lost its lease"));
            }
        }
    }

    pub(super) fn renewal(&mut self, runner: &mut Runner) -> Result<(), Stop> {
        runner.renewal_due = true;
        self.scheduler.after(RENEWAL, Event::Renewal(runner.key));
        self.keep_going(runner);
        Ok(())
    }

    pub(super) fn wake(&mut self, runner: &mut Runner, nap: u64) -> Result<(), Stop> {
        if runner.naps == nap {
            runner.todo.push_back(Effect::Step);
            self.keep_going(runner);
        }
        Ok(())
    }

    pub(super) fn news(&mut self, runner: &mut Runner) -> Result<(), Stop> {
        runner.news = true;
        self.keep_going(runner);
        Ok(())
    }

    pub(super) fn keep_going(&mut self, runner: &mut Runner) {
        if !std::mem::replace(&mut runner.going, true) {
            let soon = if self.goes_wrong(self.trouble.servers) { 1_000 } else { 5 };
            let soon = self.scheduler.between(0..=soon);
            self.scheduler.after(soon, Event::Go(runner.key));
        }
    }

    /// Does the next thing, or finds out what it is, or waits.
    pub(super) fn go(&mut self, runner: &mut Runner) -> Result<(), Stop> {
        runner.going = false;
        runner.naps += 1;
        if let Some(effect) = runner.todo.pop_front() {
            self.perform(runner, effect)?;
            self.strike(runner.key.server);
            self.keep_going(runner);
            return Ok(());
        }
        if std::mem::take(&mut runner.renewal_due) {
            runner.todo.extend([Effect::Renew, Effect::AskCancelled, Effect::Step]);
        } else if runner.work.values().any(|work| matches!(work.stage, Stage::Done(_))) {
            runner.todo.extend([Effect::Record, Effect::Step]);
        } else if std::mem::take(&mut runner.news) {
            runner.todo.extend([Effect::AskCancelled, Effect::Step]);
        } else {
            if runner.work.is_empty() {
                let now = self.scheduler.now();
                let until = next_wake(&runner.state).map_or(now + LOOK, |wake| wake.min(now + LOOK));
                self.scheduler.at(until, Event::Wake(runner.key, runner.naps));
            }
            return Ok(());
        }
        self.keep_going(runner);
        Ok(())
    }

    fn perform(&mut self, runner: &mut Runner, effect: Effect) -> Result<(), Stop> {
        let (lease, now) = (runner.key.lease(), self.scheduler.now());
        match effect {
            Effect::Load => self.load(runner),
            Effect::Rebind => {
                let found = self.alternatives_found(runner);
                if !found.is_empty() {
                    runner.todo.push_front(Effect::Bind(found));
                }
            }
            Effect::Bind(found) => {
                self.scheduler.meet("a deployment was bound anew");
                self.record.rebind(lease, &found)?;
                found.into_iter().for_each(|(task, bound)| runner.bound[task] = bound);
            }
            Effect::SetStatus(status) => {
                self.scheduler.tell(|| format!("deployment {} is {status}", lease.deployment));
                self.record.set_status(lease, &status)?;
                if status.ended() {
                    return Err(Stop::Ended);
                }
            }
            Effect::Renew => self.record.renew(lease, now)?,
            Effect::AskCancelled => {
                runner.state.cancel_requested = self.record.rows[lease.deployment].cancel_requested;
            }
            Effect::Step => self.decide(runner),
            Effect::End(task, status) => {
                let change = not_begun(&runner.state.tasks[task], status);
                let recorded = Recorded { task, change: change.clone(), news: true, as_of: now };
                self.record.change(lease, &[recorded])?;
                apply(&mut runner.state.tasks[task], &change);
            }
            Effect::Begin(actions) => self.begin_actions(runner, actions)?,
            Effect::Act(task, action) => self.act(runner, task, action),
            Effect::Record => {
                let done = runner.collect();
                self.record.change(lease, &done)?;
                for Recorded { task, change, .. } in &done {
                    self.scheduler.tell(|| {
                        format!("task {}/{task} is {}: {}", lease.deployment, change.status, change.words)
                    });
                    apply(&mut runner.state.tasks[*task], change);
                }
            }
        }
        Ok(())
    }

    fn load(&mut self, runner: &mut Runner) {
        let row = &self.record.rows[runner.key.deployment];
        runner.state = self.record.state(runner.key.deployment);
        runner.bound = row.tasks.iter().map(|task| task.bound.clone()).collect();
        let sending =
            |task: &&TaskState| matches!(task.status, TaskStatus::Applying | TaskStatus::PuttingBack);
        runner.resumed = runner.state.tasks.iter().filter(sending).map(|task| index(task.id)).collect();
        if row.status == DeploymentStatus::Pending && !row.cancel_requested {
            runner.todo.extend([Effect::Rebind, Effect::SetStatus(DeploymentStatus::Running)]);
        }
        runner.todo.push_back(Effect::Step);
    }

    fn decide(&mut self, runner: &mut Runner) {
        let now = self.scheduler.now();
        let pending = runner.state.tasks.iter().any(|task| task.status == TaskStatus::Pending);
        if pending && runner.others_known.is_none_or(|at| now - at > OTHERS) {
            runner.others_known = Some(now);
            runner.state.elsewhere = self.record.under_way_elsewhere(runner.key.deployment);
        }
        let mut begin = Vec::new();
        for action in step(&runner.state, now) {
            match action {
                Action::Finish(status) => {
                    runner.todo = [Effect::SetStatus(status)].into();
                    return;
                }
                Action::End(id, status) => runner.todo.push_back(Effect::End(index(id), status)),
                Action::Apply(id)
                | Action::Withdraw(id)
                | Action::PutBack(id)
                | Action::Observe(id)
                | Action::ObservePutBack(id) => {
                    if runner.makes_way(index(id), &action) {
                        begin.push((index(id), action));
                    }
                }
            }
        }
        if !begin.is_empty() {
            runner.todo.push_back(Effect::Begin(begin));
        }
    }

    /// Records that tasks are about to be worked on, before they are.
    fn begin_actions(&mut self, runner: &mut Runner, actions: Vec<(usize, Action)>) -> Result<(), Stop> {
        let now = self.scheduler.now();
        let mut begins = Vec::new();
        for (task, action) in &actions {
            let state = &mut runner.state.tasks[*task];
            if let Some(status) = begun(action).filter(|status| *status != state.status) {
                self.scheduler.tell(|| format!("task {}/{task} is {status}", runner.key.deployment));
                begins.push((*task, status));
            }
        }
        self.judge_limit(runner.key.lease(), &runner.state, &begins);
        if !begins.is_empty() {
            self.record.begin(runner.key.lease(), &begins, now)?;
        }
        for (task, status) in begins {
            runner.state.tasks[task].status = status;
            runner.state.tasks[task].retries = 0;
        }
        for (task, action) in actions {
            runner.todo.push_back(Effect::Act(runner.state.tasks[task].clone(), action));
        }
        Ok(())
    }
}

fn not_begun(task: &TaskState, status: TaskStatus) -> Change {
    Change {
        status,
        words: "not begun".to_owned(),
        error: None,
        accepted: task.accepted,
        retries: 0,
        not_before: None,
        deadline: None,
    }
}
