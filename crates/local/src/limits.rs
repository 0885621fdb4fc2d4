//! Keeps a replica within its limits, by what this machine has for that (ADR 23).

use std::{env, io, path::PathBuf};

use domain::limits::{LimitKept, LimitedBy, Limits, LimitsKept};
use procfs::ProcError;
use uuid::Uuid;

use crate::{
    Exit,
    cgroup::{self, Controller, Group, Version, candidates},
    launch::Within,
    state::MemoryEnd,
};

/// With the value `off`, no control groups are made. Given to the server, which hands it on to holders.
pub(crate) const CGROUPS: &str = "LOCKSTEP_CGROUPS";

/// What a holder can do to keep its service within its limits.
pub(crate) struct Limiter {
    limits: Limits,
    cpu: Candidates,
    memory: Candidates,
}

/// Groups that may be made, best first; or why none can be.
type Candidates = Result<Vec<Group>, String>;

/// How the limits of a run are kept.
#[derive(Default)]
pub(crate) struct Kept {
    /// In words.
    pub(crate) told: LimitsKept,
    /// What the service is started in; none where nothing is limited.
    pub(crate) within: Option<Within>,
    memory: Option<Memory>,
}

/// What the memory limit is kept by.
enum Memory {
    /// A group, with how many it has killed before.
    Group(Group, u64, u64),
    /// The address space of each process.
    AddressSpace(u64),
}

impl Limiter {
    /// Finds out what could be done. Nothing is made yet.
    pub(crate) fn new(limits: Limits) -> Self {
        // A name of its own, so that no two replicas, nor two sites, ever share a group.
        let name = format!("{}{}", cgroup::NAME, Uuid::now_v7());
        let find = |controller| {
            if env::var_os(CGROUPS).is_some_and(|value| value == "off") {
                return Err(format!("{CGROUPS} is off"));
            }
            candidates(controller, &name).map_err(|error: ProcError| error.to_string())
        };
        Self { limits, cpu: find(Controller::Cpu), memory: find(Controller::Memory) }
    }

    /// Every group that may be made, to be recorded before any is.
    pub(crate) fn groups(&self) -> Vec<PathBuf> {
        let asked = [
            self.limits.cpu_millis.and(self.cpu.as_deref().ok()),
            self.limits.memory_bytes.and(self.memory.as_deref().ok()),
        ];
        let mut groups: Vec<PathBuf> =
            asked.into_iter().flatten().flatten().map(|group| group.directory.clone()).collect();
        groups.sort_unstable();
        groups.dedup();
        groups
    }

    /// Makes what is needed for the next run.
    pub(crate) fn prepare(&self) -> Kept {
        let mut kept = Kept::default();
        if self.limits.is_none() {
            return kept;
        }
        let mut within = Within::default();
        if let Some(cpu) = self.limits.cpu_millis {
            kept.told.cpu = Some(match made(&self.cpu, cpu.into()) {
                Ok(group) => by_group(group, &mut within),
                Err(why) => LimitKept { by: LimitedBy::Nothing, reason: Some(why) },
            });
        }
        if let Some(bytes) = self.limits.memory_bytes {
            let (told, memory) = match made(&self.memory, bytes) {
                Ok(group) => {
                    (by_group(group, &mut within), Memory::Group(group.clone(), group.killed(), bytes))
                }
                Err(why) => {
                    within.address_space = Some(bytes);
                    let reason = format!("{why}; so the address space of each of its processes is limited");
                    let told = LimitKept { by: LimitedBy::Rlimits, reason: Some(reason) };
                    (told, Memory::AddressSpace(bytes))
                }
            };
            kept.told.memory = Some(told);
            kept.memory = Some(memory);
        }
        kept.within = Some(within);
        kept
    }
}

impl Kept {
    /// What the memory limit had to do with an end.
    pub(crate) fn memory_end(&self, exit: &Exit) -> Option<MemoryEnd> {
        match self.memory.as_ref()? {
            Memory::Group(group, before, limit) => {
                (group.killed() > *before).then_some(MemoryEnd::Passed { limit: *limit })
            }
            // The system only refuses more: what the program makes of that is its own.
            Memory::AddressSpace(limit) => {
                let badly = exit.refused.is_none() && exit.code != Some(0);
                badly.then_some(MemoryEnd::Refused { limit: *limit })
            }
        }
    }
}

/// The first of the groups that can be made, made.
fn made(candidates: &Candidates, limit: u64) -> Result<&Group, String> {
    let groups = candidates.as_ref().map_err(String::clone)?;
    let mut why = Vec::new();
    for group in groups {
        match group.make(limit) {
            Ok(()) => return Ok(group),
            Err(error) => why.push(error.to_string()),
        }
    }
    if why.is_empty() {
        why.push("no control groups are mounted".to_owned());
    }
    Err(why.join("; "))
}

fn by_group(group: &Group, within: &mut Within) -> LimitKept {
    if !within.groups.contains(&group.directory) {
        within.groups.push(group.directory.clone());
    }
    let by = match group.version {
        Version::V1 => LimitedBy::CgroupV1,
        Version::V2 => LimitedBy::CgroupV2,
    };
    LimitKept { by, reason: None }
}

/// Removes what an earlier run may have made.
pub(crate) fn remove(groups: &[PathBuf]) -> io::Result<()> {
    groups.iter().filter(|group| cgroup::is_replicas(group)).try_for_each(|group| cgroup::remove(group))
}
