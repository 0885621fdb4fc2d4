//! A sync of 500 services against a bare loop that sends the same patches.

use std::io::Write;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::Programs;
use super::fleet::{Fleet, ONE_CLUSTER};
use super::report::{Bound, Report, Unit};
use crate::demo::STANDIN_TOKEN;
use crate::rest::Client;
use crate::shell::command;

/// How many services are synced.
const SERVICES: usize = 500;
/// Milliseconds that the platform takes to answer.
const LATENCY: u64 = 20;
/// Changes under way at once in one cluster: `domain::engine::PARALLEL_PER_CLUSTER`.
const PARALLEL: usize = 10;

/// Measures one after the other has come to rest, by the stand-in's own count of accepted patches.
pub(super) fn measure(programs: &Programs, report: &mut Report) -> Result<()> {
    let fleet = &Fleet::start(programs, ONE_CLUSTER)?;
    let standin = Client::new(fleet.standin);
    let faults = json!([{ "fault": "latency", "rate": 1.0, "millis": LATENCY }]);
    let request = request(fleet)?;
    standin.put("/standin/faults", &faults)?;
    let bare = bare(programs, fleet, &standin)?;
    wait_settled(&standin)?;
    let synced = synced(fleet, &standin, &request)?;
    standin.put("/standin/faults", &json!([]))?;
    report.row("sync", "the bare loop, 500 patches", bare, Unit::Milliseconds, Bound::None);
    report.row(
        "sync",
        "500 services, request to last accepted patch, against a bare loop",
        synced.as_secs_f64() * 1000.0 / bare,
        Unit::Times,
        Bound::AtMost(1.3),
    );
    Ok(())
}

/// The first 500 services of Development that Staging runs in another version.
fn request(fleet: &Fleet) -> Result<Value> {
    let client = fleet.client();
    let mut ids = Vec::new();
    for page in 1.. {
        let matrix = client.get(&format!("/api/matrix?outOfStep=true&pageSize=200&page={page}"))?;
        let rows = matrix["rows"].as_array().context("the matrix has no rows")?;
        if rows.is_empty() {
            bail!("there are only {} services to sync", ids.len());
        }
        let source = rows.iter().filter_map(|row| row["cells"][0]["instances"][0]["serviceId"].as_str());
        ids.extend(source.map(str::to_owned));
        if ids.len() >= SERVICES {
            break;
        }
    }
    ids.truncate(SERVICES);
    Ok(json!({
        "sourceEnvironmentId": fleet.environments[0], "targetEnvironmentId": fleet.environments[1], "serviceIds": ids,
        "onFailure": "go_on",
    }))
}

fn synced(fleet: &Fleet, standin: &Client, request: &Value) -> Result<Duration> {
    let client = fleet.client();
    let preview = client.post("/api/sync/preview", request)?;
    let mut start = request.clone();
    start["previewId"] = preview["id"].clone();
    let before = patches(standin)?;
    let begun = Instant::now();
    client.post("/api/sync", &start)?;
    loop {
        let sent = patches(standin)? - before;
        if sent >= SERVICES as u64 {
            return Ok(begun.elapsed());
        }
        if begun.elapsed() > Duration::from_secs(120) {
            bail!("after two minutes only {sent} of {SERVICES} patches were sent");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Patches that took effect so far.
fn patches(standin: &Client) -> Result<u64> {
    // Before the first one, none are counted.
    Ok(standin.get("/standin/stats")?["requests"]["patch"].as_u64().unwrap_or_default())
}

/// Waits until no rollout is under way any more.
fn wait_settled(standin: &Client) -> Result<()> {
    for _ in 0..240 {
        let truth = standin.get("/standin/truth")?;
        let truth = truth.as_array().context("the truth is no list")?;
        if truth.iter().all(|workload| workload["available"] == workload["desired"]) {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(500));
    }
    bail!("rollouts are still under way after two minutes")
}

/// As many services of Production, each moved to another tag.
fn bare(programs: &Programs, fleet: &Fleet, standin: &Client) -> Result<f64> {
    let truth = standin.get("/standin/truth")?;
    let truth = truth.as_array().context("the truth is no list")?;
    let of_production = truth.iter().filter(|workload| workload["namespace"] == "app-001-prod");
    let lines: Vec<String> = of_production.take(SERVICES).map(another).collect();
    let mut child = command(&programs.yardstick)
        .args(["patches", "--origin", &format!("http://{}", fleet.standin)])
        .args(["--parallel", &PARALLEL.to_string()])
        .env("BENCH_TOKEN", STANDIN_TOKEN)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    child.stdin.take().context("no standard input")?.write_all(lines.join("\n").as_bytes())?;
    let told = child.wait_with_output()?;
    if !told.status.success() {
        bail!("the bare loop failed: {}", told.status);
    }
    Ok(String::from_utf8_lossy(&told.stdout).trim().parse()?)
}

/// A workload with a tag that it has not had yet.
fn another(workload: &Value) -> String {
    let container = &workload["containers"][0];
    let image = container["image"].as_str().unwrap_or_default();
    json!({
        "cluster": workload["cluster"], "namespace": workload["namespace"], "name": workload["name"],
        "container": container["name"], "image": format!("{image}-again"),
    })
    .to_string()
}
