//! The planners' caller: looks, plans, takes one step after the other, and looks again. Which replicas there are it always
//! knows, since it is written down; whether they serve it hears late. What it has told to stop it forgets when it is killed,
//! but for quiet seeds: a replica on its way out that still answers is then taken for one that stays, and no planner can
//! keep as many ready as it promises. Places and versions it keeps apart even so.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use domain::strategy::{Seen, Step};

use super::world::{Event, Replica, Spec, World};

#[derive(Default)]
pub(super) struct Caller {
    /// Goes up each time that it is killed.
    pub(super) life: u32,
    /// What it has told to stop.
    told: BTreeSet<u16>,
    /// What it has planned and not done yet.
    plan: Option<Plan>,
}

/// Steps, with what they were planned on.
struct Plan {
    spec: Spec,
    /// The replicas that it leaves, as they were seen.
    believed: BTreeMap<u16, Seen<u16>>,
    steps: VecDeque<Step<u16>>,
}

impl Caller {
    pub(super) fn has_steps(&self) -> bool {
        self.plan.is_some()
    }
}

impl World {
    pub(super) fn look(&mut self, life: u32) {
        if life != self.caller.life {
            return;
        }
        let seen: Vec<Seen<u16>> = self.seen();
        let spec = self.spec.clone();
        let steps: VecDeque<_> = spec.promise.strategy.plan(spec.wanted, &seen).into();
        if steps.is_empty() {
            let soon = self.scheduler.between(50..=2_000);
            return self.scheduler.after(soon, Event::Look(life));
        }
        self.scheduler.tell(|| format!("plan {steps:?} on {seen:?}"));
        let standing = seen.iter().filter(|replica| !replica.retiring);
        let believed = standing.map(|replica| (replica.id, *replica)).collect();
        self.caller.plan = Some(Plan { spec, believed, steps });
        self.act_soon();
    }

    fn seen(&self) -> Vec<Seen<u16>> {
        let seen = |(id, replica): (&u16, &Replica)| {
            let retiring = self.caller.told.contains(id);
            let ready = !retiring && self.heard.get(id).copied().unwrap_or_default();
            Seen { id: *id, current: replica.version == self.spec.version, ready, retiring }
        };
        self.replicas.iter().map(seen).collect()
    }

    fn act_soon(&mut self) {
        let soon = match !self.is_calm() && self.scheduler.once_in(10) {
            true => self.scheduler.between(100..=5_000),
            false => self.scheduler.between(0..=20),
        };
        self.scheduler.after(soon, Event::Act(self.caller.life));
    }

    pub(super) fn act(&mut self, life: u32) {
        let Some(mut plan) = self.caller.plan.take_if(|_| life == self.caller.life) else { return };
        let done = match plan.steps.pop_front() {
            None => true,
            Some(Step::Create) if !self.is_calm() && self.scheduler.once_in(15) => {
                self.scheduler.meet("a replica could not be made");
                true
            }
            Some(Step::Create) => {
                self.scheduler.meet("a replica was made");
                self.check_before_making(&plan);
                self.make(plan.spec.version);
                false
            }
            Some(Step::Retire(id)) => {
                let believed = plan.believed.remove(&id);
                self.check_before_stopping(&plan, id, believed);
                // It has become ready since: nobody knew that it counted.
                self.reached &= believed.is_some_and(|seen| seen.ready == self.is_ready(id));
                self.caller.told.insert(id);
                self.stop(id);
                false
            }
        };
        if done {
            return self.scheduler.after(0, Event::Look(life));
        }
        self.caller.plan = Some(plan);
        self.act_soon();
    }

    pub(super) fn kill(&mut self) {
        if self.caller.has_steps() {
            self.scheduler.meet("the caller was killed with steps to take");
        }
        if self.replicas.values().any(|replica| replica.stopping) {
            self.scheduler.meet("the caller was killed while stopping replicas");
        }
        self.scheduler.tell(|| "the caller is killed".to_owned());
        let told = if self.quiet { std::mem::take(&mut self.caller.told) } else { BTreeSet::new() };
        self.caller = Caller { life: self.caller.life + 1, told, plan: None };
        let down = self.scheduler.between(10..=10_000);
        self.scheduler.after(down, Event::Look(self.caller.life));
    }

    /// Whether it has steps to take, has forgotten what it told to stop, or has not heard yet how a replica is.
    pub(super) fn caller_is_behind(&self) -> bool {
        let unknown = |(id, replica): (&u16, &Replica)| {
            let heard = self.heard.get(id).copied().unwrap_or_default();
            replica.stopping && !self.caller.told.contains(id) || replica.ready != heard
        };
        self.caller.has_steps() || self.replicas.iter().any(unknown)
    }

    /// No ready one goes that would leave fewer than promised of those that the plan knew; what failed since is not its fault.
    fn check_before_stopping(&self, plan: &Plan, id: u16, believed: Option<Seen<u16>>) {
        let gone =
            believed.unwrap_or_else(|| panic!("replica {id} was not there to be retired, or is twice"));
        let left = plan.believed.values().filter(|replica| replica.ready).count();
        let least = plan.spec.promise.least_ready(plan.spec.wanted);
        assert!(!gone.ready || left >= least, "replica {id} goes and leaves {left} ready, not {least}");
        let useless = plan.believed.values().any(|replica| replica.current && !replica.ready);
        assert!(!(gone.current && gone.ready && useless), "replica {id} goes before one that is of no use");
    }

    fn check_before_making(&self, plan: &Plan) {
        let Spec { promise, wanted, version } = &plan.spec;
        let standing = self.replicas.values().filter(|replica| !replica.stopping).count();
        let most = promise.most_standing(*wanted);
        assert!(standing < most, "one more than {most}: {:?}", self.replicas);
        let in_places = self.replicas.len();
        let places = usize::from(*wanted);
        assert!(!promise.one_in_a_place() || in_places < places, "two in one place: {:?}", self.replicas);
        let others = || self.replicas.values().any(|replica| replica.version != *version);
        assert!(!promise.one_version() || !others(), "two versions at once: {:?}", self.replicas);
    }
}
