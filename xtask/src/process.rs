//! Programs that run beside this one, and how they all stop together.

use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Set by Ctrl-C and by a request to terminate.
static STOPPING: AtomicBool = AtomicBool::new(false);

/// How long a program may take to stop before it is killed.
const PATIENCE: Duration = Duration::from_secs(10);

/// From here on, Ctrl-C and SIGTERM no longer end this program at once: it first stops what it started.
pub(crate) fn catch_signals() -> Result<()> {
    ctrlc::set_handler(|| STOPPING.store(true, Ordering::SeqCst)).context("signals cannot be caught")
}

/// Whether this program was asked to stop.
pub(crate) fn stopping() -> bool {
    STOPPING.load(Ordering::SeqCst)
}

/// Waits for a program to end, and stops it when this program is asked to stop.
pub(crate) fn wait(mut child: Child) -> Result<ExitStatus> {
    let mut pause = Duration::from_millis(1);
    loop {
        if let Some(status) = child.try_wait()? {
            if stopping() {
                bail!("stopped");
            }
            return Ok(status);
        }
        if stopping() {
            stop(&mut child);
            bail!("stopped");
        }
        sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(50));
    }
}

/// Asks a program to stop, and kills it when it does not.
fn stop(child: &mut Child) {
    ask_to_stop(child);
    let since = Instant::now();
    while since.elapsed() < PATIENCE {
        if !matches!(child.try_wait(), Ok(None)) {
            return;
        }
        sleep(Duration::from_millis(20));
    }
    // It may have ended in this instant: nothing is lost then.
    let _ = child.kill();
    let _ = child.wait();
}

fn ask_to_stop(child: &mut Child) {
    if matches!(child.try_wait(), Ok(None))
        && let Ok(id) = i32::try_from(child.id())
    {
        // It may have ended in this instant: nothing is lost then.
        let _ = kill(Pid::from_raw(id), Signal::SIGTERM);
    }
}

/// Programs that run until one of them ends or this one is asked to stop. Dropping the group stops all of them.
#[derive(Default)]
pub(crate) struct Group {
    children: Vec<(&'static str, Child)>,
}

impl Group {
    /// Starts one more program, and gives out the number of its process.
    pub(crate) fn start(&mut self, name: &'static str, command: &mut Command) -> Result<u32> {
        let child =
            command.stdin(Stdio::null()).spawn().with_context(|| format!("{name} could not be started"))?;
        let id = child.id();
        self.children.push((name, child));
        Ok(id)
    }

    /// Fails when one of the programs has ended.
    pub(crate) fn check(&mut self) -> Result<()> {
        for (name, child) in &mut self.children {
            if let Some(status) = child.try_wait()? {
                if stopping() {
                    break;
                }
                bail!("{name} ended by itself ({status}); its messages are above");
            }
        }
        Ok(())
    }

    /// Waits until this program is asked to stop; fails when one of the programs ends before that.
    pub(crate) fn wait(&mut self) -> Result<()> {
        while !stopping() {
            self.check()?;
            sleep(Duration::from_millis(100));
        }
        Ok(())
    }

    /// Waits until `ready` says yes.
    pub(crate) fn wait_until(&mut self, what: &str, mut ready: impl FnMut() -> bool) -> Result<()> {
        let since = Instant::now();
        while !ready() {
            self.check()?;
            if stopping() {
                bail!("stopped");
            }
            if since.elapsed() > Duration::from_secs(60) {
                bail!("{what} did not get ready within a minute");
            }
            sleep(Duration::from_millis(100));
        }
        Ok(())
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        for (_, child) in self.children.iter_mut().rev() {
            ask_to_stop(child);
        }
        for (_, child) in self.children.iter_mut().rev() {
            stop(child);
        }
    }
}

/// Fails when an address is taken, and names the option that chooses another.
pub(crate) fn require_free(address: SocketAddr, option: &str) -> Result<()> {
    if let Err(error) = TcpListener::bind(address) {
        bail!("{address} cannot be used ({error}): stop what uses it, or choose another with {option}");
    }
    Ok(())
}

/// An address on this machine that nothing listens on at the moment.
pub(crate) fn free_address() -> Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").context("no port is free")?;
    Ok(listener.local_addr()?)
}
