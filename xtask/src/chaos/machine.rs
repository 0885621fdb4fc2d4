//! Deployments to services of this machine: a round, the kill in its midst, and whether the processes are as is told.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rand::Rng;
use rand::rngs::StdRng;
use serde_json::{Value, json};

use super::round::{Outcome, Phase, ended, start_and_kill};
use super::world::World;

/// The cluster and the namespace of the services.
const PLACE: &str = "/api/clusters/here/namespaces/shop/services";
const SERVICES: [&str; 3] = ["cart", "catalog", "storefront"];
const REPLICAS: usize = 2;
/// Versions that are called so end at once.
const BAD: &str = "bad";
/// What its replicas have in their environment, so that they are known again.
const MARK: &str = "LOCKSTEP_CHAOS";
/// What happens when a task fails, where nothing is meant to.
const ON_FAILURE: [&str; 3] = ["go_on", "stop", "put_back"];

/// Services of this machine, in an environment of their own.
pub(super) struct Machine {
    environment: String,
    /// Their ids, in the order of [`SERVICES`].
    ids: Vec<Value>,
    /// Sets this run's processes apart from those of others.
    mark: String,
}

/// A replica's process: what it runs.
type Images = Vec<String>;

impl Machine {
    /// Makes the services, and waits until they run.
    pub(super) fn set_up(world: &World) -> Result<Self> {
        let mark = world.data().display().to_string();
        let script = format!("case $LOCKSTEP_VERSION in {BAD}*) exit 7;; esac; exec sleep 1000000");
        let cluster = world.api.post("/api/clusters", &json!({ "name": "here" }))?;
        for name in SERVICES {
            let service = json!({
                "image": image(name, "0"), "program": "sh", "arguments": ["-c", script], "replicas": REPLICAS,
                "readyAfterMs": 100, "graceMs": 500, "deadlineMs": 10_000, "variables": { MARK: mark },
            });
            world.api.put(&format!("{PLACE}/{name}"), &service)?;
        }
        let environment = world.api.post("/api/environments", &json!({ "name": "This machine" }))?;
        let environment = environment["id"].as_str().context("an environment without an id")?.to_owned();
        let instance = json!({
            "rancherSiteId": cluster["siteId"], "cluster": "here", "namespace": "shop",
            "environmentId": environment, "application": "chaos",
        });
        world.api.post("/api/app-instances", &instance)?;
        let mut machine = Self { environment, ids: Vec::new(), mark };
        let of_this = format!("/api/services?env={}", machine.environment);
        let running = |all: &Value| {
            let all = all.as_array().into_iter().flatten();
            all.filter(|it| it["status"] == "running").count() == SERVICES.len()
        };
        world.until("the services of this machine run", |world| Ok(running(&world.api.get(&of_this)?)))?;
        let all = world.api.get(&of_this)?;
        for name in SERVICES {
            let this = all.as_array().into_iter().flatten().find(|it| it["name"] == name);
            machine.ids.push(this.context("a service is not listed")?["id"].clone());
        }
        Ok(machine)
    }

    /// Brings all services to the next version, in each fifth round one of them to one that ends at once; kills the server
    /// so long after the request. Gives out what is not as it is told.
    pub(super) fn run(
        &self,
        world: &mut World,
        number: usize,
        chance: &mut StdRng,
        kill_after: Option<Duration>,
    ) -> Result<(Outcome, Vec<String>)> {
        let undisturbed = if kill_after.is_some() { "" } else { ", undisturbed" };
        let note = format!("round {number} on this machine{undisturbed}");
        let bad = number.is_multiple_of(5).then(|| chance.random_range(0..SERVICES.len()));
        let request = self.request(number, bad, &note);
        let before: Vec<Value> =
            SERVICES.into_iter().map(|name| image_of(world, name)).collect::<Result<_>>()?;
        let begun = Instant::now();
        let killed = match kill_after {
            Some(after) => {
                let phase = |_: &World| Ok(self.phase(&before));
                Some(start_and_kill(world, "/api/deployments", &request, after, phase)?)
            }
            None => {
                world.api.post("/api/deployments", &request)?;
                None
            }
        };
        let sync = ended(world, &note)?;
        let took = begun.elapsed();
        let outcome = Outcome { killed, sync, took, ..Outcome::default() };
        let mut violations = Vec::new();
        for (name, before) in SERVICES.into_iter().zip(&before) {
            let task = outcome.tasks().iter().find(|task| task["name"] == name);
            let Some(wanted) = told(task, before) else { continue };
            let found = || self.runs_only(world, name, &wanted);
            if world.until("the processes are as is told", |_| Ok(found())).is_err() {
                let runs = self.images(name);
                violations
                    .push(format!("{name} should run {wanted} {REPLICAS} times, runs {runs:?}: {task:?}"));
            }
        }
        Ok((outcome, violations))
    }

    fn request(&self, number: usize, bad: Option<usize>, note: &str) -> Value {
        let version = |(at, id): (usize, &Value)| {
            let version = if bad == Some(at) { format!("{BAD}-{number}") } else { format!("1.{number}") };
            json!({ "serviceId": id, "version": version })
        };
        let versions: Vec<Value> = self.ids.iter().enumerate().map(version).collect();
        let on_failure = if bad.is_some() { "put_back" } else { ON_FAILURE[number % ON_FAILURE.len()] };
        json!({
            "environmentId": self.environment, "versions": versions, "onFailure": on_failure, "note": note,
        })
    }

    /// How far a deployment had come, by what runs.
    fn phase(&self, before: &[Value]) -> Phase {
        let new = |(name, before): (&str, &Value)| {
            self.images(name).iter().filter(|image| *before != image.as_str()).count()
        };
        let started: Vec<usize> = SERVICES.into_iter().zip(before).map(new).collect();
        match started.iter().sum::<usize>() {
            0 => Phase::Unsent,
            _ if started.contains(&0) => Phase::Sending,
            all if all < SERVICES.len() * REPLICAS => Phase::RollingOut,
            _ => Phase::RolledOut,
        }
    }

    /// Whether exactly the replicas that are wanted run, each held once, and the service says so too.
    fn runs_only(&self, world: &World, name: &str, wanted: &Value) -> bool {
        let images = self.images(name);
        let told = image_of(world, name);
        let held = self.holders(name);
        images.len() == REPLICAS
            && images.iter().all(|image| *wanted == image.as_str())
            && held == REPLICAS
            && told.is_ok_and(|told| told == *wanted)
    }

    /// What the processes of a service run.
    fn images(&self, name: &str) -> Images {
        let (mark, of_this) = (format!("{MARK}={}", self.mark), format!("chaos/{name}:"));
        let image = |process: &Path| {
            let environment = fs::read(process.join("environ")).ok()?;
            let variables: Vec<&[u8]> = environment.split(|byte| *byte == 0).collect();
            let image = variables.iter().find_map(|it| it.strip_prefix(b"LOCKSTEP_IMAGE="))?;
            let image = String::from_utf8_lossy(image).into_owned();
            (variables.contains(&mark.as_bytes()) && image.starts_with(&of_this)).then_some(image)
        };
        processes().iter().filter_map(|process| image(process)).collect()
    }

    /// How many processes hold a replica of a service.
    fn holders(&self, name: &str) -> usize {
        let directory = format!("{}/local/clusters/here/shop/{name}/", self.mark);
        let holds = |process: &&std::path::PathBuf| {
            let line = fs::read(process.join("cmdline")).unwrap_or_default();
            let line = String::from_utf8_lossy(&line).into_owned();
            line.contains("\0hold\0") && line.contains(&directory)
        };
        processes().iter().filter(holds).count()
    }
}

/// What a service is to run by what is told of its task, which is what it ran before where there is none; nothing where
/// the task was left as it failed.
fn told(task: Option<&Value>, before: &Value) -> Option<Value> {
    let Some(task) = task else { return Some(before.clone()) };
    let side = match task["status"].as_str() {
        Some("success") => "to",
        Some("failed" | "put_back_failed") if task["accepted"] == true => return None,
        _ => "from",
    };
    Some(task["containers"][0][side].clone())
}

fn image(name: &str, version: &str) -> String {
    format!("chaos/{name}:{version}")
}

fn image_of(world: &World, name: &str) -> Result<Value> {
    Ok(world.api.get(&format!("{PLACE}/{name}"))?["image"].clone())
}

fn processes() -> Vec<std::path::PathBuf> {
    let all = fs::read_dir("/proc").into_iter().flatten().flatten();
    let is_process = |name: &std::ffi::OsStr| name.to_str().is_some_and(|name| name.parse::<u32>().is_ok());
    all.filter(|entry| is_process(&entry.file_name())).map(|entry| entry.path()).collect()
}
