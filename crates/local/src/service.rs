//! What is to run on the local site.

use std::{collections::BTreeMap, fmt, path::Path, time::Duration};

use domain::{local_service::LocalServiceSpec, validate, variable::Given};
use serde::{Deserialize, Serialize};

use crate::{Backoff, Error, Spec, artifact::Artifacts};

/// Stands for the version in the program's path and in arguments.
const VERSION: &str = "{version}";
/// In a replica's environment: its image.
pub(crate) const IMAGE: &str = "LOCKSTEP_IMAGE";

/// In a replica's environment: the directory of what its artifact holds, where it has one.
pub(crate) const ARTIFACT: &str = "LOCKSTEP_ARTIFACT";

/// Where a service is: names that are directories, so they follow the rules of Kubernetes' names (RFC 1123).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    /// The local cluster.
    pub cluster: String,
    /// The namespace in it.
    pub namespace: String,
    /// The service.
    pub service: String,
}

/// A service as it is to run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Service {
    /// Which one; another one of the same name has another.
    pub id: String,
    /// Goes up with each change.
    pub generation: i64,
    /// What it is.
    pub spec: LocalServiceSpec,
    /// What deployments have given it: its replicas have these before those of its definition.
    #[serde(default, skip_serializing_if = "Given::is_empty")]
    pub variables: Given,
    /// The deployment that has changed it last.
    pub deployment: Option<String>,
    /// How its front door shares requests between versions, by image; what is not named counts by its ready replicas.
    #[serde(default)]
    pub weights: BTreeMap<String, u32>,
    /// It is to go, with all that it runs.
    #[serde(default)]
    pub removed: bool,
}

/// A service's program, as it is written for its version.
pub(crate) fn program(service: &LocalServiceSpec) -> String {
    service.program.replace(VERSION, &service.version())
}

/// What a replica of a service runs, at this port and in this directory.
pub(crate) fn replica_spec(
    Service { spec: service, variables: given, .. }: &Service,
    port: u16,
    directory: &Path,
    artifacts: &Artifacts,
) -> Spec {
    let version = service.version();
    let mut variables = service.variables.clone();
    variables.extend(given.0.clone());
    variables.insert("PORT".into(), port.to_string());
    variables.insert("LOCKSTEP_VERSION".into(), version.clone());
    variables.insert(IMAGE.into(), service.image.clone());
    let mut program = program(service);
    if let Some(artifact) = &service.artifact {
        let content = artifacts.content(artifact).map(|content| content.display().to_string());
        variables.extend(content.map(|content| (ARTIFACT.into(), content)));
        // A record that names no artifact is damaged, and what it names is not found.
        program = artifacts.program(artifact, &program).map_or(program, |path| path.display().to_string());
    }
    Spec {
        program,
        arguments: service.arguments.iter().map(|argument| argument.replace(VERSION, &version)).collect(),
        variables: Given(variables),
        directory: directory.into(),
        health: service.health.clone(),
        ready_after: Duration::from_millis(service.ready_after_ms),
        grace: Duration::from_millis(service.grace_ms),
        backoff: Backoff::default(),
        limits: service.limits,
    }
}

impl Place {
    /// A service's place.
    ///
    /// # Errors
    /// [`Error::Name`] when a name could be no directory's, or no Kubernetes namespace's.
    pub fn new(cluster: &str, namespace: &str, service: &str) -> Result<Self, Error> {
        for name in [cluster, namespace, service] {
            check_name(name)?;
        }
        Ok(Self { cluster: cluster.into(), namespace: namespace.into(), service: service.into() })
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{} on {}", self.namespace, self.service, self.cluster)
    }
}

/// Refuses a name that could be no directory's, or no Kubernetes namespace's.
pub(crate) fn check_name(name: &str) -> Result<(), Error> {
    validate::namespace("name", name).map_err(|_| Error::Name(name.into()))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a replica of such a service runs where there are no artifacts.
    fn replica(service: serde_json::Value) -> Spec {
        let directory = tempfile::tempdir().unwrap();
        let artifacts = Artifacts::open(directory.path(), 0).unwrap();
        let service = serde_json::json!({
            "id": "1", "generation": 1, "spec": service, "deployment": null,
            "variables": { "PORT": "2", "LEVEL": "debug" },
        });
        replica_spec(&serde_json::from_value(service).unwrap(), 20_001, Path::new("/srv"), &artifacts)
    }

    #[test]
    fn a_replica_is_told_its_port_and_version() {
        let service = serde_json::json!({
            "image": "shop/cart:1.4.0",
            "program": "/opt/cart-{version}/cart",
            "arguments": ["--version={version}"],
            "variables": { "PORT": "1", "LEVEL": "info", "HOME": "/" },
        });
        let spec = replica(service);
        assert_eq!(spec.program, "/opt/cart-1.4.0/cart");
        assert_eq!(spec.arguments, ["--version=1.4.0"]);
        assert_eq!((&*spec.variables.0["LEVEL"], &*spec.variables.0["HOME"]), ("debug", "/"));
        assert_eq!((&*spec.variables.0["PORT"], &*spec.variables.0["LOCKSTEP_VERSION"]), ("20001", "1.4.0"));
    }

    #[test]
    fn a_replica_from_before_there_were_limits_is_not_replaced() {
        let service = serde_json::json!({ "image": "shop/cart:1", "program": "cart" });
        let spec = replica(service);
        let mut before = serde_json::to_value(&spec).unwrap();
        before.as_object_mut().unwrap().remove("limits");
        assert_eq!(serde_json::from_value::<Spec>(before).unwrap(), spec);
    }

    #[test]
    fn names_are_those_of_directories() {
        for bad in ["", "..", "a/b", "Shop", "-a", "a-", "a b", "🚀", &"a".repeat(64)] {
            assert!(Place::new("here", "shop", bad).is_err(), "{bad}");
        }
        assert_eq!(Place::new("here", "shop-dev", "cart2").unwrap().to_string(), "shop-dev/cart2 on here");
    }
}
