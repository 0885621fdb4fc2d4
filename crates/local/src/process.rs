//! Processes, told apart also when the system has given a number to another one.

use std::{ffi::OsStr, io, time::Duration};

use procfs::{
    Current,
    process::{Process as Procfs, all_processes},
};
use rustix::{
    event::{PollFd, PollFlags, poll},
    io::{Errno, retry_on_intr},
    process::{Pid, PidfdFlags, Signal, kill_process, kill_process_group, pidfd_open},
};
use serde::{Deserialize, Serialize};

/// Stands in the environment of whatever belongs to a replica, with its directory as the value.
pub(crate) const MARK: &str = "LOCKSTEP_REPLICA";

/// How often, and after which pauses, it is looked whether what was killed is gone: five seconds in all.
const LOOKS: u32 = 1000;
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// A process. Numbers are used again; together with the time of its start one means this process only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Process {
    /// Its number.
    pub pid: i32,
    /// When it was started, in the system's ticks since it was booted (field 22 of `/proc/PID/stat`).
    pub started: u64,
}

impl Process {
    /// The process that runs this.
    pub(crate) fn current() -> io::Result<Self> {
        Self::of(Procfs::myself().map_err(io::Error::other)?)
    }

    /// The process that has a number now.
    pub(crate) fn find(pid: i32) -> io::Result<Self> {
        Self::of(Procfs::new(pid).map_err(io::Error::other)?)
    }

    fn of(found: Procfs) -> io::Result<Self> {
        let stat = found.stat().map_err(io::Error::other)?;
        Ok(Self { pid: stat.pid, started: stat.starttime })
    }

    /// Whether it is there and has not ended.
    pub fn is_alive(&self) -> bool {
        let stat = Procfs::new(self.pid).and_then(|process| process.stat());
        stat.is_ok_and(|stat| stat.starttime == self.started && !matches!(stat.state, 'Z' | 'X'))
    }

    /// How long ago it was started, by a clock that nobody sets.
    pub fn age(&self) -> Duration {
        let since_boot = procfs::Uptime::current().map_or(0.0, |uptime| uptime.uptime);
        let started = self.started as f64 / procfs::ticks_per_second() as f64;
        Duration::try_from_secs_f64(since_boot - started).unwrap_or_default()
    }

    /// Waits until it has ended.
    pub async fn ended(self) -> io::Result<()> {
        let wait = move || {
            let Some(pid) = Pid::from_raw(self.pid) else { return Ok(()) };
            let process = match pidfd_open(pid, PidfdFlags::empty()) {
                Err(Errno::SRCH) => return Ok(()),
                process => process?,
            };
            // Only now it is sure that the number means this process for as long as it is waited for.
            if self.is_alive() {
                // It can be read from once it has ended.
                retry_on_intr(|| poll(&mut [PollFd::new(&process, PollFlags::IN)], None))?;
            }
            Ok(())
        };
        tokio::task::spawn_blocking(wait).await.map_err(io::Error::other)?
    }

    /// Asks it to end.
    pub(crate) fn terminate(&self) -> io::Result<()> {
        match Pid::from_raw(self.pid).filter(|_| self.is_alive()) {
            Some(pid) => gone_is_fine(kill_process(pid, Signal::TERM)),
            None => Ok(()),
        }
    }
}

/// Sends a signal to every process of a group.
pub(crate) fn signal_group(leader: i32, signal: Signal) -> io::Result<()> {
    match Pid::from_raw(leader) {
        Some(group) => gone_is_fine(kill_process_group(group, signal)),
        None => Ok(()),
    }
}

/// Kills whatever bears a replica's mark, also what has left its process group, until nothing does.
pub(crate) fn sweep(mark: &str) -> io::Result<()> {
    for _ in 0..LOOKS {
        let left = marked(mark)?;
        if left.is_empty() {
            return Ok(());
        }
        for pid in left {
            gone_is_fine(kill_process(pid, Signal::KILL))?;
        }
        // What is being started while this looks is found by the next look.
        std::thread::sleep(LOOK_AGAIN);
    }
    Err(io::Error::new(io::ErrorKind::TimedOut, "it is still there after SIGKILL"))
}

fn marked(mark: &str) -> io::Result<Vec<Pid>> {
    let own = rustix::process::getpid();
    // There may be many processes, and few bear it: the rest is asked of those only.
    let bears = |process: &Procfs| {
        let environ = process.environ();
        environ.is_ok_and(|variables| variables.get(OsStr::new(MARK)).is_some_and(|found| found == mark))
            && process.stat().is_ok_and(|stat| !matches!(stat.state, 'Z' | 'X'))
    };
    // A process that has ended meanwhile is none.
    let found = all_processes().map_err(io::Error::other)?.flatten().filter(bears);
    Ok(found.filter_map(|process| Pid::from_raw(process.pid())).filter(|pid| *pid != own).collect())
}

fn gone_is_fine(outcome: rustix::io::Result<()>) -> io::Result<()> {
    match outcome {
        Ok(()) | Err(Errno::SRCH) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
