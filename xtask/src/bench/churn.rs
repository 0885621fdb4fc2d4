//! Churn for a long time: memory stays flat, and at the end nothing shown is stale.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::fleet::Fleet;
use super::report::{Bound, Report, Unit};
use crate::process::stopping;
use crate::rest::Client;
use crate::shell::say;

/// Changes a second.
const RATE: u32 = 50;

/// Changes come, then stop; what is shown must come to agree with the stand-in.
pub(super) fn measure(fleet: &Fleet, minutes: u64, report: &mut Report) -> Result<()> {
    say(format!("{minutes} minutes of churn"));
    let standin = Client::new(fleet.standin);
    standin.put("/standin/churn", &json!({ "perSecond": RATE }))?;
    // The first tenth warms up what is kept for reuse.
    let (begun, all) = (Instant::now(), Duration::from_secs(minutes * 60));
    let mut early = None;
    while begun.elapsed() < all && !stopping() {
        std::thread::sleep(Duration::from_millis(500));
        if early.is_none() && begun.elapsed() > all / 10 {
            early = Some(fleet.resident()?);
        }
    }
    let late = fleet.resident()?;
    standin.put("/standin/churn", &json!({ "perSecond": 0 }))?;
    report.row(
        "churn",
        format!("memory after {minutes} minutes at {RATE} changes a second"),
        late / early.unwrap_or(late),
        Unit::Times,
        Bound::AtMost(1.1),
    );
    report.row(
        "churn",
        "stale rows at the end",
        stale(fleet, &standin)? as f64,
        Unit::Count,
        Bound::AtMost(0.0),
    );
    Ok(())
}

/// Services that are not shown as the stand-in has them, once both have come to rest.
fn stale(fleet: &Fleet, standin: &Client) -> Result<usize> {
    let since = Instant::now();
    loop {
        let (shown, truth) = (shown(fleet)?, truth(standin)?);
        let wrong = truth.iter().filter(|(key, value)| shown.get(*key) != Some(value)).count()
            + shown.keys().filter(|key| !truth.contains_key(*key)).count();
        if wrong == 0 || since.elapsed() > Duration::from_secs(30) {
            return Ok(wrong);
        }
        std::thread::sleep(Duration::from_millis(500));
    }
}

/// Image and available replicas by namespace, kind and name; the fleet's namespaces are unique.
type Seen = BTreeMap<(String, String, String), (String, i64)>;

fn key(value: &Value, kind: &str) -> (String, String, String) {
    let text = |name: &str| value[name].as_str().unwrap_or_default().to_owned();
    (text("namespace"), text(kind), text("name"))
}

fn shown(fleet: &Fleet) -> Result<Seen> {
    let client = fleet.client();
    let mut seen = Seen::new();
    for page in 1.. {
        let services = client.get(&format!("/api/services?pageSize=1000&page={page}"))?;
        let services = services.as_array().context("services are no list")?;
        if services.is_empty() {
            break;
        }
        seen.extend(
            services
                .iter()
                .map(|service| (key(service, "workloadType"), state(service, "availableReplicas"))),
        );
    }
    Ok(seen)
}

fn truth(standin: &Client) -> Result<Seen> {
    let truth = standin.get("/standin/truth")?;
    let truth = truth.as_array().context("the truth is no list")?;
    Ok(truth.iter().map(|workload| (key(workload, "kind"), state(workload, "available"))).collect())
}

fn state(value: &Value, available: &str) -> (String, i64) {
    let image = value["containers"][0]["image"].as_str().unwrap_or_default().to_owned();
    (image, value[available].as_i64().unwrap_or_default())
}
