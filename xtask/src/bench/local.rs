//! Services of this machine, each in an environment of its own.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::Programs;
use super::server::Server;
use crate::process::stopping;
use crate::rest::Client;
use crate::shell::say;

/// The cluster of this machine that all is in.
const CLUSTER: &str = "bench";
/// How long anything may take before it counts as never coming to its end.
const LONGEST: Duration = Duration::from_secs(600);

impl Service {
    /// One that is not of this machine.
    pub(super) fn of(environment: String, id: String) -> Self {
        Self { environment, id, path: String::new() }
    }
}

/// A server, and what it has on this machine.
pub(super) struct Local {
    pub(super) server: Server,
    pub(super) client: Client,
    pub(super) services: Vec<Service>,
}

/// A service and its environment.
pub(super) struct Service {
    pub(super) environment: String,
    pub(super) id: String,
    path: String,
}

impl Local {
    /// Starts a server, and so many services of this kind, in version 1; waits until all are observed as running.
    pub(super) fn start(programs: &Programs, count: usize, spec: &Value) -> Result<Self> {
        say(format!("starting {count} services on this machine"));
        let mut server = Server::new(programs)?;
        server.start()?;
        let client = server.client();
        let cluster = client.post("/api/clusters", &json!({ "name": CLUSTER }))?;
        let mut local = Self { server, client, services: Vec::new() };
        for number in 0..count {
            let (name, namespace) = (format!("service-{number:04}"), format!("stage-{number:04}"));
            let path = format!("/api/clusters/{CLUSTER}/namespaces/{namespace}/services/{name}");
            let mut service = spec.clone();
            service["image"] = json!(image("1"));
            local.client.put(&path, &service)?;
            let stage = json!({ "name": format!("Stage {number:04}") });
            let environment = local.client.post("/api/environments", &stage)?["id"].clone();
            let instance = json!({
                "rancherSiteId": cluster["siteId"], "cluster": CLUSTER, "namespace": namespace,
                "environmentId": environment, "application": "bench",
            });
            local.client.post("/api/app-instances", &instance)?;
            let environment = environment.as_str().context("an environment without an id")?.to_owned();
            local.services.push(Service { environment, id: String::new(), path });
        }
        local.know_services()?;
        Ok(local)
    }

    /// Waits until all run, and learns what they are called.
    fn know_services(&mut self) -> Result<()> {
        let count = self.services.len();
        let all = self.until("all services run", |local| {
            let all = local.client.get("/api/services?pageSize=1000")?;
            let running = all.as_array().into_iter().flatten().filter(|it| it["status"] == "running");
            Ok((running.count() == count).then_some(all))
        })?;
        for service in &mut self.services {
            let mut listed = all.as_array().into_iter().flatten();
            let this = listed.find(|it| it["environmentId"] == service.environment.as_str());
            let id = this.and_then(|it| it["id"].as_str()).context("a service is not listed")?;
            service.id = id.to_owned();
        }
        Ok(())
    }

    /// Asks until there is an answer.
    pub(super) fn until<T>(&self, what: &str, mut look: impl FnMut(&Self) -> Result<Option<T>>) -> Result<T> {
        let begun = Instant::now();
        loop {
            if let Some(found) = look(self)? {
                return Ok(found);
            }
            if stopping() {
                bail!("stopped");
            }
            if begun.elapsed() > LONGEST {
                bail!("{what}: not within {} s", LONGEST.as_secs());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// The first service as it is.
    pub(super) fn first(&self) -> Result<Value> {
        self.client.get(&self.services.first().context("no service")?.path)
    }

    /// Brings a service to a version; gives out the deployment.
    pub(super) fn deploy(&self, service: &Service, version: &str) -> Result<Value> {
        self.client.post("/api/deployments", &deployment(service, version))
    }

    /// Waits until all replicas of the first service are ready in a version, and no other is there.
    pub(super) fn until_runs(&self, version: &str) -> Result<()> {
        self.until(&format!("version {version} runs"), |local| {
            let service = local.first()?;
            let replicas = service["running"].as_array().context("a service without replicas")?;
            let current = |it: &Value| it["ready"] == true && it["image"] == image(version);
            let all = service["replicas"].as_u64() == Some(replicas.len() as u64);
            Ok((all && replicas.iter().all(current)).then_some(()))
        })
    }

    /// Waits until a deployment has ended well.
    pub(super) fn until_complete(&self, deployment: &Value) -> Result<()> {
        let id = deployment["id"].as_str().context("a deployment without an id")?;
        let status = self.until("a deployment ends", |local| {
            let status = local.client.get(&format!("/api/deployments/{id}/status"))?;
            Ok((status["ended"] == true).then_some(status))
        })?;
        match status["state"] == "complete" {
            true => Ok(()),
            false => bail!("the deployment did not come to its end: {status}"),
        }
    }
}

/// What brings a service to a version.
pub(super) fn deployment(service: &Service, version: &str) -> Value {
    json!({
        "environmentId": service.environment,
        "versions": [{ "serviceId": service.id, "version": version }],
    })
}

/// The demo's kind of service: it answers over HTTP, behind a front door.
pub(super) fn web(programs: &Programs) -> Value {
    json!({
        "program": programs.lockstep.join("lockstep"), "arguments": ["demo-service"], "replicas": 2,
        "health": { "path": "/healthz", "status": 200, "everyMs": 500, "withinMs": 1000, "threshold": 3 },
        "readyAfterMs": 1000, "graceMs": 5000, "deadlineMs": 60_000,
    })
}

/// A process that does nothing.
pub(super) fn idle() -> Value {
    json!({
        "program": "sleep", "arguments": ["1000000"], "readyAfterMs": 200, "deadlineMs": 120_000, "frontDoor": false,
    })
}

fn image(version: &str) -> String {
    format!("bench/web:{version}")
}
