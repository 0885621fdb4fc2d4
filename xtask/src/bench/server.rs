//! A Lockstep of its own, with a data directory that goes with it.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::Programs;
use crate::process::{Group, free_address};
use crate::rest::Client;
use crate::shell::{command, run, say};

/// The ports that services on this machine get, away from those of a demo.
const PORTS: &str = "30000-32999";

/// A server that may be stopped and started again.
pub(super) struct Server {
    pub(super) address: SocketAddr,
    lockstep: PathBuf,
    data: tempfile::TempDir,
    running: Option<(Group, u32)>,
}

impl Server {
    /// One that has not started yet.
    pub(super) fn new(programs: &Programs) -> Result<Self> {
        let (address, data) = (free_address()?, tempfile::tempdir()?);
        // So that what ran on this machine may be ended as a demo's is.
        fs::write(data.path().join("demo"), "")?;
        Ok(Self { address, lockstep: programs.lockstep.clone(), data, running: None })
    }

    /// Starts it and waits until it is ready; gives out how long that took.
    pub(super) fn start(&mut self) -> Result<Duration> {
        let mut group = Group::default();
        let mut server = self.command("serve");
        server.arg("--addr").arg(self.address.to_string()).args(["--log-format", "json"]);
        server.env("LOCKSTEP_LOG", "warn,control::engine=debug").stderr(File::create(self.log())?);
        let begun = Instant::now();
        let id = group.start("lockstep", &mut server)?;
        let client = self.client();
        while !client.is_ready() {
            group.check().with_context(|| fs::read_to_string(self.log()).unwrap_or_default())?;
            std::thread::sleep(Duration::from_millis(5));
        }
        let took = begun.elapsed();
        self.running = Some((group, id));
        Ok(took)
    }

    /// Stops it; what runs on this machine goes on.
    pub(super) fn stop(&mut self) {
        self.running = None;
    }

    /// Fails when it has ended by itself.
    pub(super) fn check(&mut self) -> Result<()> {
        match &mut self.running {
            Some((group, _)) => group.check(),
            None => Ok(()),
        }
    }

    /// Its address for people and tools.
    pub(super) fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    /// A client of its REST API.
    pub(super) fn client(&self) -> Client {
        Client::new(self.address)
    }

    /// Its SQLite file.
    pub(super) fn database(&self) -> PathBuf {
        self.data.path().join("lockstep.db")
    }

    /// What it has logged since it was started last: a line of JSON for each.
    pub(super) fn log(&self) -> PathBuf {
        self.data.path().join("log")
    }

    /// Its memory: what of it is resident, in megabytes.
    pub(super) fn resident(&self) -> Result<f64> {
        let (_, id) = self.running.as_ref().context("the server does not run")?;
        let status = fs::read_to_string(format!("/proc/{id}/status"))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kilobytes =
            line.and_then(|line| line.trim().strip_suffix(" kB")).context("no VmRSS in status")?;
        Ok(kilobytes.trim().parse::<f64>()? / 1000.0)
    }

    fn command(&self, name: &str) -> std::process::Command {
        let mut server = command(self.lockstep.join("lockstep"));
        server.current_dir(&self.lockstep).arg(name).arg("--data-dir").arg(self.data.path());
        server.env("LOCKSTEP_LOCAL_PORTS", PORTS);
        server
    }

    fn has_services(&self) -> bool {
        Path::exists(&self.data.path().join("local/clusters"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
        if self.has_services()
            && let Err(error) = run(self.command("demo").arg("--end").env("LOCKSTEP_LOG", "warn"))
        {
            say(format!("what ran on this machine could not be ended: {error:#}"));
        }
    }
}
