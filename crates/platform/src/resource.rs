//! Where the kinds of object stand in Kubernetes' API.

use domain::service::WorkloadKind;

use crate::{Error, client::segment};

/// A kind of object, with the versions of its group that may serve it, the best first.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Resource {
    /// Empty for the core group.
    pub(crate) group: &'static str,
    pub(crate) versions: &'static [&'static str],
    pub(crate) plural: &'static str,
}

/// Pods.
pub(crate) const PODS: Resource = Resource { group: "", versions: &["v1"], plural: "pods" };
/// Namespaces.
pub(crate) const NAMESPACES: Resource = Resource { group: "", versions: &["v1"], plural: "namespaces" };
/// Nodes.
pub(crate) const NODES: Resource = Resource { group: "", versions: &["v1"], plural: "nodes" };

impl Resource {
    /// Where the objects of a workload kind stand.
    pub(crate) fn of(kind: &WorkloadKind) -> Result<Self, Error> {
        let apps = |plural| Ok(Self { group: "apps", versions: &["v1"], plural });
        match kind {
            WorkloadKind::Deployment => apps("deployments"),
            WorkloadKind::StatefulSet => apps("statefulsets"),
            WorkloadKind::DaemonSet => apps("daemonsets"),
            // Before Kubernetes 1.21 there is only the beta.
            WorkloadKind::CronJob => {
                Ok(Self { group: "batch", versions: &["v1", "v1beta1"], plural: "cronjobs" })
            }
            WorkloadKind::Unknown(kind) => {
                Err(Error::NotFound(format!("This version does not know workloads of kind “{kind}”.")))
            }
        }
    }

    /// The path of the list, of one namespace or of all, in each version.
    pub(crate) fn paths(&self, namespace: Option<&str>) -> Result<Vec<String>, Error> {
        let within = match namespace {
            Some(namespace) => format!("namespaces/{}/", segment(namespace)?),
            None => String::new(),
        };
        let base = |version: &str| match self.group {
            "" => format!("/api/{version}"),
            group => format!("/apis/{group}/{version}"),
        };
        Ok(self.versions.iter().map(|version| format!("{}/{within}{}", base(version), self.plural)).collect())
    }
}
