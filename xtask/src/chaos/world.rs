//! A stand-in with two clusters, and a server that can be killed and started again.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::demo::STANDIN_TOKEN;
use crate::process::{Group, free_address, stopping};
use crate::rest::Client;
use crate::shell::{command, run, say};

/// How long anything may take before it counts as never coming to its end.
const LONGEST: Duration = Duration::from_secs(120);
/// Services of all clusters and stages.
const SERVICES: usize = 108;
const CLUSTERS: usize = 2;
/// The ports that services on this machine get, away from those of a demo.
const PORTS: &str = "33000-33999";
/// The environments, with the ends of their namespaces' names.
const STAGES: [(&str, &str); 3] = [("Development", "dev"), ("Staging", "staging"), ("Production", "prod")];

/// The programs under test.
pub(super) struct Programs {
    pub(super) lockstep: PathBuf,
    pub(super) standin: PathBuf,
}

/// Both programs, running, and what is bound.
pub(super) struct World {
    pub(super) standin: Client,
    pub(super) api: Client,
    /// Development, Staging and Production.
    pub(super) environments: Vec<String>,
    pub(super) faults: bool,
    /// Staging comes from Development next, else from Production.
    pub(super) from_first: bool,
    /// How many services of Staging differ from those of Development, as they do from those of Production.
    pub(super) to_change: usize,
    address: SocketAddr,
    lockstep: PathBuf,
    database: Option<String>,
    server: Server,
    data: TempDir,
    _standin: Group,
}

/// A server that ends with its owner.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already: nothing is lost then.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl World {
    /// Starts both, binds everything, and waits until all is observed.
    pub(super) fn start(programs: &Programs, database: Option<&str>, faults: bool) -> Result<Self> {
        let standin = free_address()?;
        let mut group = Group::default();
        let mut seeded = command(&programs.standin);
        seeded.args(["--rollout-ms", "400", "--addr"]).arg(standin.to_string());
        seeded.args(["--clusters", &CLUSTERS.to_string(), "--services", &SERVICES.to_string()]);
        group.start("the stand-in", seeded.stdout(Stdio::null()))?;
        let client = Client::new(standin);
        group.wait_until("the stand-in", || client.get("/rancherversion").is_ok())?;
        let (address, data) = (free_address()?, tempfile::tempdir()?);
        // So that what ran on this machine may be ended as a demo's is.
        fs::write(data.path().join("demo"), "")?;
        let (lockstep, database) = (programs.lockstep.clone(), database.map(str::to_owned));
        let server = serve(&lockstep, address, &data, database.as_deref())?;
        let mut world = Self {
            standin: client,
            api: Client::new(address),
            environments: Vec::new(),
            faults,
            from_first: true,
            to_change: SERVICES / STAGES.len() * 2 / 3,
            address,
            lockstep,
            database,
            server,
            data,
            _standin: group,
        };
        world.bind(standin)?;
        world.until("all services are observed", |world| {
            Ok(world.services()?.iter().filter(|it| it["status"] == "running").count() == SERVICES)
        })?;
        Ok(world)
    }

    /// The server's directory.
    pub(super) fn data(&self) -> &Path {
        self.data.path()
    }

    /// Kills the server: it can neither finish nor say anything.
    pub(super) fn kill(&mut self) -> Result<()> {
        self.server.0.kill()?;
        self.server.0.wait()?;
        Ok(())
    }

    /// Starts the server again on what the killed one left.
    pub(super) fn restart(&mut self) -> Result<()> {
        self.server = serve(&self.lockstep, self.address, &self.data, self.database.as_deref())?;
        Ok(())
    }

    /// Waits until `holds` holds; an error counts as not yet.
    pub(super) fn until(&self, what: &str, holds: impl Fn(&Self) -> Result<bool>) -> Result<()> {
        let begun = Instant::now();
        loop {
            let found = holds(self);
            if matches!(found, Ok(true)) {
                return Ok(());
            }
            if stopping() {
                bail!("stopped");
            }
            if begun.elapsed() > LONGEST {
                return found.and_then(|_| bail!("no: it took too long")).with_context(|| what.to_owned());
            }
            sleep(Duration::from_millis(20));
        }
    }

    /// All services as they are shown.
    pub(super) fn services(&self) -> Result<Vec<Value>> {
        list(self.api.get("/api/services?pageSize=1000")?)
    }

    /// All workloads as they are.
    pub(super) fn truth(&self) -> Result<Vec<Value>> {
        list(self.standin.get("/standin/truth")?)
    }

    /// All patches that took effect so far.
    pub(super) fn records(&self) -> Result<Vec<Value>> {
        list(self.standin.get("/standin/records")?)
    }

    /// Syncs that did not come to an end.
    pub(super) fn unfinished(&self) -> Result<Vec<String>> {
        let all = list(self.api.get("/api/sync/history?pageSize=1000")?)?;
        let open = all.iter().filter(|sync| !sync["endTime"].is_string());
        Ok(open.map(|sync| format!("unfinished: {sync}")).collect())
    }

    fn bind(&mut self, standin: SocketAddr) -> Result<()> {
        let site = json!({
            "name": "Chaos", "url": format!("http://{standin}"), "token": STANDIN_TOKEN, "kind": "rancher",
        });
        let site = self.api.post("/api/sites", &site)?;
        for (name, suffix) in STAGES {
            let environment = self.api.post("/api/environments", &json!({ "name": name }))?;
            let bind = |cluster: usize| {
                json!({
                    "rancherSiteId": site["id"], "cluster": format!("c-m-{cluster:08}"),
                    "namespace": format!("app-{cluster:03}-{suffix}"), "environmentId": environment["id"],
                    "application": format!("app-{cluster:03}"),
                })
            };
            let bound: Vec<Value> = (1..=CLUSTERS).map(bind).collect();
            self.api.post("/api/app-instances/batch", &json!(bound))?;
            self.environments
                .push(environment["id"].as_str().context("an environment without an id")?.to_owned());
        }
        Ok(())
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let mut end = command(&self.lockstep);
        end.args(["demo", "--end", "--data-dir"]).arg(self.data.path());
        end.env("LOCKSTEP_LOG", "off").env("LOCKSTEP_LOCAL_PORTS", PORTS);
        if let Err(error) = self.kill().and_then(|()| run(&mut end)) {
            say(format!("what ran on this machine could not be ended: {error:#}"));
        }
    }
}

fn list(value: Value) -> Result<Vec<Value>> {
    match value {
        Value::Array(items) => Ok(items),
        other => bail!("{other} is no list"),
    }
}

/// Starts the server and waits until it can do its work.
fn serve(lockstep: &PathBuf, address: SocketAddr, data: &TempDir, database: Option<&str>) -> Result<Server> {
    let mut server = command(lockstep);
    server.args(["serve", "--addr"]).arg(address.to_string()).arg("--data-dir").arg(data.path());
    // There are no minutes to wait for what hangs, nor for a killed server's lease to run out.
    server.args(["--patience", "0.005"]).env("LOCKSTEP_LOG", "off").env("LOCKSTEP_LOCAL_PORTS", PORTS);
    if let Some(database) = database {
        server.args(["--database-url", database]);
    }
    let mut server = Server(server.stdin(Stdio::null()).stdout(Stdio::null()).spawn()?);
    let (client, begun) = (Client::new(address), Instant::now());
    while !client.is_ready() {
        if let Some(status) = server.0.try_wait()? {
            bail!("the server ended by itself ({status})");
        }
        if begun.elapsed() > LONGEST {
            bail!("the server does not get ready");
        }
        sleep(Duration::from_millis(20));
    }
    Ok(server)
}
