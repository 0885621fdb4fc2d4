//! Services of the local site: programs that run as processes of the server's machine.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    artifact,
    image::ImageRef,
    limits::{Limits, LimitsKept},
    problem::FieldError,
    strategy::Strategy,
    validate, variable,
};

/// The most replicas of one service.
pub const MAX_REPLICAS: u16 = 200;
/// The most arguments, and the most variables.
const MAX_LISTED: usize = 1_000;
/// The longest that anything may take: an hour, in milliseconds.
const MAX_MS: u64 = 3_600_000;
/// The longest that an answer is waited for, and from one question to the next: a minute, in milliseconds.
const MAX_ASKING_MS: u64 = 60_000;

/// What a service is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct LocalServiceSpec {
    /// What version of what it is, written like an image: `shop/cart:1.4.0`.
    pub image: String,
    /// The program: a path or a name, or a path in the artifact. `{version}` in it stands for the image's tag. Left out
    /// where the artifact is one program.
    #[serde(default)]
    pub program: String,
    /// Its arguments, with the same.
    #[serde(default)]
    pub arguments: Vec<String>,
    /// Its environment. Each replica has, besides, `PORT`, `LOCKSTEP_IMAGE` and `LOCKSTEP_VERSION`.
    #[serde(default)]
    pub variables: BTreeMap<String, String>,
    /// How many of it run.
    #[serde(default = "one")]
    pub replicas: u16,
    /// How it is known that a replica is ready; without it, by having run for long enough.
    #[serde(default)]
    pub health: Option<HealthCheck>,
    /// How long is long enough, in milliseconds, so that a version that ends at once is never taken for one that serves.
    #[serde(default = "one_second")]
    pub ready_after_ms: u64,
    /// How replicas are replaced by those of another version.
    #[serde(default)]
    pub strategy: Strategy,
    /// How long a replica that goes may take to end its requests before SIGTERM, and as long again to end itself after it, in
    /// milliseconds; then it is killed.
    #[serde(default = "ten_seconds")]
    pub grace_ms: u64,
    /// How long a change may take, in milliseconds, until it counts as failed where it is not ready.
    #[serde(default = "two_minutes")]
    pub deadline_ms: u64,
    /// How much of the machine each replica may use.
    #[serde(default)]
    pub limits: Limits,
    /// The uploaded artifact that the program is in, as `sha256:` and its digits; without it, the program is the machine's.
    #[serde(default)]
    pub artifact: Option<String>,
    /// Has an address of its own that stays the same, at which requests are shared among its ready replicas.
    #[serde(default = "yes")]
    pub front_door: bool,
}

/// A question that a ready replica answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct HealthCheck {
    /// The path that is asked for by GET at the replica's port.
    pub path: String,
    /// The status of a good answer; without it, any below 400.
    #[serde(default)]
    pub status: Option<u16>,
    /// How long after one answer the next is asked for, in milliseconds.
    #[serde(default = "one_second")]
    pub every_ms: u64,
    /// How long an answer may take, in milliseconds.
    #[serde(default = "one_second")]
    pub within_ms: u64,
    /// After so many bad answers in a row a ready replica is no longer ready.
    #[serde(default = "three")]
    pub threshold: u32,
}

/// Makes a service, or changes it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(example = json!({
    "image": "shop/web:1.0.0",
    "program": "python3",
    "arguments": ["-c", "import http.server, os; http.server.test(port=int(os.environ['PORT']))"],
    "replicas": 2,
    "health": { "path": "/" },
    "generation": 0
})))]
#[serde(rename_all = "camelCase")]
pub struct LocalServiceEdit {
    /// What it is to be.
    #[serde(flatten)]
    pub spec: LocalServiceSpec,
    /// The generation this edit started from; left out or 0 for a service that is not there yet.
    #[serde(default)]
    pub generation: i64,
}

/// A service as it is to be and as it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct LocalService {
    /// The local cluster.
    pub cluster: String,
    /// The namespace in it.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Goes up with each change.
    pub generation: i64,
    /// What it is to be.
    #[serde(flatten)]
    pub spec: LocalServiceSpec,
    /// The address of its front door, on the server's machine.
    pub address: Option<String>,
    /// Its replicas, by port.
    pub running: Vec<LocalReplica>,
    /// It is being removed.
    pub removed: bool,
    /// What keeps it from being as it is to be.
    pub problem: Option<String>,
}

/// A replica of a service: a process with a port of its own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct LocalReplica {
    /// Its port on the server's machine.
    pub port: u16,
    /// What version of what it runs.
    pub image: String,
    /// Serves.
    pub ready: bool,
    /// What was wrong with its last answer to the health check.
    pub fault: Option<String>,
    /// Its process, while it runs.
    pub pid: Option<i32>,
    /// How often it was started again.
    pub restarts: u32,
    /// How it ended last, in words.
    pub last_exit: Option<String>,
    /// How its limits are kept on this machine.
    #[serde(default)]
    pub limits: LimitsKept,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

fn yes() -> bool {
    true
}

fn one() -> u16 {
    1
}

fn three() -> u32 {
    3
}

fn one_second() -> u64 {
    1_000
}

fn two_minutes() -> u64 {
    120_000
}

fn ten_seconds() -> u64 {
    10_000
}

impl HealthCheck {
    /// A question for a path, as most services want it.
    pub fn at(path: &str) -> Self {
        let second = one_second();
        Self { path: path.to_owned(), status: None, every_ms: second, within_ms: second, threshold: three() }
    }
}

impl LocalServiceSpec {
    /// One replica of a program, as most services want it.
    pub fn new(image: &str, program: &str) -> Self {
        Self {
            image: image.to_owned(),
            program: program.to_owned(),
            arguments: Vec::new(),
            variables: BTreeMap::new(),
            replicas: one(),
            health: None,
            ready_after_ms: one_second(),
            strategy: Strategy::default(),
            grace_ms: ten_seconds(),
            deadline_ms: two_minutes(),
            artifact: None,
            limits: Limits::default(),
            front_door: true,
        }
    }

    /// The version: the image's tag, or its digest.
    pub fn version(&self) -> String {
        let ImageRef { tag, digest, .. } = ImageRef::parse(&self.image);
        tag.or(digest).unwrap_or_default()
    }

    /// What is wrong with it, each at its field.
    pub fn faults(&self) -> Vec<FieldError> {
        let mut faults = Vec::new();
        let mut must = |holds: bool, field: &str, words: &str| {
            if !holds {
                faults.push(FieldError::new(field, words));
            }
        };
        let image = ImageRef::parse(&self.image);
        let has_version = image.tag.is_some() || image.digest.is_some();
        must(
            has_version && is_line(&self.image),
            "image",
            "Give a name and a version, such as shop/cart:1.4.0.",
        );
        must(
            is_line(&self.program) || self.artifact.is_some() && self.program.is_empty(),
            "program",
            "Give the program: its path, or a name that is found in PATH.",
        );
        let artifact = self.artifact.as_deref().is_none_or(|artifact| artifact::digits(artifact).is_some());
        must(artifact, "artifact", "Give the digest of an artifact: sha256: and 64 hexadecimal digits.");
        let arguments = self.arguments.len() <= MAX_LISTED && self.arguments.iter().all(|text| is_text(text));
        must(arguments, "arguments", "At most 1,000, of up to 4,000 characters each and without NUL.");
        let variables =
            self.variables.len() <= MAX_LISTED && self.variables.values().all(|text| is_text(text));
        must(variables, "variables", "At most 1,000, of up to 4,000 characters each and without NUL.");
        if let Some(name) = self.variables.keys().find(|name| !variable::is_name(name)) {
            let words =
                format!("“{name}” is no variable's name: letters, digits and underscores, no digit first.");
            must(false, "variables", &words);
        }
        must(self.replicas <= MAX_REPLICAS, "replicas", &format!("At most {MAX_REPLICAS}."));
        must(self.ready_after_ms <= MAX_MS, "readyAfterMs", "At most an hour.");
        must(self.grace_ms <= MAX_MS, "graceMs", "At most an hour.");
        must((1..=MAX_MS).contains(&self.deadline_ms), "deadlineMs", "From 1 ms to an hour.");
        if let Some(fault) = self.strategy.fault() {
            must(false, "strategy", fault);
        }
        if let Some(health) = &self.health {
            must(
                health.path.starts_with('/') && is_line(&health.path),
                "health",
                "The path begins with “/”.",
            );
            let waits = [health.every_ms, health.within_ms];
            must(
                waits.iter().all(|wait| (1..=MAX_ASKING_MS).contains(wait)),
                "health",
                "Waits are from 1 ms to a minute.",
            );
            must(health.threshold > 0, "health", "At least one bad answer is needed.");
        }
        faults.extend(self.limits.faults());
        faults
    }
}

impl LocalServiceEdit {
    /// What is wrong with it and with the names of its place.
    pub fn faults(&self, namespace: &str, name: &str) -> Vec<FieldError> {
        let names = [("namespace", namespace), ("name", name)];
        let names = names.into_iter().filter_map(|(field, value)| validate::namespace(field, value).err());
        names.chain(self.spec.faults()).collect()
    }
}

fn is_text(text: &str) -> bool {
    validate::text("", text).is_ok()
}

fn is_line(text: &str) -> bool {
    !text.trim().is_empty() && is_text(text) && !text.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(image: &str) -> LocalServiceSpec {
        serde_json::from_value(serde_json::json!({ "image": image, "program": "cart" })).unwrap()
    }

    #[test]
    fn a_version_is_what_follows_the_name() {
        let version = |image: &str| spec(image).version();
        assert_eq!(version("shop/cart:1.4.0"), "1.4.0");
        assert_eq!(version("registry.example.com:5000/shop/cart"), "");
        assert_eq!(version("cart@sha256:abc"), "sha256:abc");
    }

    #[test]
    fn what_is_left_out_is_what_most_services_want() {
        let spec = spec("cart:1");
        assert_eq!((spec.replicas, spec.ready_after_ms, spec.grace_ms), (1, 1_000, 10_000));
        assert_eq!(spec.faults(), []);
    }

    #[test]
    fn each_fault_is_told_at_its_field() {
        let fields = |spec: LocalServiceSpec| -> Vec<String> {
            spec.faults().into_iter().map(|fault| fault.field).collect()
        };
        let variables = |name: &str, value: &str| BTreeMap::from([(name.to_owned(), value.to_owned())]);
        assert_eq!(fields(spec("cart")), ["image"]);
        assert_eq!(fields(LocalServiceSpec { program: " ".into(), ..spec("cart:1") }), ["program"]);
        let of = |artifact: &str| LocalServiceSpec {
            artifact: Some(artifact.into()),
            program: String::new(),
            ..spec("cart:1")
        };
        assert_eq!(fields(of("sha256:../..")), ["artifact"]);
        assert_eq!(fields(of(&artifact::digest(&"0".repeat(64)))), [""; 0]);
        assert_eq!(
            fields(LocalServiceSpec { arguments: vec!["a\0".into()], ..spec("cart:1") }),
            ["arguments"]
        );
        for name in ["", "1ST", "A=B", "MÜLL"] {
            let wrong = LocalServiceSpec { variables: variables(name, ""), ..spec("cart:1") };
            assert_eq!(fields(wrong), ["variables"], "{name}");
        }
        let fine = LocalServiceSpec { variables: variables("PATH", "two\nlines 🚀"), ..spec("cart:1") };
        assert_eq!(fields(fine), [""; 0]);
        assert_eq!(fields(LocalServiceSpec { replicas: 201, ..spec("cart:1") }), ["replicas"]);
        let health =
            HealthCheck { path: "health".into(), status: None, every_ms: 0, within_ms: 1, threshold: 0 };
        assert_eq!(fields(LocalServiceSpec { health: Some(health), ..spec("cart:1") }), ["health"; 3]);
    }
}
