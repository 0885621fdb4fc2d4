//! Whether what is told of a sync agrees with what the stand-in recorded.

use serde_json::Value;

use super::round::Outcome;

/// The user whose token Lockstep brings.
const OURS: &str = "admin";

/// Everything that is not as it has to be, in words.
pub(super) fn violations(outcome: &Outcome) -> Vec<String> {
    let mut found: Vec<String> = ours(outcome)
        .filter(|record| !outcome.confirmed.iter().any(|item| is_about(record, item)))
        .map(|record| format!("changed and not confirmed: {record}"))
        .collect();
    if outcome.sync.is_none() && ours(outcome).next().is_some() {
        found.push("something was changed by a sync that was never stored".to_owned());
    }
    found.extend(outcome.tasks().iter().filter_map(|task| {
        let wrong = disagreement(outcome, task)?;
        Some(format!("{wrong}: {task}"))
    }));
    found
}

fn ours(outcome: &Outcome) -> impl Iterator<Item = &Value> {
    outcome.records.iter().filter(|record| record["who"] == OURS)
}

/// Whether a record, or a workload, is that of a preview's item. Names differ from cluster to cluster by the namespace.
fn is_about(record: &Value, item: &Value) -> bool {
    record["name"] == item["name"] && record["namespace"] == item["target"]["namespace"]
}

/// What is wrong with how a task ended.
fn disagreement(outcome: &Outcome, task: &Value) -> Option<String> {
    let (from, to) = (&task["containers"][0]["from"], &task["containers"][0]["to"]);
    let this = |it: &&Value| it["name"] == task["name"] && it["namespace"] == task["namespace"];
    let sent = |image: &Value| ours(outcome).filter(this).filter(|record| image_of(record) == image).count();
    let (forth, back) = (sent(to), sent(from));
    if forth > 1 || back > 1 {
        return Some(format!("took effect {forth} times and {back} times back"));
    }
    let Some(now) = outcome.truth.iter().find(this) else { return Some("it is gone".to_owned()) };
    let runs = &now["containers"][0]["image"];
    let others = outcome.records.iter().filter(this).any(|record| record["who"] != OURS);
    let is = |wanted: &Value| runs == wanted || others;
    let said = task["error"].as_str().unwrap_or_default();
    let in_doubt = said.contains("it is not known");
    let agrees = match task["status"].as_str().unwrap_or_default() {
        "success" => forth == 1 && is(to),
        // Someone else may have put the same images back.
        "put_back" => is(from) && (forth == back || others),
        "refused" | "cancelled" | "skipped" => in_doubt || (forth == 0 && is(from)),
        "failed" if task["accepted"] == true => !said.is_empty() && (in_doubt || forth == 1),
        "failed" => !said.is_empty() && (others || forth == 0),
        "put_back_failed" => !said.is_empty(),
        _ => false,
    };
    (!agrees).then(|| format!("sent {forth} times, {back} times back, runs {runs}"))
}

fn image_of(record: &Value) -> &Value {
    &record["body"]["spec"]["template"]["spec"]["containers"][0]["image"]
}
