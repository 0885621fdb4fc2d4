//! What a person at a browser waits for.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::Programs;
use super::fleet::Fleet;
use super::report::{Bound, Report, Unit};
use crate::demo::STANDIN_TOKEN;
use crate::rest::Client;
use crate::shell::{command, output};

/// Event streams that are open beside the browser's.
const STREAMS: usize = 1000;
/// Changes a second elsewhere.
const ELSEWHERE: u32 = 100;

/// First load, navigation, and from a change in a cluster to its pixel.
pub(super) fn measure(programs: &Programs, fleet: &Fleet, report: &mut Report) -> Result<()> {
    let chromium = crate::test::chromium()?;
    let script = |name: &str, arguments: &[&str]| script(&chromium, name, arguments);
    let load = script("load", &[&fleet.origin()])?;
    let number =
        |told: &Value, name: &str| told[name].as_f64().with_context(|| format!("no {name} was told"));
    let group = "browser";
    report.row(
        group,
        "first load, on the wire",
        number(&load, "bytes")? / 1000.0,
        Unit::Kilobytes,
        Bound::AtMost(250.0),
    );
    report.row(
        group,
        "first load, interactive",
        number(&load, "interactive")?,
        Unit::Milliseconds,
        Bound::AtMost(1000.0),
    );
    report.row(
        group,
        "navigation to another page, p95",
        number(&load, "navigationP95")?,
        Unit::Milliseconds,
        Bound::AtMost(100.0),
    );

    let standin = Client::new(fleet.standin);
    let mut streams = command(&programs.yardstick)
        .args(["streams", "--origin", &fleet.origin(), "--count", &STREAMS.to_string()])
        .stdout(Stdio::piped())
        .spawn()?;
    let told = streams.stdout.take().context("no standard output")?;
    let mut lines = BufReader::new(told).lines();
    let open = lines.next().transpose()?.unwrap_or_default();
    ensure!(open == format!("open {STREAMS}"), "the event streams were not opened: {open}");
    let resident = fleet.resident()?;
    report.row(
        "memory",
        format!("with {STREAMS} event streams open"),
        resident,
        Unit::Megabytes,
        Bound::None,
    );
    // Read on, or the program would wait for a reader.
    let reader = std::thread::spawn(move || lines.map_while(Result::ok).count());
    standin.put("/standin/churn", &json!({ "perSecond": ELSEWHERE }))?;
    let pixel = script("pixel", &[&fleet.origin(), &format!("http://{}", fleet.standin), STANDIN_TOKEN]);
    standin.put("/standin/churn", &json!({ "perSecond": 0 }))?;
    streams.kill()?;
    streams.wait()?;
    drop(reader.join());
    report.row(
        group,
        "change in a cluster to changed pixel, p95, 1,000 streams, 100 changes a second",
        number(&pixel?, "p95")?,
        Unit::Milliseconds,
        Bound::AtMost(300.0),
    );
    Ok(())
}

/// What blocks the page while somebody works in a large matrix; a task counts as long, and is noticed at all, from 50 ms on.
pub(super) fn scroll(fleet: &Fleet, report: &mut Report) -> Result<()> {
    let told = script(&crate::test::chromium()?, "scroll", &[&fleet.origin()])?;
    let steps = told["steps"].as_object().context("no steps were told")?;
    let longest = |wanted: &dyn Fn(&str) -> bool| {
        let tasks = steps
            .iter()
            .filter(|(step, _)| wanted(step))
            .filter_map(|(_, told)| told["longTasks"].as_array());
        tasks.flatten().filter_map(Value::as_f64).fold(0.0, f64::max)
    };
    let mut row = |what, longest| {
        report.row("matrix 2,000 × 6", what, longest, Unit::Milliseconds, Bound::AtMost(50.0))
    };
    row("longest task over 50 ms while scrolling", longest(&|step| step == "scroll"));
    row("… while searching, filtering, sorting, turning pages, selecting", longest(&|step| step != "scroll"));
    Ok(())
}

/// Runs one of `end2end/bench`, which prints one JSON object.
fn script(chromium: &Path, name: &str, arguments: &[&str]) -> Result<Value> {
    let mut node = command("node");
    node.arg(format!("end2end/bench/{name}.mjs")).args(arguments).env("LOCKSTEP_CHROMIUM", chromium);
    let told = output(&mut node)?;
    serde_json::from_str(told.trim()).with_context(|| format!("{name} gave no JSON: {told}"))
}
