//! Lists of clusters, environments, revisions and deployments where there is very much of all of them.

use anyhow::{Context, Result, ensure};
use serde_json::json;

use super::Programs;
use super::load::{Load, Rate, send};
use super::report::{Bound, Report, Unit};
use super::server::Server;
use crate::shell::{command, run, say};

/// The rate that lists are to hold at.
const RATE: u32 = 300;
/// Clusters that the environments are spread over.
const CLUSTERS: usize = 200;

/// How much there is.
#[derive(Clone, Copy)]
struct Size {
    environments: usize,
    events: usize,
}

const SMALL: Size = Size { environments: 1000, events: 100_000 };
const LARGE: Size = Size { environments: 10_000, events: 1_000_000 };

/// A list, and how much longer it may take with ten times as much.
struct Asked {
    name: &'static str,
    path: String,
    tenfold: f64,
}

/// First and deep pages, as they stand and filtered. `deep` is a page size of 50 times that into a list.
fn asked(size: Size, environment: &str) -> Vec<Asked> {
    let list = |name, tenfold, path: String| Asked { name, path: format!("/api/{path}"), tenfold };
    let deep = size.environments / 100;
    let of_one = format!("environments/{environment}");
    vec![
        list("clusters", 1.5, "clusters?pageSize=50".into()),
        list("clusters, page 4", 1.5, "clusters?pageSize=50&page=4".into()),
        list("environments, total", 3.0, "environments?pageSize=50".into()),
        list("environments, the middle page", 3.0, format!("environments?pageSize=50&page={deep}")),
        list("environments by name, backwards", 3.0, "environments?pageSize=50&sort=-name".into()),
        list("environments by prefix", 3.0, "environments?pageSize=50&prefix=Stage%20000".into()),
        list("environments of a cluster", 3.0, "environments?pageSize=50&cluster=cluster-017".into()),
        list("one environment", 1.5, of_one.clone()),
        list("revisions, total", 3.0, format!("{of_one}/revisions?pageSize=50")),
        list("revisions, the middle page", 3.0, format!("{of_one}/revisions?pageSize=50&page={deep}")),
        list("deployments, total", 3.0, "deployments?pageSize=50".into()),
        list("deployments, page 100", 3.0, "deployments?pageSize=50&page=100".into()),
        list("deployments of an environment", 1.5, format!("deployments?pageSize=50&env={environment}")),
        list("deployments by status, total", 3.0, "deployments?pageSize=50&status=failed".into()),
    ]
}

/// A tenth of it first, then all.
pub(super) fn measure(programs: &Programs, report: &mut Report) -> Result<()> {
    let (server, environment) = seeded(programs, SMALL)?;
    let before = alone(&server, &asked(SMALL, &environment))?;
    drop(server);
    let (server, environment) = seeded(programs, LARGE)?;
    let asked = asked(LARGE, &environment);
    let urls: Vec<String> = asked.iter().map(|list| format!("{}{}", server.origin(), list.path)).collect();
    let group = "lists, 10,000 environments, 1,000,000 events";
    let mix = send(&urls, &Rate::PerSecond(RATE), true)?;
    let name = format!("p95 at {RATE} requests a second");
    report.row(group, name, mix.p95, Unit::Milliseconds, Bound::AtMost(20.0));
    let after = alone(&server, &asked)?;
    for ((list, before), after) in asked.iter().zip(before).zip(after) {
        report.row(group, list.name, after.p95, Unit::Milliseconds, Bound::AtMost(20.0));
        let name = format!("{}, against a tenth", list.name);
        report.row(group, name, after.p50 / before.p50, Unit::Times, Bound::AtMost(list.tenfold));
    }
    Ok(())
}

fn alone(server: &Server, asked: &[Asked]) -> Result<Vec<Load>> {
    let one = |list: &Asked| send(&[format!("{}{}", server.origin(), list.path)], &Rate::Alone(200), false);
    asked.iter().map(one).collect()
}

/// A server with that much in it; gives out the environment that has the most revisions too.
fn seeded(programs: &Programs, size: Size) -> Result<(Server, String)> {
    say(format!("making {} environments and {} events", size.environments, size.events));
    let mut server = Server::new(programs)?;
    server.start()?;
    let client = server.client();
    for number in 0..CLUSTERS {
        client.post("/api/clusters", &json!({ "name": format!("cluster-{number:03}") }))?;
    }
    server.stop();
    let mut seed = command(&programs.yardstick);
    seed.arg("seed").arg("--database").arg(server.database());
    seed.args(["--environments", &size.environments.to_string(), "--events", &size.events.to_string()]);
    run(&mut seed)?;
    server.start()?;
    let found = client.get("/api/environments?pageSize=1")?;
    let environment = found[0]["id"].as_str().context("no environment was made")?.to_owned();
    ensure!(found[0]["latestRevision"].as_u64() == Some(size.environments as u64), "not seeded: {found}");
    Ok((server, environment))
}
