//! What is to run on the local site.

use std::{collections::BTreeMap, fmt, path::Path, time::Duration};

use domain::{local_service::LocalServiceSpec, validate};
use serde::{Deserialize, Serialize};

use crate::{Backoff, Error, Spec};

/// Stands for the version in the program's path and in arguments.
const VERSION: &str = "{version}";
/// In a replica's environment: its image.
pub(crate) const IMAGE: &str = "LOCKSTEP_IMAGE";

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
    /// The deployment that has changed it last.
    pub deployment: Option<String>,
    /// How its front door shares requests between versions, by image; what is not named counts by its ready replicas.
    #[serde(default)]
    pub weights: BTreeMap<String, u32>,
    /// It is to go, with all that it runs.
    #[serde(default)]
    pub removed: bool,
}

/// What a replica of a service runs, at this port and in this directory.
pub(crate) fn replica_spec(service: &LocalServiceSpec, port: u16, directory: &Path) -> Spec {
    let version = service.version();
    let mut variables = service.variables.clone();
    variables.insert("PORT".into(), port.to_string());
    variables.insert("LOCKSTEP_VERSION".into(), version.clone());
    variables.insert(IMAGE.into(), service.image.clone());
    Spec {
        program: service.program.replace(VERSION, &version),
        arguments: service.arguments.iter().map(|argument| argument.replace(VERSION, &version)).collect(),
        variables,
        directory: directory.into(),
        health: service.health.clone(),
        ready_after: Duration::from_millis(service.ready_after_ms),
        grace: Duration::from_millis(service.grace_ms),
        backoff: Backoff::default(),
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

    #[test]
    fn a_replica_is_told_its_port_and_version() {
        let service = serde_json::json!({
            "image": "shop/cart:1.4.0",
            "program": "/opt/cart-{version}/cart",
            "arguments": ["--version={version}"],
            "variables": { "PORT": "1" },
        });
        let spec = replica_spec(&serde_json::from_value(service).unwrap(), 20_001, Path::new("/srv"));
        assert_eq!(spec.program, "/opt/cart-1.4.0/cart");
        assert_eq!(spec.arguments, ["--version=1.4.0"]);
        assert_eq!((&*spec.variables["PORT"], &*spec.variables["LOCKSTEP_VERSION"]), ("20001", "1.4.0"));
    }

    #[test]
    fn names_are_those_of_directories() {
        for bad in ["", "..", "a/b", "Shop", "-a", "a-", "a b", "🚀", &"a".repeat(64)] {
            assert!(Place::new("here", "shop", bad).is_err(), "{bad}");
        }
        assert_eq!(Place::new("here", "shop-dev", "cart2").unwrap().to_string(), "shop-dev/cart2 on here");
    }
}
