//! The stand-in with many small namespaces, each an environment of its own.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::Programs;
use super::local::Service;
use super::server::Server;
use crate::demo::STANDIN_TOKEN;
use crate::process::{Group, free_address, stopping};
use crate::rest::Client;
use crate::shell::{command, say};

/// The ends of the namespaces' names: each cluster has one of each.
const SUFFIXES: [&str; 3] = ["dev", "staging", "prod"];

/// A server that watches all of it.
pub(super) struct Stages {
    pub(super) server: Server,
    pub(super) services: Vec<Service>,
    _standin: Group,
}

impl Stages {
    /// Starts both, binds so many namespaces with one service each, and waits until all are observed.
    pub(super) fn start(programs: &Programs, count: usize) -> Result<Self> {
        say(format!("starting {count} environments at the stand-in"));
        let clusters = count.div_ceil(SUFFIXES.len());
        let (address, mut group) = (free_address()?, Group::default());
        let mut seeded = command(&programs.standin);
        seeded.args(["--rollout-ms", "200", "--replicas", "1", "--addr"]).arg(address.to_string());
        seeded.args(["--clusters", &clusters.to_string()]);
        group.start("the stand-in", seeded.args(["--services", &(clusters * SUFFIXES.len()).to_string()]))?;
        let standin = Client::new(address);
        group.wait_until("the stand-in", || standin.get("/standin/stats").is_ok())?;
        let mut server = Server::new(programs)?;
        server.start()?;
        let client = server.client();
        let site = json!({
            "name": "Stages", "url": format!("http://{address}"), "token": STANDIN_TOKEN, "kind": "rancher",
        });
        let site = client.post("/api/sites", &site)?["id"].clone();
        for number in 0..count {
            bind(&client, &site, number)?;
        }
        let services = observed(&client, count)?;
        Ok(Self { server, services, _standin: group })
    }
}

fn bind(client: &Client, site: &Value, number: usize) -> Result<()> {
    let (cluster, suffix) = (number / SUFFIXES.len() + 1, SUFFIXES[number % SUFFIXES.len()]);
    let environment = client.post("/api/environments", &json!({ "name": format!("Stage {number:04}") }))?;
    let instance = json!({
        "rancherSiteId": site, "cluster": format!("c-m-{cluster:08}"),
        "namespace": format!("app-{cluster:03}-{suffix}"), "environmentId": environment["id"],
    });
    client.post("/api/app-instances", &instance)?;
    Ok(())
}

/// Waits until there is a running service in each.
fn observed(client: &Client, count: usize) -> Result<Vec<Service>> {
    let begun = Instant::now();
    loop {
        let mut all = Vec::new();
        for page in 1..=count.div_ceil(1000) {
            let path = format!("/api/services?status=running&pageSize=1000&page={page}");
            let found = client.get(&path)?;
            for service in found.as_array().into_iter().flatten() {
                let text = |name: &str| service[name].as_str().map(str::to_owned).context("not a service");
                all.push(Service::of(text("environmentId")?, text("id")?));
            }
        }
        if all.len() == count {
            return Ok(all);
        }
        if stopping() || begun.elapsed() > Duration::from_secs(600) {
            bail!("only {} of {count} services are observed", all.len());
        }
        std::thread::sleep(Duration::from_millis(500));
    }
}
