//! How much of a cluster there is: by its nodes and pods, or by what Rancher has added up.

use std::collections::BTreeMap;

use domain::capacity::{Capacity, Part, Taken};
use serde::Deserialize;

use crate::{
    Error,
    client::Client,
    list::list,
    objects::{Object, nullable},
    resource::{NODES, PODS},
};

/// Amounts by the name of the resource, as Kubernetes writes them.
#[derive(Debug, Default, Deserialize)]
#[serde(transparent)]
pub(crate) struct Amounts(BTreeMap<String, String>);

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct NodeStatus {
    #[serde(deserialize_with = "nullable")]
    allocatable: Amounts,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct PodSpec {
    node_name: Option<String>,
    #[serde(deserialize_with = "nullable")]
    containers: Vec<Container>,
    #[serde(deserialize_with = "nullable")]
    init_containers: Vec<Container>,
    #[serde(deserialize_with = "nullable")]
    overhead: Amounts,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Container {
    #[serde(deserialize_with = "nullable")]
    resources: Resources,
    restart_policy: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Resources {
    #[serde(deserialize_with = "nullable")]
    requests: Amounts,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct PodStatus {
    phase: String,
}

/// Thousandths of a processor, bytes and pods.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Sum {
    cpu: u64,
    memory: u64,
    pods: u64,
}

impl Amounts {
    fn sum(&self) -> Sum {
        let amount = |name: &str, scale: f64| {
            let read = self.0.get(name).and_then(|text| quantity(text)).unwrap_or_default();
            (read * scale).ceil() as u64
        };
        Sum { cpu: amount("cpu", 1_000.0), memory: amount("memory", 1.0), pods: amount("pods", 1.0) }
    }
}

impl std::ops::AddAssign for Sum {
    fn add_assign(&mut self, other: Self) {
        self.cpu = self.cpu.saturating_add(other.cpu);
        self.memory = self.memory.saturating_add(other.memory);
        self.pods = self.pods.saturating_add(other.pods);
    }
}

impl Sum {
    fn or_more(self, other: Self) -> Self {
        Self { cpu: self.cpu.max(other.cpu), memory: self.memory.max(other.memory), ..self }
    }
}

/// Reads an amount such as `250m`, `1.5`, `128Mi` or `12e6`; none where it is not written so.
fn quantity(text: &str) -> Option<f64> {
    const SUFFIXES: [(&str, f64); 15] = [
        ("Ki", (1u64 << 10) as f64),
        ("Mi", (1u64 << 20) as f64),
        ("Gi", (1u64 << 30) as f64),
        ("Ti", (1u64 << 40) as f64),
        ("Pi", (1u64 << 50) as f64),
        ("Ei", (1u64 << 60) as f64),
        ("n", 1e-9),
        ("u", 1e-6),
        ("m", 1e-3),
        ("k", 1e3),
        ("M", 1e6),
        ("G", 1e9),
        ("T", 1e12),
        ("P", 1e15),
        ("E", 1e18),
    ];
    let text = text.trim();
    let scaled = || {
        let (number, scale) =
            SUFFIXES.iter().find_map(|(suffix, scale)| Some((text.strip_suffix(suffix)?, scale)))?;
        Some(number.parse::<f64>().ok()? * scale)
    };
    text.parse().ok().or_else(scaled).filter(|amount| amount.is_finite() && *amount >= 0.0)
}

/// What a pod's place on its node costs, by the scheduler's rule: its containers, those beside them that start first and stay,
/// or, where that is more, the largest that has to end before they start.
fn requested(pod: &Object<PodSpec, PodStatus>) -> Sum {
    let spec = &pod.spec;
    if spec.node_name.is_none() || matches!(pod.status.phase.as_str(), "Succeeded" | "Failed") {
        return Sum::default();
    }
    let (mut beside, mut first) = (Sum::default(), Sum::default());
    for container in &spec.init_containers {
        let mut with = container.resources.requests.sum();
        if container.restart_policy.as_deref() == Some("Always") {
            beside += with;
            first = first.or_more(beside);
        } else {
            with += beside;
            first = first.or_more(with);
        }
    }
    let mut sum = beside;
    spec.containers.iter().for_each(|container| sum += container.resources.requests.sum());
    let mut sum = sum.or_more(first);
    sum += spec.overhead.sum();
    Sum { pods: 1, ..sum }
}

/// By a cluster's nodes, and its pods where these may be listed.
///
/// # Errors
/// [`Error::Forbidden`] where the token may not list nodes.
pub(crate) async fn of_nodes(client: &Client) -> Result<Capacity, Error> {
    let (mut nodes, mut there) = (0, Sum::default());
    let allocatable = |node: Object<serde::de::IgnoredAny, NodeStatus>| node.status.allocatable.sum();
    for path in NODES.paths(None)? {
        for sum in list(client, &path, "", allocatable).await.map_err(no_nodes)?.items {
            nodes += 1;
            there += sum;
        }
    }
    let mut taken = Some(Sum::default());
    for path in PODS.paths(None)? {
        match (list(client, &path, "", |pod| requested(&pod)).await, &mut taken) {
            (Ok(pods), Some(taken)) => pods.items.into_iter().for_each(|pod| *taken += pod),
            (Err(Error::Forbidden(_)), _) => taken = None,
            (outcome, _) => drop(outcome?),
        }
    }
    Ok(capacity(Some(nodes), there, taken))
}

fn no_nodes(error: Error) -> Error {
    match error {
        Error::Forbidden(_) => {
            Error::Forbidden("The token may not list nodes: give it the right to list them.".to_owned())
        }
        error => error,
    }
}

/// As Rancher has added it up; none where it has not yet.
pub(crate) fn of_rancher(
    nodes: Option<u64>,
    allocatable: Option<&Amounts>,
    requested: Option<&Amounts>,
) -> Option<Capacity> {
    let there = allocatable.map(Amounts::sum).filter(|there| there.cpu > 0)?;
    Some(capacity(nodes, there, requested.map(Amounts::sum)))
}

fn capacity(nodes: Option<u64>, there: Sum, taken: Option<Sum>) -> Capacity {
    let part = |of: fn(&Sum) -> u64| Part { total: of(&there), taken: taken.as_ref().map(of) };
    Capacity {
        nodes,
        cpu: part(|sum| sum.cpu),
        memory: part(|sum| sum.memory),
        pods: Some(part(|sum| sum.pods)),
        taken: Taken::Requested,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn amounts_are_read_as_kubernetes_writes_them() {
        let read = |text| quantity(text);
        assert_eq!(read("250m"), Some(0.25));
        assert_eq!(read("1.5"), Some(1.5));
        assert_eq!(read("128Mi"), Some(134_217_728.0));
        assert_eq!(read("129e6"), Some(129_000_000.0));
        assert_eq!(read("2E"), Some(2e18));
        assert_eq!(read("32901624Ki"), Some(32_901_624.0 * 1024.0));
        for none in ["", "much", "-1", "1Qi", "inf", "Mi"] {
            assert_eq!(read(none), None, "{none}");
        }
    }

    #[test]
    fn a_pod_costs_what_the_scheduler_keeps_for_it() {
        let container = |cpu: &str| json!({ "resources": { "requests": { "cpu": cpu, "memory": "64Mi" } } });
        let cpu_of = |pod: Value| requested(&serde_json::from_value(pod).unwrap()).cpu;
        let running = |containers: Value, init: Value| {
            json!({
                "spec": { "nodeName": "a", "containers": containers, "initContainers": init },
                "status": { "phase": "Running" },
            })
        };
        assert_eq!(cpu_of(running(json!([container("250m"), container("1")]), Value::Null)), 1_250);
        assert_eq!(cpu_of(running(json!([container("1"), {}]), json!([container("3")]))), 3_000);
        let mut stays = container("500m");
        stays["restartPolicy"] = json!("Always");
        assert_eq!(cpu_of(running(json!([container("1")]), json!([stays, container("2")]))), 2_500);
        let mut ended = running(json!([container("1")]), Value::Null);
        ended["status"]["phase"] = json!("Succeeded");
        assert_eq!(cpu_of(ended), 0);
        let waits = json!({ "spec": { "containers": [container("1")] }, "status": { "phase": "Pending" } });
        assert_eq!(cpu_of(waits), 0, "no node keeps anything for it yet");
    }
}
