//! Observed services: one workload of an app instance.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    id::{AppInstanceId, ClusterId, EnvironmentId, ServiceId, SiteId},
    image::ImageRef,
};

wire_enum!(
    /// The kinds of workload that are observed.
    WorkloadKind {
        /// apps/v1 Deployment.
        Deployment = "Deployment",
        /// apps/v1 StatefulSet.
        StatefulSet = "StatefulSet",
        /// apps/v1 DaemonSet.
        DaemonSet = "DaemonSet",
        /// batch/v1 or batch/v1beta1 CronJob.
        CronJob = "CronJob",
    }
);

wire_enum!(
    /// How a service is.
    ServiceStatus {
        /// All that is wanted is there and ready.
        Running = "running",
        /// A rollout is under way.
        Progressing = "progressing",
        /// Some of it is not ready.
        Degraded = "degraded",
        /// None of it is ready, or its rollout has given up.
        Failed = "failed",
        /// Scaled to nothing, or suspended.
        Stopped = "stopped",
        /// Cannot be told.
        Undetermined = "unknown",
    }
);

wire_enum!(
    /// Another tool that owns a workload and would put its own version back.
    Manager {
        /// Argo CD.
        ArgoCd = "argo_cd",
        /// Rancher Fleet.
        Fleet = "fleet",
        /// Flux.
        Flux = "flux",
        /// Helm: puts back at its next upgrade, not by itself.
        Helm = "helm",
    }
);

impl ServiceStatus {
    /// Nobody need look at it.
    pub fn is_well(&self) -> bool {
        matches!(self, Self::Running | Self::Stopped | Self::Progressing)
    }
}

impl Manager {
    /// The tool's name for people.
    pub fn label(&self) -> &str {
        match self {
            Manager::ArgoCd => "Argo CD",
            Manager::Fleet => "Fleet",
            Manager::Flux => "Flux",
            Manager::Helm => "Helm",
            Manager::Unknown(word) => word,
        }
    }
}

/// One container of a service and what it runs.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Container {
    /// Its name in the pod.
    pub name: String,
    /// An init container.
    #[serde(default)]
    pub init: bool,
    /// The image as the workload asks for it.
    pub image: String,
    /// The repository digest that pods run, where the runtime tells.
    #[serde(default)]
    pub running_digest: Option<String>,
}

impl Container {
    /// The image, parsed.
    pub fn image_ref(&self) -> ImageRef {
        ImageRef::parse(&self.image)
    }

    /// The digest that is known: pinned by the workload, else observed.
    pub fn digest(&self) -> Option<String> {
        self.image_ref().digest.or_else(|| self.running_digest.clone())
    }

    /// Whether two containers run the same version: the same tag and, where both digests are known, the same digest.
    ///
    /// The repository is left out: environments may pull from different registries.
    pub fn same_version(&self, other: &Container) -> bool {
        let (a, b) = (self.image_ref(), other.image_ref());
        // What has neither tag nor digest runs as `latest`.
        let tag = |image: &ImageRef| match (&image.tag, &image.digest) {
            (None, None) => Some("latest".to_owned()),
            (tag, _) => tag.clone(),
        };
        let (a_tag, b_tag) = (tag(&a), tag(&b));
        let same_digest = match (self.digest(), other.digest()) {
            (Some(a), Some(b)) => Some(a == b),
            _ => None,
        };
        match same_digest {
            // A rebuilt image has another digest in another registry, so only one repository's digests can be compared.
            Some(same) if a.repository == b.repository => same && a_tag == b_tag,
            _ => a_tag == b_tag && (a_tag.is_some() || a.digest == b.digest),
        }
    }
}

/// A service as it was last observed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Service {
    /// The service.
    pub id: ServiceId,
    /// The workload's name.
    pub name: String,
    /// Where it runs.
    pub app_instance_id: AppInstanceId,
    /// The app instance's name.
    pub app_instance_name: String,
    /// Its environment.
    pub environment_id: EnvironmentId,
    /// Its site.
    pub site_id: SiteId,
    /// Its cluster.
    pub cluster_id: ClusterId,
    /// The cluster's name.
    pub cluster: String,
    /// Its namespace.
    pub namespace: String,
    /// What pairs it across environments.
    pub application: String,
    /// How it is.
    pub status: ServiceStatus,
    /// Why, in words, where it is not plainly running.
    pub reason: Option<String>,
    /// Desired replicas.
    pub replicas: i32,
    /// Available replicas.
    pub available_replicas: i32,
    /// The first container's tag.
    pub image_tag: String,
    /// Its kind.
    pub workload_type: WorkloadKind,
    /// Every container, init containers last.
    pub containers: Vec<Container>,
    /// The other tool that owns it.
    pub manager: Option<Manager>,
    /// Whether its row of the matrix is out of step.
    pub out_of_step: bool,
    /// When what it runs last changed, as observed.
    pub last_changed: DateTime<Utc>,
    /// When a sync last changed it.
    pub last_synced: Option<DateTime<Utc>>,
    /// Since when contact with its cluster is lost.
    pub stale_since: Option<DateTime<Utc>>,
}

/// Which services, in which order. As in the query of `GET /api/services`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams, utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", into_params(parameter_in = Query))]
#[serde(rename_all = "camelCase", default)]
pub struct ServiceQuery {
    /// Environment id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub env: Option<EnvironmentId>,
    /// Site id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub site: Option<SiteId>,
    /// Cluster: id, external id or name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// Namespace, exactly.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Status word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// Workload kind.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Text in name, application, namespace or tag.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub q: Option<String>,
    /// `name`, `status`, `tag`, `namespace`, `application`, `environment`, `changed` or `synced`; a leading `-` turns it round.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sort: Option<String>,
    /// From 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page: Option<u32>,
    /// Up to 1,000.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page_size: Option<u32>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn container(image: &str, digest: Option<&str>) -> Container {
        Container {
            name: "app".into(),
            init: false,
            image: image.into(),
            running_digest: digest.map(str::to_owned),
        }
    }

    #[test]
    fn no_tag_is_the_latest() {
        assert!(container("web", None).same_version(&container("web:latest", None)));
        assert!(!container("web", None).same_version(&container("web:1", None)));
        assert!(!container("web@sha256:a", None).same_version(&container("web:latest", None)));
    }

    #[test]
    fn the_same_tag_with_another_digest_is_another_version() {
        let a = container("shop/web:latest", Some("sha256:a"));
        assert!(!a.same_version(&container("shop/web:latest", Some("sha256:b"))));
        assert!(a.same_version(&container("shop/web:latest", Some("sha256:a"))));
        assert!(
            a.same_version(&container("shop/web:latest", None)),
            "an unknown digest is not held against it"
        );
    }

    #[test]
    fn another_registry_is_compared_by_tag() {
        let a = container("one/web:1", Some("sha256:a"));
        assert!(a.same_version(&container("two/web:1", Some("sha256:b"))));
        assert!(!a.same_version(&container("two/web:2", None)));
    }

    #[test]
    fn pinned_digests_are_compared() {
        let a = container("shop/web@sha256:a", None);
        assert!(a.same_version(&container("shop/web@sha256:a", None)));
        assert!(!a.same_version(&container("shop/web@sha256:b", None)));
    }
}
