//! From asking for the way back until what ran before is healthy again.

use std::time::Instant;

use anyhow::{Context, Result};
use serde_json::json;

use super::Programs;
use super::local::{Local, web};
use super::report::{Bound, Report, Unit};

/// How often it is gone.
const ROUNDS: usize = 7;
/// Seconds.
const BOUND: f64 = 2.0;

/// Deploys and rolls back by turns, without any load.
pub(super) fn measure(programs: &Programs, report: &mut Report) -> Result<()> {
    let local = Local::start(programs, 1, &web(programs))?;
    let mut took = Vec::new();
    for _ in 0..ROUNDS {
        let deployment = local.deploy(&local.services[0], "2")?;
        local.until_complete(&deployment)?;
        local.until_runs("2")?;
        let id = deployment["id"].as_str().context("a deployment without an id")?;
        let begun = Instant::now();
        let back = local.client.post(&format!("/api/deployments/{id}/rollback"), &json!({}))?;
        local.until_runs("1")?;
        took.push(begun.elapsed().as_secs_f64());
        local.until_complete(&back)?;
    }
    took.sort_by(f64::total_cmp);
    let mut row = |what: &str, figure: f64| {
        report.row("rollback", what, figure, Unit::Seconds, Bound::AtMost(BOUND));
    };
    row("2 replicas behind a front door, request to healthy, median", took[ROUNDS / 2]);
    row("… the longest of all", took[ROUNDS - 1]);
    Ok(())
}
