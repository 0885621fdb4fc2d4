//! Limits with real processes, by whatever this machine keeps them; and by the processes' own limits on every machine.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use domain::limits::{LimitedBy, Limits, LimitsKept};
use local::{Process, Spec, State};
use rustix::process::{Signal, kill_process};

use crate::holder::{Held, pid, program, shell};

const MEMORY: u64 = 32 << 20;
/// It keeps the last line that it reads, and this one has no end.
const GREEDY: &str = "tail /dev/zero";

fn limited(script: &str) -> Spec {
    Spec { limits: Limits { cpu_millis: Some(250), memory_bytes: Some(MEMORY) }, ..shell(script) }
}

/// As on a machine that lets nobody make control groups.
fn started_without_groups(spec: &Spec) -> Held {
    let held = Held::new(spec);
    let mut command = Command::new(program());
    command.arg("hold").arg(held.replica.directory()).env("LOCKSTEP_CGROUPS", "off").stdout(Stdio::piped());
    let mut said = String::new();
    BufReader::new(command.spawn().unwrap().stdout.unwrap()).read_line(&mut said).unwrap();
    assert_eq!(said, "held\n");
    held
}

fn by(kept: &LimitsKept) -> [LimitedBy; 2] {
    [kept.cpu.as_ref().unwrap().by.clone(), kept.memory.as_ref().unwrap().by.clone()]
}

fn is_group(by: &LimitedBy) -> bool {
    matches!(by, LimitedBy::CgroupV1 | LimitedBy::CgroupV2)
}

/// How it ended first, in words.
async fn end(held: &Held) -> (State, String) {
    let state = held.until(|state| state.ends >= 1).await;
    let words = state.last_exit.as_ref().unwrap().to_string();
    (state, words)
}

/// Of the groups that may have been made, those that are there.
fn there(groups: &[PathBuf]) -> Vec<&Path> {
    groups.iter().map(PathBuf::as_path).filter(|group| group.exists()).collect()
}

/// The numbers of all processes in a group.
fn inside(group: &Path) -> Vec<i32> {
    let text = fs::read_to_string(group.join("cgroup.procs")).unwrap();
    text.lines().map(|pid| pid.parse().unwrap()).collect()
}

/// What a file of one of the groups says, if one has it.
fn says(groups: &[PathBuf], file: &str) -> Option<String> {
    let text = groups.iter().find_map(|group| fs::read_to_string(group.join(file)).ok())?;
    Some(text.trim().to_owned())
}

#[tokio::test]
async fn more_than_its_memory_ends_it_and_is_said() {
    let held = Held::started(&limited(&format!("exec {GREEDY}"))).await;
    let (state, words) = end(&held).await;
    if is_group(&by(&state.limits)[1]) {
        assert_eq!(words, "was killed for passing its memory limit of 32 MiB");
    } else {
        assert!(words.ends_with("no process of it gets more than its memory limit of 32 MiB"), "{words}");
    }
    held.replica.stop().await.unwrap();
}

#[tokio::test]
async fn a_service_hears_of_a_process_of_its_own_that_was_killed() {
    let held = Held::started(&limited(&format!("{GREEDY}; exit 3"))).await;
    let (_, words) = end(&held).await;
    assert!(words.contains("its memory limit of 32 MiB"), "{words}");
    held.replica.stop().await.unwrap();
}

#[tokio::test]
async fn one_within_its_limits_runs_in_groups_of_its_own_that_go_with_it() {
    let held = Held::started(&limited("exec sleep 1000")).await;
    let service = held.running().await;
    let state = held.replica.state().unwrap().unwrap();
    let [cpu, memory] = by(&state.limits);
    match cpu {
        LimitedBy::CgroupV2 => assert_eq!(says(&state.groups, "cpu.max").unwrap(), "25000 100000"),
        LimitedBy::CgroupV1 => assert_eq!(says(&state.groups, "cpu.cfs_quota_us").unwrap(), "25000"),
        _ => assert!(state.limits.cpu.as_ref().unwrap().reason.is_some()),
    }
    match memory {
        LimitedBy::CgroupV2 => assert_eq!(says(&state.groups, "memory.max").unwrap(), MEMORY.to_string()),
        LimitedBy::CgroupV1 => {
            assert_eq!(says(&state.groups, "memory.limit_in_bytes").unwrap(), MEMORY.to_string());
        }
        _ => assert!(state.limits.memory.as_ref().unwrap().reason.is_some()),
    }
    for group in there(&state.groups) {
        assert_eq!(inside(group), [service.pid], "the service alone, not its holder: {}", group.display());
    }
    held.replica.stop().await.unwrap();
    assert!(there(&state.groups).is_empty());
    assert_eq!(held.replica.state().unwrap().unwrap().last_exit.unwrap().signal, Some(15));
}

#[tokio::test]
async fn groups_of_a_killed_holder_go_with_whoever_comes_after() {
    let held = Held::started(&limited("exec sleep 1000")).await;
    let kill = async || -> State {
        held.running().await;
        let state = held.replica.state().unwrap().unwrap();
        kill_process(pid(state.holder), Signal::KILL).unwrap();
        state.holder.ended().await.unwrap();
        state
    };
    let first = kill().await;
    held.replica.start(program()).await.unwrap();
    let anew = |state: &State| state.holder != first.holder;
    held.until(anew).await;
    assert!(there(&first.groups).is_empty(), "by the next holder");
    let second = kill().await;
    held.replica.stop().await.unwrap();
    assert!(there(&second.groups).is_empty(), "by whoever stops it");
}

#[tokio::test]
async fn where_there_are_no_groups_each_process_is_limited_and_that_is_said() {
    let runs = started_without_groups(&limited("exec sleep 1000"));
    let Process { pid, .. } = runs.running().await;
    let state = runs.replica.state().unwrap().unwrap();
    assert_eq!(by(&state.limits), [LimitedBy::Nothing, LimitedBy::Rlimits]);
    assert!(state.groups.is_empty());
    let reason = state.limits.memory.unwrap().reason.unwrap();
    assert!(reason.contains("LOCKSTEP_CGROUPS is off; so the address space"), "{reason}");
    let limits = fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
    let space = limits.lines().find(|line| line.starts_with("Max address space")).unwrap();
    assert_eq!(space.split_whitespace().filter(|word| *word == MEMORY.to_string()).count(), 2, "{space}");
    runs.replica.stop().await.unwrap();

    let greedy = started_without_groups(&limited(&format!("exec {GREEDY}")));
    let (_, words) = end(&greedy).await;
    assert_eq!(words, "ended with exit code 1; no process of it gets more than its memory limit of 32 MiB");
    greedy.replica.stop().await.unwrap();
}

#[tokio::test]
async fn a_limited_program_that_cannot_be_started_says_why() {
    for missing in ["no-such-program", "/etc"] {
        let held = Held::started(&Spec { program: missing.into(), ..limited("") }).await;
        let (_, words) = end(&held).await;
        assert!(words.starts_with(&format!("could not be started: {missing}: ")), "{words}");
        held.replica.stop().await.unwrap();
    }
}
