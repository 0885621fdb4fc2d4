//! Replicas as real processes: what is started is there once, goes on without whoever started it, and ends as a whole.

use std::{
    ffi::OsStr,
    fs,
    io::{BufRead, BufReader},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use domain::{limits::Limits, variable::Given};
use local::{Backoff, Error, Phase, Process, Replica, Spec, State, Watch};
use procfs::process::all_processes;
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tempfile::TempDir;

pub(crate) fn program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_lockstep-hold"))
}

/// A service that is a shell script.
pub(crate) fn shell(script: &str) -> Spec {
    let quick = Backoff {
        first: Duration::from_millis(10),
        longest: Duration::from_millis(20),
        forgiven_after: Duration::from_secs(600),
    };
    Spec {
        program: "sh".into(),
        arguments: vec!["-c".into(), script.into()],
        variables: Given::default(),
        directory: "/".into(),
        health: None,
        ready_after: Duration::ZERO,
        grace: Duration::from_secs(10),
        backoff: quick,
        limits: Limits::default(),
    }
}

/// A replica in a directory of its own, stopped in the end whatever comes.
pub(crate) struct Held {
    pub(crate) root: TempDir,
    pub(crate) replica: Replica,
}

impl Held {
    pub(crate) fn new(spec: &Spec) -> Self {
        let root = tempfile::tempdir().unwrap();
        let replica = Replica::create(&root.path().join("web-0 🚀"), spec).unwrap();
        Self { root, replica }
    }

    pub(crate) async fn started(spec: &Spec) -> Self {
        let held = Self::new(spec);
        held.replica.start(program()).await.unwrap();
        held
    }

    /// Has it run something else when it is started.
    fn record(&self, spec: &Spec) {
        Replica::create(self.replica.directory(), spec).unwrap();
    }

    /// What the holder says, once it says this.
    pub(crate) async fn until(&self, so: impl Fn(&State) -> bool) -> State {
        let (watch, mut news) = Watch::new().unwrap();
        watch.add(&self.replica).unwrap();
        loop {
            match self.replica.state().unwrap().filter(|state| so(state)) {
                Some(state) => return state,
                None => _ = news.next().await.unwrap(),
            }
        }
    }

    pub(crate) async fn running(&self) -> Process {
        match self.until(|state| matches!(state.phase, Phase::Running { .. })).await.phase {
            Phase::Running { process } => process,
            phase => unreachable!("{phase:?}"),
        }
    }

    /// The numbers of all processes that belong to it.
    fn processes(&self) -> Vec<i32> {
        let mark = self.replica.directory().as_os_str();
        let bears = |process: &procfs::process::Process| {
            let alive = process.stat().is_ok_and(|stat| stat.state != 'Z');
            let variables = process.environ().unwrap_or_default();
            alive && variables.get(OsStr::new("LOCKSTEP_REPLICA")).is_some_and(|found| found == mark)
        };
        all_processes().unwrap().flatten().filter(bears).map(|process| process.pid()).collect()
    }

    fn output(&self) -> String {
        fs::read_to_string(self.replica.directory().join("output/output.log")).unwrap_or_default()
    }

    /// A pipe that a service writes a line into for each thing that happens.
    fn pipe(&self, name: &str) -> PathBuf {
        let path = self.root.path().join(name);
        assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
        path
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Ok(Some(state)) = self.replica.state()
            && state.holder.is_alive()
        {
            let _ = kill_process(pid(state.holder), Signal::KILL);
        }
        for left in self.processes() {
            let _ = kill_process(Pid::from_raw(left).unwrap(), Signal::KILL);
        }
        for group in self.replica.state().ok().flatten().into_iter().flat_map(|state| state.groups) {
            let _ = fs::remove_dir(group);
        }
    }
}

pub(crate) fn pid(process: Process) -> Pid {
    Pid::from_raw(process.pid).unwrap()
}

#[tokio::test]
async fn a_service_goes_on_without_whoever_started_it() {
    let held = Held::new(&shell("exec sleep 1000"));
    let starter =
        format!("\"{}\" hold \"{}\" & wait", program().display(), held.replica.directory().display());
    let mut starter =
        Command::new("sh").args(["-c", &starter]).process_group(0).stdout(Stdio::piped()).spawn().unwrap();
    let mut said = String::new();
    BufReader::new(starter.stdout.take().unwrap()).read_line(&mut said).unwrap();
    assert_eq!(said, "held\n");
    kill_process_group(Pid::from_child(&starter), Signal::KILL).unwrap();
    starter.wait().unwrap();

    let service = held.running().await;
    assert!(service.is_alive());
    let [found] = &Replica::all(held.root.path()).unwrap()[..] else { panic!("one replica is found again") };
    assert!(found.held().unwrap().is_some());
    assert_eq!(found.spec().unwrap().unwrap(), shell("exec sleep 1000"));
    found.stop().await.unwrap();
    assert!(!service.is_alive());
    assert_eq!(found.state().unwrap().unwrap().phase, Phase::Stopped);
}

#[tokio::test]
async fn a_replica_has_one_holder() {
    let held = Held::started(&shell("exec sleep 1000")).await;
    held.running().await;
    let error = held.replica.start(program()).await.unwrap_err();
    assert!(error.to_string().contains("has a holder already"), "{error}");
    assert_eq!(held.processes().len(), 1);
    assert!(matches!(held.replica.clone().remove(), Err(Error::Held(_))), "what runs is not removed");
}

#[tokio::test]
async fn a_stopped_service_ends_with_all_that_it_has_started() {
    let held = Held::new(&shell("true"));
    let up = held.pipe("up");
    let script = format!("sleep 1000 & setsid sh -c 'echo > \"{}\"; exec sleep 1000' & wait", up.display());
    held.record(&shell(&script));
    held.replica.start(program()).await.unwrap();
    assert_eq!(lines(&up, 1).await, 1);
    assert_eq!(held.processes().len(), 3);
    held.replica.stop().await.unwrap();
    assert_eq!(held.processes(), [0; 0]);
    held.replica.stop().await.unwrap();
    held.replica.clone().remove().unwrap();
    assert!(!held.replica.directory().exists());
}

#[tokio::test]
async fn a_service_that_will_not_end_is_killed() {
    let held = Held::new(&shell("true"));
    let up = held.pipe("up");
    let script = format!("trap '' TERM; echo > \"{}\"; while :; do sleep 1000; done", up.display());
    let spec = Spec { grace: Duration::from_millis(50), ..shell(&script) };
    held.record(&spec);
    held.replica.start(program()).await.unwrap();
    lines(&up, 1).await;
    held.replica.stop().await.unwrap();
    assert_eq!(held.processes(), [0; 0]);
    let exit = held.replica.state().unwrap().unwrap().last_exit.unwrap();
    assert_eq!((exit.code, exit.signal), (None, Some(9)));
}

#[tokio::test]
async fn a_service_that_ends_is_started_again_and_one_that_keeps_ending_is_said_to() {
    let held = Held::started(&shell("echo out; echo err >&2; exit 3")).await;
    let state = held.until(|state| state.ends == 4).await;
    assert!(state.is_crash_loop());
    assert_eq!(state.restarts, 3);
    assert_eq!(state.last_exit.unwrap().to_string(), "ended with exit code 3");
    held.replica.stop().await.unwrap();
    let output = held.output();
    assert!(output.lines().filter(|line| line.ends_with(" stdout F out")).count() >= 4, "{output}");
    assert!(output.lines().filter(|line| line.ends_with(" stderr F err")).count() >= 4, "{output}");
}

#[tokio::test]
async fn what_cannot_be_started_says_why_and_is_tried_again() {
    let held = Held::started(&Spec { program: "no-such-program".into(), ..shell("") }).await;
    let state = held.until(|state| state.ends == 2).await;
    let words = state.last_exit.unwrap().to_string();
    assert!(words.contains("no-such-program") && words.contains("No such file"), "{words}");
    held.replica.stop().await.unwrap();
    let missing = Held::started(&Spec { directory: "/no/such/place".into(), ..shell("") }).await;
    let words = missing.until(|state| state.ends == 1).await.last_exit.unwrap().to_string();
    assert!(words.contains("/no/such/place"), "{words}");
}

#[tokio::test]
async fn after_a_killed_holder_nothing_is_doubled() {
    let held = Held::started(&shell("sleep 1000; true")).await;
    let before = held.running().await;
    let holder = held.replica.state().unwrap().unwrap().holder;
    kill_process(pid(holder), Signal::KILL).unwrap();
    holder.ended().await.unwrap();
    assert!(held.replica.held().unwrap().is_none());
    assert!(before.is_alive(), "a service outlives its holder");

    held.replica.start(program()).await.unwrap();
    let after =
        held.until(|state| state.holder != holder && matches!(state.phase, Phase::Running { .. })).await;
    assert!(!before.is_alive());
    assert!(matches!(after.phase, Phase::Running { process } if process != before && process.is_alive()));
}

#[tokio::test]
async fn a_service_gets_its_own_variables_and_none_of_the_servers() {
    let mut spec =
        shell(r#"printf '%s|' "$GREETING" "${CARGO_MANIFEST_DIR-none}"; /usr/bin/env | /bin/grep ^PATH="#);
    let variables = [("GREETING".into(), "two\nlines 🚀".into()), ("PATH".into(), "/nowhere".into())];
    spec.variables = Given(variables.into());
    spec.program = "/bin/sh".into();
    let held = Held::started(&spec).await;
    held.until(|state| state.ends == 1).await;
    held.replica.stop().await.unwrap();
    let output = held.output();
    assert!(
        output.contains(" stdout F two\n") && output.contains(" stdout F lines 🚀|none|PATH=/nowhere"),
        "{output}"
    );
}

/// Reads so many lines from a pipe.
async fn lines(pipe: &Path, count: usize) -> usize {
    let pipe = pipe.to_owned();
    let read = move || BufReader::new(fs::File::open(pipe).unwrap()).lines().take(count).count();
    tokio::task::spawn_blocking(read).await.unwrap()
}
