//! Many deployments at once: all end, what the engine itself costs, and what stays of its memory.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::time::Instant;

use anyhow::{Result, ensure};
use serde_json::Value;

use super::Programs;
use super::local::{Local, Service, deployment, idle};
use super::report::{Bound, Report, Unit};
use super::server::Server;
use super::stages::Stages;
use crate::process::stopping;
use crate::rest::Client;

/// Environments of this machine, each deployed to at once.
const ON_THIS_MACHINE: usize = 200;
/// Environments of the stand-in.
const ON_THE_STAND_IN: usize = 1000;
/// What of the server's memory may come with as many deployments again.
const FLAT: f64 = 1.1;
/// Milliseconds of an action that are not the platform's.
const OVERHEAD: f64 = 20.0;

/// Those of this machine, then those of the stand-in; `scale` is how much of them.
pub(super) fn measure(programs: &Programs, scale: f64, report: &mut Report) -> Result<()> {
    let of = |all: usize| ((all as f64 * scale) as usize).max(1);
    {
        let local = Local::start(programs, of(ON_THIS_MACHINE), &idle())?;
        waves("deployments on this machine", &local.server, &local.services, report)?;
    }
    let stages = Stages::start(programs, of(ON_THE_STAND_IN))?;
    waves("deployments to the stand-in", &stages.server, &stages.services, report)
}

/// All at once, three times; what the first has warmed up is what the memory is held against.
fn waves(group: &'static str, server: &Server, services: &[Service], report: &mut Report) -> Result<()> {
    let (mut seconds, mut resident) = (Vec::new(), Vec::new());
    for version in ["2", "3", "4"] {
        seconds.push(wave(&server.client(), services, version)?);
        resident.push(server.resident()?);
    }
    let count = services.len();
    let ended = ended_well(&server.client(), count * seconds.len())?;
    let mut row = |what: String, figure, unit, bound| report.row(group, what, figure, unit, bound);
    let open = (count * seconds.len()).saturating_sub(ended) as f64;
    row(format!("of {} not complete", count * seconds.len()), open, Unit::Count, Bound::AtMost(0.0));
    row(format!("{count} at once, until the last has ended"), seconds[2], Unit::Seconds, Bound::None);
    let overhead = overhead(server)?;
    ensure!(!overhead.is_empty(), "the engine has logged nothing of its changes");
    let at = |share: f64| overhead[((overhead.len() - 1) as f64 * share) as usize];
    row("engine's part of a change, median".into(), at(0.5), Unit::Milliseconds, Bound::None);
    row("engine's part of a change, p95".into(), at(0.95), Unit::Milliseconds, Bound::AtMost(OVERHEAD));
    row(
        "memory after twice as many more".into(),
        resident[2] / resident[0],
        Unit::Times,
        Bound::AtMost(FLAT),
    );
    Ok(())
}

/// Brings every environment to a version; gives out the seconds until the last has ended.
fn wave(client: &Client, services: &[Service], version: &str) -> Result<f64> {
    let begun = Instant::now();
    for service in services {
        client.post("/api/deployments", &deployment(service, version))?;
    }
    while any(client, "pending")? || any(client, "running")? {
        ensure!(!stopping(), "stopped");
        std::thread::sleep(std::time::Duration::from_millis(200));
    }
    Ok(begun.elapsed().as_secs_f64())
}

fn any(client: &Client, status: &str) -> Result<bool> {
    let all = client.get(&format!("/api/deployments?status={status}&pageSize=1"))?;
    Ok(!all.as_array().is_some_and(Vec::is_empty))
}

/// How many of the newest deployments have come to their end.
fn ended_well(client: &Client, count: usize) -> Result<usize> {
    let mut complete = 0;
    for page in 1..=count.div_ceil(1000) {
        let all = client.get(&format!("/api/deployments?status=complete&pageSize=1000&page={page}"))?;
        complete += all.as_array().map_or(0, Vec::len);
    }
    Ok(complete)
}

/// What each change took beyond the platform's part, by the server's log; in order, in milliseconds.
fn overhead(server: &Server) -> Result<Vec<f64>> {
    let mut all = Vec::new();
    for line in BufReader::new(File::open(server.log())?).lines() {
        let line: Value = serde_json::from_str(&line?).unwrap_or_default();
        let told = |name: &str| line["fields"][name].as_f64();
        all.extend(told("total_ms").zip(told("platform_ms")).map(|(total, platform)| total - platform));
    }
    all.sort_by(f64::total_cmp);
    Ok(all)
}
