//! The process that holds a replica.

use std::{
    io::Write,
    os::unix::process::ExitStatusExt,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::Duration,
};

use chrono::{DateTime, Utc};
use futures::future::join_all;
use rustix::process::Signal;
use tokio::{
    process::{Child, Command},
    signal::unix::{Signal as StopSignal, SignalKind, signal},
    task::JoinHandle,
    time::{Instant, sleep, timeout},
};

use crate::{
    Error, Exit, Phase, Process, Spec, State,
    files::{self, Lock},
    launch,
    limits::{self, CGROUPS, Kept, Limiter},
    output::Output,
    process::{MARK, signal_group, sweep},
    replica::HELD,
};

/// How long what a service wrote last is waited for, where something keeps its pipe open.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// When a state that could not be written is written again.
const SAY_AGAIN: Duration = Duration::from_secs(1);

/// Holds the replica in a directory until it is stopped by SIGTERM: runs its service, keeps its output, and starts it again
/// when it has ended by itself. Says [`HELD`] on its standard output once the replica is its own.
///
/// # Errors
/// When the replica has a holder already, or its directory cannot be read or written.
pub fn hold(directory: &Path) -> Result<(), Error> {
    // Whatever is done to the terminal or the process group of who started this, it goes on. Only who leads a group
    // already is refused, and is on its own already.
    let _ = rustix::process::setsid();
    let path = directory.join("lock");
    let _lock = Lock::take(&path)?.ok_or_else(|| Error::Held(directory.into()))?;
    let mark = directory.display().to_string();
    let path = directory.join("state.json");
    // A holder says so before it starts anything: where none has said anything, nothing can be left.
    if path.exists() {
        sweep(&mark)
            .map_err(|error| Error::System("what is left of an earlier holder cannot be ended", error))?;
    }
    // What it said last may be damaged, and is written anew in any case.
    let before = files::read::<State>(&path).ok().flatten();
    limits::remove(&before.map(|state| state.groups).unwrap_or_default())
        .map_err(|error| Error::System("an earlier control group cannot be removed", error))?;
    let path = directory.join("spec.json");
    let spec = files::read::<Spec>(&path)?
        .ok_or_else(|| Error::file(path, "read")(std::io::Error::from(std::io::ErrorKind::NotFound)))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Error::System("the holder cannot begin", error))?;
    runtime.block_on(async { Holder::new(directory, mark, spec)?.run().await })
}

struct Holder {
    directory: PathBuf,
    mark: String,
    spec: Spec,
    output: Output,
    limiter: Limiter,
    kept: Kept,
    state: State,
    /// The state is not in its file: the disk is full, say. That is no reason to let go of the service.
    unsaid: bool,
}

/// A service that runs.
struct Running {
    child: Child,
    copies: Vec<JoinHandle<()>>,
}

/// Why a service is no longer waited for.
enum Ended {
    ByItself(Exit),
    Stopped(Exit),
}

impl Holder {
    fn new(directory: &Path, mark: String, spec: Spec) -> Result<Self, Error> {
        let holder =
            Process::current().map_err(|error| Error::System("the holder does not know itself", error))?;
        let output = Output::new(&directory.join("output"))?;
        let phase = Phase::Starting;
        let limiter = Limiter::new(spec.limits);
        let state = State {
            holder,
            phase,
            since: Utc::now(),
            restarts: 0,
            ends: 0,
            last_exit: None,
            limits: Default::default(),
            groups: limiter.groups(),
        };
        let kept = Kept::default();
        Ok(Self { directory: directory.into(), mark, spec, output, limiter, kept, state, unsaid: false })
    }

    async fn run(mut self) -> Result<(), Error> {
        let mut stop = signal(SignalKind::terminate())
            .map_err(|error| Error::System("SIGTERM cannot be listened for", error))?;
        self.write()?;
        told_held();
        loop {
            let began = Instant::now();
            let ended = match self.spawn() {
                Ok(running) => self.follow(running, &mut stop).await?,
                Err(error) => Ended::ByItself(refused(&error)),
            };
            let mut exit = match ended {
                Ended::Stopped(exit) => return self.stopped(Some(exit)),
                Ended::ByItself(exit) => exit,
            };
            exit.memory = self.kept.memory_end(&exit);
            self.state.ends = self.spec.backoff.ends(self.state.ends, began.elapsed());
            self.state.last_exit = Some(exit);
            let wait = self.spec.backoff.wait(self.state.ends);
            self.say(Phase::Waiting { until: later(wait) });
            tokio::select! {
                () = sleep(wait) => {}
                _ = stop.recv() => return self.stopped(None),
            }
            self.state.restarts += 1;
            self.say(Phase::Starting);
        }
    }

    /// Starts the service in a process group of its own, within its limits.
    fn spawn(&mut self) -> std::io::Result<Running> {
        self.kept = self.limiter.prepare();
        self.state.limits = self.kept.told.clone();
        let within = self.kept.within.as_ref();
        let mut command = match within {
            Some(within) => within.command(&self.spec.program)?,
            None => Command::new(&self.spec.program),
        };
        command
            .args(&self.spec.arguments)
            .env_remove(CGROUPS)
            .envs(&self.spec.variables.0)
            .env(MARK, &self.mark)
            .current_dir(&self.spec.directory)
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let child = if within.is_some() { launch::started(command) } else { command.spawn() };
        let mut child = child.map_err(|error| self.cannot_start(&error))?;
        let (out, err) = (child.stdout.take(), child.stderr.take());
        let out = out.map(|pipe| tokio::spawn(self.output.clone().copy("stdout", pipe)));
        let err = err.map(|pipe| tokio::spawn(self.output.clone().copy("stderr", pipe)));
        Ok(Running { child, copies: out.into_iter().chain(err).collect() })
    }

    fn cannot_start(&self, error: &std::io::Error) -> std::io::Error {
        let Spec { program, directory, .. } = &self.spec;
        std::io::Error::other(match directory.is_dir() {
            true => format!("{program}: {error}"),
            false => format!("its directory {} is not there", directory.display()),
        })
    }

    /// Waits until the service has ended, by itself or because the holder is to stop. Nothing of it is left then.
    async fn follow(
        &mut self,
        Running { mut child, copies }: Running,
        stop: &mut StopSignal,
    ) -> Result<Ended, Error> {
        // It is waited for only below, so the number is still its own.
        let leader = child.id().map_or(0, u32::cast_signed);
        if let Ok(process) = Process::find(leader) {
            self.say(Phase::Running { process });
        }
        let ended = loop {
            tokio::select! {
                status = child.wait() => break Ended::ByItself(exit(status)),
                _ = stop.recv() => break Ended::Stopped(exit(end(&mut child, leader, self.spec.grace).await)),
                () = sleep(SAY_AGAIN), if self.unsaid => self.unsaid = self.write().is_err(),
            }
        };
        // Its first process is gone; what it has started goes with it.
        let left = signal_group(leader, Signal::KILL).and_then(|()| sweep(&self.mark));
        left.map_err(|error| Error::System("what the service has started cannot be ended", error))?;
        let _ = timeout(LAST_WORDS, join_all(copies)).await;
        Ok(ended)
    }

    fn stopped(&mut self, exit: Option<Exit>) -> Result<(), Error> {
        self.state.last_exit = exit.or(self.state.last_exit.take());
        // Where one cannot be removed, whoever removes the replica tries again.
        let _ = limits::remove(&self.state.groups);
        self.say(Phase::Stopped);
        Ok(())
    }

    fn say(&mut self, phase: Phase) {
        self.state.phase = phase;
        self.state.since = Utc::now();
        self.unsaid = self.write().is_err();
    }

    fn write(&self) -> Result<(), Error> {
        files::write(&self.directory.join("state.json"), &self.state)
    }
}

/// Ends a service: by SIGTERM, or after `grace` by SIGKILL, to the whole group.
async fn end(child: &mut Child, leader: i32, grace: Duration) -> std::io::Result<ExitStatus> {
    if signal_group(leader, Signal::TERM).is_ok()
        && let Ok(status) = timeout(grace, child.wait()).await
    {
        return status;
    }
    let _ = signal_group(leader, Signal::KILL);
    child.wait().await
}

/// Tells who started this that it holds, and leaves them alone from then on.
fn told_held() {
    let mut out = std::io::stdout();
    // They may be gone already.
    let _ = out.write_all(HELD.as_bytes()).and_then(|()| out.flush());
    if let Ok(nowhere) = std::fs::File::options().write(true).open("/dev/null") {
        let _ = rustix::stdio::dup2_stdout(&nowhere);
        let _ = rustix::stdio::dup2_stderr(&nowhere);
    }
}

fn later(wait: Duration) -> DateTime<Utc> {
    chrono::TimeDelta::from_std(wait).map_or_else(|_| Utc::now(), |wait| Utc::now() + wait)
}

fn exit(status: std::io::Result<ExitStatus>) -> Exit {
    match status {
        Ok(status) => {
            Exit { code: status.code(), signal: status.signal(), refused: None, memory: None, at: Utc::now() }
        }
        Err(error) => refused(&error),
    }
}

fn refused(error: &std::io::Error) -> Exit {
    Exit { code: None, signal: None, refused: Some(error.to_string()), memory: None, at: Utc::now() }
}
