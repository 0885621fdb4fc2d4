//! Requests through a front door while versions come and go behind it, and what the front door costs.

use std::thread;

use anyhow::{Context, Result, bail};

use super::Programs;
use super::load::{Rate, count, send};
use super::local::{Local, web};
use super::report::{Bound, Report, Unit};

/// Requests during the roll-forwards.
const REQUESTS: usize = 100_000;
/// Requests one after the other, for the overhead.
const ALONE: u32 = 3000;

/// The overhead first, while nothing changes.
pub(super) fn measure(programs: &Programs, report: &mut Report) -> Result<()> {
    let local = Local::start(programs, 1, &web(programs))?;
    overhead(&local, report)?;
    let address = address(&local)?;
    let load = thread::spawn(move || count(&address, REQUESTS));
    let mut rolled = 0;
    while !load.is_finished() {
        let version = if rolled % 2 == 0 { "2" } else { "1" };
        let deployment = local.deploy(&local.services[0], version)?;
        local.until_complete(&deployment)?;
        local.until_runs(version)?;
        rolled += 1;
    }
    let answered = match load.join() {
        Ok(answered) => answered?,
        Err(_) => bail!("the load ended by itself"),
    };
    report.row(
        "front door",
        format!("failed of {REQUESTS} requests, 2 replicas, {rolled} roll-forwards meanwhile"),
        REQUESTS.saturating_sub(answered) as f64,
        Unit::Count,
        Bound::AtMost(0.0),
    );
    Ok(())
}

/// By turns, so that a slow moment of the machine hits either; the middle one counts.
fn overhead(local: &Local, report: &mut Report) -> Result<()> {
    let service = local.first()?;
    let port = service["running"][0]["port"].as_u64().context("a replica without a port")?;
    let (direct, door) = (format!("http://127.0.0.1:{port}/"), address(local)?);
    let mut more = Vec::new();
    for _ in 0..3 {
        let direct = send(std::slice::from_ref(&direct), &Rate::Alone(ALONE), false)?.p50;
        more.push(send(std::slice::from_ref(&door), &Rate::Alone(ALONE), false)?.p50 - direct);
    }
    more.sort_by(f64::total_cmp);
    report.row("front door", "overhead of a request, median", more[1], Unit::Fraction, Bound::AtMost(1.0));
    Ok(())
}

/// The front door's address.
fn address(local: &Local) -> Result<String> {
    let service = local.first()?;
    let address = service["address"].as_str().context("the service has no front door")?;
    Ok(format!("{}/", address.trim_end_matches('/')))
}
