//! One sync, and the kill in its midst.

use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rand::Rng;
use rand::rngs::StdRng;
use serde_json::{Value, json};

use super::world::World;

/// What happens when a task fails.
const ON_FAILURE: [&str; KINDS] = ["go_on", "stop", "put_back"];
/// How many kinds of syncs there are.
pub(super) const KINDS: usize = 3;

/// How far a sync had come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Phase {
    Unsent,
    Sending,
    RollingOut,
    RolledOut,
}

impl Phase {
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Unsent => "before the first change",
            Self::Sending => "between changes",
            Self::RollingOut => "while rolling out",
            Self::RolledOut => "after the last rollout",
        }
    }
}

/// What came of a sync, or of a deployment.
#[derive(Default)]
pub(super) struct Outcome {
    /// Where the server was killed, if it was.
    pub(super) killed: Option<Phase>,
    /// What was confirmed: the items of the preview that were not blocked.
    pub(super) confirmed: Vec<Value>,
    /// The sync as it is told in the end; none where the kill came before it was stored.
    pub(super) sync: Option<Value>,
    /// The patches that took effect since it was confirmed.
    pub(super) records: Vec<Value>,
    /// All workloads as they are after its end.
    pub(super) truth: Vec<Value>,
    /// From the request to the end.
    pub(super) took: Duration,
}

impl Outcome {
    pub(super) fn status(&self) -> &str {
        self.sync.as_ref().and_then(|sync| sync["status"].as_str()).unwrap_or("never begun")
    }

    pub(super) fn tasks(&self) -> &[Value] {
        let tasks = self.sync.as_ref().and_then(|sync| sync["results"].as_array());
        tasks.map_or(&[], Vec::as_slice)
    }
}

/// Brings Staging in step with Development and with Production by turns, so that there always is something to do; kills
/// the server so long after the request.
pub(super) fn run(
    world: &mut World,
    number: usize,
    chance: &mut StdRng,
    kill_after: Option<Duration>,
) -> Result<Outcome> {
    let (source, on_failure) = (if world.from_first { 0 } else { 2 }, ON_FAILURE[number % KINDS]);
    // The undisturbed rounds have numbers too.
    let note =
        format!("round {number} from {source}{}", if kill_after.is_some() { "" } else { ", undisturbed" });
    let mut request = request(world, source, on_failure, &note)?;
    let preview = world.api.post("/api/sync/preview", &request)?;
    request["previewId"] = preview["id"].clone();
    let before = world.records()?.len();
    if world.faults {
        let seed = chance.random::<u32>();
        world.standin.put(&format!("/standin/faults?seed={seed}"), &mix())?;
    } else {
        // So long that a kill can come between a change and its answer.
        world.standin.put("/standin/faults", &json!([{ "fault": "latency", "millis": 50 }]))?;
    }
    let begun = Instant::now();
    let killed = match kill_after {
        Some(after) => {
            Some(start_and_kill(world, "/api/sync", &request, after, |world| phase(world, before))?)
        }
        None => {
            world.api.post("/api/sync", &request)?;
            None
        }
    };
    let sync = ended(world, &note)?;
    let took = begun.elapsed();
    let (records, truth) = (world.records()?.split_off(before), world.truth()?);
    world.standin.put("/standin/faults", &json!([]))?;
    // What was not begun is still to be done.
    world.from_first ^= sync.is_some();
    let moves = |item: &&Value| {
        let moved = |it: &Value| it["from"] != it["to"];
        item["containers"].as_array().is_some_and(|all| all.iter().any(moved))
    };
    let confirmed = preview["items"].as_array().into_iter().flatten().filter(moves).cloned().collect();
    Ok(Outcome { killed, confirmed, sync, records, truth, took })
}

fn request(world: &World, source: usize, on_failure: &str, note: &str) -> Result<Value> {
    let of_source = |it: &Value| it["environmentId"] == json!(world.environments[source]);
    world.until("the sources are known", |world| Ok(world.services()?.iter().any(of_source)))?;
    let services = world.services()?;
    let ids: Vec<&Value> = services.iter().filter(|it| of_source(it)).map(|it| &it["id"]).collect();
    Ok(json!({
        "sourceEnvironmentId": world.environments[source], "targetEnvironmentId": world.environments[1],
        "serviceIds": ids, "onFailure": on_failure, "note": note,
    }))
}

/// Sends the request, kills the server after a while, whatever it is doing then, and starts it again.
pub(super) fn start_and_kill(
    world: &mut World,
    path: &'static str,
    request: &Value,
    after: Duration,
    phase: impl FnOnce(&World) -> Result<Phase>,
) -> Result<Phase> {
    let client = world.api.clone();
    let request = request.clone();
    // Nobody may be there to answer.
    let asked = thread::spawn(move || drop(client.post(path, &request)));
    sleep(after);
    world.kill()?;
    let phase = phase(world)?;
    drop(asked.join());
    world.restart()?;
    Ok(phase)
}

/// How far the sync had come, by what the stand-in knows.
fn phase(world: &World, before: usize) -> Result<Phase> {
    let sent = world.records()?.len() - before;
    let rolled_out = |it: &Value| {
        let seen = it["generation"] == it["observedGeneration"];
        seen && ["replicas", "updated", "available"].iter().all(|count| it[count] == it["desired"])
    };
    let done = world.truth()?.iter().all(rolled_out);
    Ok(match sent {
        0 => Phase::Unsent,
        _ if done => Phase::RolledOut,
        _ if sent < world.to_change => Phase::Sending,
        _ => Phase::RollingOut,
    })
}

/// The sync of this round once it has ended; none where it was never stored.
pub(super) fn ended(world: &World, note: &str) -> Result<Option<Value>> {
    let newest = world.api.get("/api/sync/history?pageSize=1")?;
    if newest[0]["note"] != note {
        return Ok(None);
    }
    let path = format!("/api/sync/{}", newest[0]["id"].as_str().context("a sync without an id")?);
    world.until("the sync ends", |world| Ok(world.api.get(&path)?["endTime"].is_string()))?;
    Ok(Some(world.api.get(&path)?))
}

/// Every fault of the stand-in, so that 30% of all requests meet one, and of watches and changes one of theirs too.
fn mix() -> Value {
    const SHARE: f64 = 0.3;
    let any = [
        "latency",
        "too_many_requests",
        "internal_error",
        "unavailable",
        "reset",
        "reset_after",
        "html",
        "expired_token",
        "revoked_token",
        "dead",
        "clock",
        "cut",
    ];
    let watches = ["drop_watch", "silent_watch", "out_of_order", "repeat", "gone"];
    let changes = ["dry_run_only", "hang", "other_actor"];
    let rules = |faults: &[&str]| -> Vec<Value> {
        let rate = SHARE / faults.len() as f64;
        faults.iter().map(|fault| json!({ "fault": fault, "rate": rate })).collect()
    };
    json!([rules(&any), rules(&watches), rules(&changes)].concat())
}
