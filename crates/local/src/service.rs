//! What is to run on the local site.

use std::{collections::BTreeMap, fmt, path::Path, time::Duration};

use domain::{image::ImageRef, strategy::Strategy, validate};
use serde::{Deserialize, Serialize};

use crate::{Backoff, Error, HealthCheck, Spec};

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
    #[serde(flatten)]
    pub definition: Definition,
    /// It is to go, with all that it runs.
    #[serde(default)]
    pub removed: bool,
}

/// What a service is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Definition {
    /// What version of what it is, written like an image: `shop/cart:1.4.0`.
    pub image: String,
    /// The program: a path or a name. `{version}` in it stands for the image's tag.
    pub program: String,
    /// Its arguments, with the same.
    #[serde(default)]
    pub arguments: Vec<String>,
    /// Its environment. Each replica has, besides, `PORT`, `LOCKSTEP_IMAGE` and
    /// `LOCKSTEP_VERSION`.
    #[serde(default)]
    pub variables: BTreeMap<String, String>,
    /// How many of it run.
    pub replicas: u16,
    /// How it is known that a replica is ready; without it, by having run for long enough.
    #[serde(default)]
    pub health: Option<HealthCheck>,
    /// How long is long enough, so that a version that ends at once is never taken for one that serves.
    #[serde(default = "one_second")]
    pub ready_after: Duration,
    /// How replicas are replaced by those of another version.
    #[serde(default)]
    pub strategy: Strategy,
    /// How long a replica may take to end after SIGTERM.
    #[serde(default = "ten_seconds")]
    pub grace: Duration,
    /// The deployment that has changed it last.
    #[serde(default)]
    pub deployment: Option<String>,
}

fn one_second() -> Duration {
    Duration::from_secs(1)
}

fn ten_seconds() -> Duration {
    Duration::from_secs(10)
}

impl Definition {
    /// The version: the image's tag, or its digest.
    pub fn version(&self) -> String {
        let ImageRef { tag, digest, .. } = ImageRef::parse(&self.image);
        tag.or(digest).unwrap_or_default()
    }

    /// What a replica at this port runs, in this directory.
    pub(crate) fn spec(&self, port: u16, directory: &Path) -> Spec {
        let version = self.version();
        let mut variables = self.variables.clone();
        variables.insert("PORT".into(), port.to_string());
        variables.insert("LOCKSTEP_VERSION".into(), version.clone());
        variables.insert(IMAGE.into(), self.image.clone());
        Spec {
            program: self.program.replace(VERSION, &version),
            arguments: self.arguments.iter().map(|argument| argument.replace(VERSION, &version)).collect(),
            variables,
            directory: directory.into(),
            health: self.health.clone(),
            ready_after: self.ready_after,
            grace: self.grace,
            backoff: Backoff::default(),
        }
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

    fn definition(image: &str) -> Definition {
        Definition {
            image: image.into(),
            program: "/opt/cart-{version}/cart".into(),
            arguments: vec!["--version={version}".into()],
            variables: BTreeMap::from([("PORT".into(), "1".into())]),
            replicas: 1,
            health: None,
            ready_after: one_second(),
            strategy: Strategy::default(),
            grace: ten_seconds(),
            deployment: None,
        }
    }

    #[test]
    fn a_version_is_what_follows_the_name() {
        let version = |image: &str| definition(image).version();
        assert_eq!(version("shop/cart:1.4.0"), "1.4.0");
        assert_eq!(version("registry.example.com:5000/shop/cart"), "");
        assert_eq!(version("cart@sha256:abc"), "sha256:abc");
    }

    #[test]
    fn a_replica_is_told_its_port_and_version() {
        let spec = definition("shop/cart:1.4.0").spec(20_001, Path::new("/srv"));
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
