//! A fleet of simulated clusters, and Lockstep connected to all of it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::Programs;
use super::server::Server;
use crate::demo::STANDIN_TOKEN;
use crate::process::{Group, free_address};
use crate::rest::Client;
use crate::shell::{command, say};

/// How much there is to look after.
#[derive(Clone, Copy)]
pub(super) struct Size {
    pub(super) clusters: usize,
    pub(super) services: usize,
    /// Pods of each service.
    replicas: usize,
    /// Milliseconds that each step of a pod takes.
    rollout: usize,
    stages: &'static [(&'static str, &'static str)],
}

/// 10,000 services with 30,000 pods.
pub(super) const TEN_THOUSAND: Size =
    Size { clusters: 200, services: 10_000, replicas: 3, rollout: 200, stages: &THREE };
/// Ten times that.
pub(super) const HUNDRED_THOUSAND: Size =
    Size { clusters: 200, services: 100_000, replicas: 3, rollout: 200, stages: &THREE };

/// What one team has: 750 services in each of three stages, whose pods take a while to start.
pub(super) const ONE_CLUSTER: Size =
    Size { clusters: 1, services: 2250, replicas: 1, rollout: 2000, stages: &THREE };

/// A matrix of 2,000 rows and six columns.
pub(super) const SIX_STAGES: Size =
    Size { clusters: 40, services: 12_000, replicas: 1, rollout: 200, stages: &SIX };

const THREE: [(&str, &str); 3] = [("Development", "dev"), ("Staging", "staging"), ("Production", "prod")];
const SIX: [(&str, &str); 6] = [
    ("Development", "dev"),
    ("Test", "test"),
    ("QA", "qa"),
    ("Staging", "staging"),
    ("Preproduction", "preprod"),
    ("Production", "prod"),
];

/// The stand-in with its clusters, and a server that watches all of them.
pub(super) struct Fleet {
    pub(super) size: Size,
    pub(super) standin: SocketAddr,
    pub(super) address: SocketAddr,
    pub(super) environments: Vec<String>,
    server: Server,
    _standin: Group,
}

impl Fleet {
    /// Starts both, binds every namespace, and waits until all is fresh.
    pub(super) fn start(programs: &Programs, size: Size) -> Result<Self> {
        say(format!("starting {} clusters with {} services", size.clusters, size.services));
        let standin = free_address()?;
        let mut group = Group::default();
        let mut seeded = command(&programs.standin);
        seeded.args(["--history", "20000", "--addr"]).arg(standin.to_string());
        for (flag, count) in [
            ("--clusters", size.clusters),
            ("--services", size.services),
            ("--stages", size.stages.len()),
            ("--replicas", size.replicas),
            ("--rollout-ms", size.rollout),
        ] {
            seeded.arg(flag).arg(count.to_string());
        }
        group.start("the stand-in", &mut seeded)?;
        let client = Client::new(standin);
        group.wait_until("the stand-in", || client.get("/standin/stats").is_ok())?;
        let mut server = Server::new(programs)?;
        server.start()?;
        let mut fleet = Self {
            size,
            standin,
            address: server.address,
            environments: Vec::new(),
            server,
            _standin: group,
        };
        fleet.bind()?;
        let fresh = fleet.wait_fresh()?;
        say(format!("all was observed for the first time after {:.1} s", fresh.as_secs_f64()));
        Ok(fleet)
    }

    /// Lockstep's address for people and tools.
    pub(super) fn origin(&self) -> String {
        self.server.origin()
    }

    /// Lockstep's SQLite file.
    pub(super) fn database(&self) -> PathBuf {
        self.server.database()
    }

    /// A client of Lockstep's REST API.
    pub(super) fn client(&self) -> Client {
        self.server.client()
    }

    /// Starts the server and waits until it is ready; gives out how long that took.
    pub(super) fn serve(&mut self) -> Result<Duration> {
        self.server.start()
    }

    /// Stops the server.
    pub(super) fn stop(&mut self) {
        self.server.stop();
    }

    /// The server's memory: what of it is resident, in megabytes.
    pub(super) fn resident(&self) -> Result<f64> {
        self.server.resident()
    }

    fn bind(&mut self) -> Result<()> {
        let client = self.client();
        let site = json!({
            "name": "Fleet", "url": format!("http://{}", self.standin), "token": STANDIN_TOKEN, "kind": "rancher",
        });
        let site = client.post("/api/sites", &site)?;
        for (name, suffix) in self.size.stages {
            let environment = client.post("/api/environments", &json!({ "name": name }))?;
            let bind = |cluster: usize| {
                json!({
                    "rancherSiteId": site["id"], "cluster": format!("c-m-{cluster:08}"),
                    "namespace": format!("app-{cluster:03}-{suffix}"), "environmentId": environment["id"],
                })
            };
            let bound: Vec<Value> = (1..=self.size.clusters).map(bind).collect();
            client.post("/api/app-instances/batch", &json!(bound))?;
            let id = environment["id"].as_str().context("an environment without an id")?;
            self.environments.push(id.to_owned());
        }
        Ok(())
    }

    /// Waits until every cluster is live and every service is there; gives out how long that took.
    pub(super) fn wait_fresh(&mut self) -> Result<Duration> {
        let client = self.client();
        let begun = Instant::now();
        let sites = client.get("/api/sites")?;
        let site = sites.as_array().into_iter().flatten().find(|site| site["kind"] == "rancher");
        let site = site.and_then(|site| site["id"].as_str()).context("no site")?.to_owned();
        loop {
            let clusters = client.get(&format!("/api/sites/{site}/clusters"))?;
            let clusters = clusters.as_array().context("clusters are no list")?;
            let live = clusters.iter().filter(|cluster| cluster["watch"] == "live").count();
            if live == self.size.clusters && self.observed(&client)? == self.size.services as u64 {
                return Ok(begun.elapsed());
            }
            if begun.elapsed() > Duration::from_secs(600) {
                bail!("after ten minutes {live} of {} clusters are live", self.size.clusters);
            }
            self.server.check()?;
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn observed(&self, client: &Client) -> Result<u64> {
        client.get("/api/matrix?pageSize=1")?;
        let services = client.get("/api/environments")?;
        let services = services.as_array().context("environments are no list")?;
        Ok(services.iter().filter_map(|environment| environment["services"].as_u64()).sum())
    }
}
