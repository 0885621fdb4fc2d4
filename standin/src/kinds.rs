//! The kinds of objects that a simulated cluster serves.

use serde_json::{Value, json};

/// A kind of Kubernetes object that the stand-in knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// core/v1 Namespace.
    Namespace,
    /// core/v1 Node.
    Node,
    /// core/v1 Pod.
    Pod,
    /// core/v1 Secret.
    Secret,
    /// apps/v1 Deployment.
    Deployment,
    /// apps/v1 StatefulSet.
    StatefulSet,
    /// apps/v1 DaemonSet.
    DaemonSet,
    /// apps/v1 ReplicaSet.
    ReplicaSet,
    /// batch CronJob, `v1` or `v1beta1` by the cluster's version.
    CronJob,
}

impl Kind {
    /// Every kind, in the order in which discovery lists them.
    pub const ALL: [Self; 9] = [
        Self::Namespace,
        Self::Node,
        Self::Pod,
        Self::Secret,
        Self::Deployment,
        Self::StatefulSet,
        Self::DaemonSet,
        Self::ReplicaSet,
        Self::CronJob,
    ];

    /// The name as it stands in an object's `kind`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Namespace => "Namespace",
            Self::Node => "Node",
            Self::Pod => "Pod",
            Self::Secret => "Secret",
            Self::Deployment => "Deployment",
            Self::StatefulSet => "StatefulSet",
            Self::DaemonSet => "DaemonSet",
            Self::ReplicaSet => "ReplicaSet",
            Self::CronJob => "CronJob",
        }
    }

    /// The name as it stands in a URL.
    pub fn plural(self) -> &'static str {
        match self {
            Self::Namespace => "namespaces",
            Self::Node => "nodes",
            Self::Pod => "pods",
            Self::Secret => "secrets",
            Self::Deployment => "deployments",
            Self::StatefulSet => "statefulsets",
            Self::DaemonSet => "daemonsets",
            Self::ReplicaSet => "replicasets",
            Self::CronJob => "cronjobs",
        }
    }

    /// The API group; empty for the core group.
    pub fn group(self) -> &'static str {
        match self {
            Self::Namespace | Self::Node | Self::Pod | Self::Secret => "",
            Self::CronJob => "batch",
            _ => "apps",
        }
    }

    /// Whether objects of this kind live in a namespace.
    pub fn namespaced(self) -> bool {
        !matches!(self, Self::Namespace | Self::Node)
    }

    /// Whether people deploy this kind: what a patch record is kept for.
    pub fn is_workload(self) -> bool {
        matches!(self, Self::Deployment | Self::StatefulSet | Self::DaemonSet | Self::CronJob)
    }

    /// `deployments.apps`, as error messages name it.
    pub(crate) fn qualified(self) -> String {
        match self.group() {
            "" => self.plural().to_owned(),
            group => format!("{}.{group}", self.plural()),
        }
    }

    /// Finds the kind behind `kind` in an owner reference.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// Which API versions a cluster serves, by its Kubernetes version.
#[derive(Clone, Debug)]
pub(crate) struct ApiVersions {
    git_version: String,
    cron_job: &'static str,
}

impl ApiVersions {
    /// Takes a version such as `v1.20.2`; before 1.21 CronJob is beta.
    pub(crate) fn of(git_version: &str) -> Self {
        let minor = git_version.split('.').nth(1).and_then(|minor| minor.parse::<u32>().ok());
        let cron_job = if minor.is_some_and(|minor| minor < 21) { "batch/v1beta1" } else { "batch/v1" };
        Self { git_version: git_version.to_owned(), cron_job }
    }

    /// The `apiVersion` under which this cluster serves a kind.
    pub(crate) fn api_version(&self, kind: Kind) -> &'static str {
        match kind {
            Kind::Namespace | Kind::Node | Kind::Pod | Kind::Secret => "v1",
            Kind::CronJob => self.cron_job,
            _ => "apps/v1",
        }
    }

    /// Finds the kind that is served under an `apiVersion` and a plural.
    pub(crate) fn find(&self, api_version: &str, plural: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.plural() == plural && self.api_version(*kind) == api_version)
    }

    /// The answer to `/version`.
    pub(crate) fn version_info(&self) -> Value {
        let mut parts = self.git_version.trim_start_matches('v').split('.');
        let (major, minor) = (parts.next().unwrap_or("1"), parts.next().unwrap_or("0"));
        json!({
            "major": major, "minor": minor, "gitVersion": self.git_version, "gitTreeState": "clean",
            "gitCommit": "0000000000000000000000000000000000000000", "buildDate": "2024-01-01T00:00:00Z",
            "goVersion": "go1.22", "compiler": "gc", "platform": "linux/amd64",
        })
    }

    /// The resource list of one group version, or none where it is not served.
    pub(crate) fn resource_list(&self, group_version: &str) -> Option<Value> {
        let resources: Vec<Value> = match group_version {
            "authorization.k8s.io/v1" => vec![json!({
                "name": "selfsubjectaccessreviews", "singularName": "", "namespaced": false,
                "kind": "SelfSubjectAccessReview", "verbs": ["create"],
            })],
            _ => Kind::ALL
                .into_iter()
                .filter(|kind| self.api_version(*kind) == group_version)
                .map(resource)
                .collect(),
        };
        (!resources.is_empty()).then(|| {
            json!({
                "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version,
                "resources": resources,
            })
        })
    }

    /// The answer to `/apis`.
    pub(crate) fn group_list(&self) -> Value {
        let groups: Vec<Value> = ["apps/v1", self.cron_job, "authorization.k8s.io/v1"]
            .into_iter()
            .map(|group_version| {
                let (name, version) = group_version.split_once('/').unwrap_or(("", group_version));
                let version = json!({ "groupVersion": group_version, "version": version });
                json!({ "name": name, "versions": [version], "preferredVersion": version })
            })
            .collect();
        json!({ "kind": "APIGroupList", "apiVersion": "v1", "groups": groups })
    }
}

fn resource(kind: Kind) -> Value {
    json!({
        "name": kind.plural(), "singularName": kind.name().to_lowercase(), "namespaced": kind.namespaced(),
        "kind": kind.name(),
        "verbs": ["create", "delete", "get", "list", "patch", "update", "watch"],
    })
}
