//! Syncs: what is asked for, and the preview that is confirmed.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    deploy::DeployRequest,
    id::{AppInstanceId, ClusterId, DeploymentId, EnvironmentId, PreviewId, ServiceId},
    image::ImageRef,
    matrix::MatrixQuery,
    problem::FieldError,
    relocation::Original,
    replicas::ReplicaChange,
    service::{Container, Service, ServiceQuery, WorkloadKind},
    settings::{Consent, Defaults, Guard},
    variable::VariableDifference,
};

/// Services in one sync.
pub const MAX_SERVICES: usize = 5_000;

wire_enum!(
    /// What happens to the rest when a task fails.
    OnFailure {
        /// Tasks not yet begun are skipped; those under way are followed to their end.
        Stop = "stop",
        /// The other tasks go on.
        GoOn = "go_on",
        /// Everything this deployment changed is put back.
        PutBack = "put_back",
    }
);

impl OnFailure {
    /// What is wrong with it, where it is none of these.
    pub fn fault(&self) -> Option<FieldError> {
        let Self::Unknown(word) = self else { return None };
        let known: Vec<&str> = Self::ALL.iter().map(Self::as_str).collect();
        Some(FieldError::new("onFailure", format!("“{word}” is none of: {}.", known.join(", "))))
    }
}

wire_enum!(
    /// How much a warning weighs.
    Severity {
        /// Good to know.
        Info = "info",
        /// Think twice.
        Warning = "warning",
        /// This item cannot be carried out and will be left out.
        Blocking = "blocking",
    }
);

/// Which services to bring from which environment to which.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(example = json!({
    "sourceEnvironmentId": "0190a8a0-0000-7000-8000-000000000001",
    "targetEnvironmentId": "0190a8a0-0000-7000-8000-000000000002",
    "serviceIds": ["0190a8a0-0000-7000-8000-000000000003"]
})))]
#[serde(rename_all = "camelCase")]
pub struct SyncRequest {
    /// Where the versions come from.
    pub source_environment_id: EnvironmentId,
    /// Where they go.
    pub target_environment_id: EnvironmentId,
    /// Services of the source environment.
    #[serde(default)]
    pub service_ids: Vec<ServiceId>,
    /// For each service, by position, the app instance to bring it to; paired by application if left out.
    #[serde(default)]
    pub target_app_instances: Vec<Option<AppInstanceId>>,
    /// Besides them, all that a filter matches when the sync is previewed. The preview settles which these are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub matching: Option<Matching>,
}

/// A filter in place of a list of services. How it sorts and where its pages begin does not matter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Matching {
    /// As in the query of `GET /api/services`.
    Services(ServiceQuery),
    /// The services of the rows that match, as in the query of `GET /api/matrix`.
    Matrix(MatrixQuery),
}

impl Matching {
    /// The services on every page of a list.
    pub fn services(page: ServiceQuery) -> Self {
        Self::Services(ServiceQuery { sort: None, page: None, page_size: None, ..page })
    }

    /// The rows on every page of the matrix.
    pub fn matrix(page: MatrixQuery) -> Self {
        Self::Matrix(MatrixQuery { sort: None, page: None, page_size: None, ..page })
    }
}

/// What a preview shows and its sync leaves out.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Exception {
    /// The source service.
    pub service_id: ServiceId,
    /// Only where it would go to this app instance.
    #[serde(default)]
    pub target_app_instance_id: Option<AppInstanceId>,
}

/// Starts a sync.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(example = json!({
    "sourceEnvironmentId": "0190a8a0-0000-7000-8000-000000000001",
    "targetEnvironmentId": "0190a8a0-0000-7000-8000-000000000002",
    "serviceIds": ["0190a8a0-0000-7000-8000-000000000003"],
    "onFailure": "put_back",
    "note": "what was tested on Thursday"
})))]
#[serde(rename_all = "camelCase")]
pub struct StartSync {
    /// What to sync.
    #[serde(flatten)]
    pub request: SyncRequest,
    /// The confirmed preview; without one, what is found now is taken as confirmed.
    #[serde(default)]
    pub preview_id: Option<PreviewId>,
    /// What is left as it is, of all that is asked for.
    #[serde(default)]
    pub except: Vec<Exception>,
    /// As the target's settings say if left out, or else `stop`.
    #[serde(default)]
    pub on_failure: Option<OnFailure>,
    /// Why, for the history.
    #[serde(default)]
    pub note: String,
    /// A link to a ticket.
    #[serde(default)]
    pub ticket: String,
    /// What it takes where the target is protected.
    #[serde(flatten)]
    pub consent: Consent,
}

/// What a sync would do, as found at `createdAt`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Preview {
    /// Names it when the sync is started.
    pub id: PreviewId,
    /// What was asked.
    pub request: SyncRequest,
    /// The source environment's name.
    pub source_name: String,
    /// The target environment's name.
    pub target_name: String,
    /// The deployment this would undo.
    #[serde(default)]
    pub undo_of: Option<DeploymentId>,
    /// The deployment whose rest this would carry out.
    #[serde(default)]
    pub retry_of: Option<DeploymentId>,
    /// What would be deployed, where nothing comes from another environment.
    #[serde(default)]
    pub deploy: Option<DeployRequest>,
    /// What stands between it and its start.
    #[serde(default)]
    pub guard: Guard,
    /// What is taken where its start names none.
    #[serde(default)]
    pub defaults: Defaults,
    /// One per service and target.
    pub items: Vec<PreviewItem>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// After this it can no longer be confirmed.
    pub expires_at: DateTime<Utc>,
}

impl Preview {
    /// Whether an app instance goes to another cluster, which it does as a whole or not at all.
    pub fn relocates(&self) -> bool {
        self.items.iter().any(|item| item.original.is_some())
    }

    /// The items that would change something.
    pub fn changes(&self) -> impl Iterator<Item = &PreviewItem> {
        self.items.iter().filter(|item| item.will_change())
    }
}

/// What would happen to one service in one target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct PreviewItem {
    /// The source service; the nil id where a revision speaks of a workload that is not there.
    pub service_id: ServiceId,
    /// The workload's name.
    pub name: String,
    /// The workload's kind.
    pub kind: WorkloadKind,
    /// The application.
    pub application: String,
    /// Where the version comes from.
    pub source_app_instance_id: Option<AppInstanceId>,
    /// Where it goes; none without a counterpart.
    pub target: Option<PreviewTarget>,
    /// Container by container, what runs and what will.
    pub containers: Vec<ContainerChange>,
    /// The variables that change, where its site gives its workloads any.
    #[serde(default)]
    pub variables: Vec<VariableDifference>,
    /// Its replicas, where they change.
    #[serde(default)]
    pub scale: Option<ReplicaChange>,
    /// What is moved here, where it moves to another cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub original: Option<Original>,
    /// What to know before confirming.
    pub warnings: Vec<Warning>,
}

impl Exception {
    /// Leaves out one item of a preview.
    pub fn of(item: &PreviewItem) -> Self {
        let target_app_instance_id = item.target.as_ref().map(|target| target.app_instance_id);
        Self { service_id: item.service_id, target_app_instance_id }
    }

    /// Whether an item is left out by it.
    pub fn covers(&self, item: &PreviewItem) -> bool {
        let target = item.target.as_ref().map(|target| target.app_instance_id);
        self.service_id == item.service_id
            && (self.target_app_instance_id.is_none() || self.target_app_instance_id == target)
    }
}

impl PreviewItem {
    /// Whether its target is not as it is to be: a container or all of it moves, or a variable or the replicas change.
    pub fn differs(&self) -> bool {
        self.containers.iter().any(ContainerChange::moves)
            || !self.variables.is_empty()
            || self.scale.is_some()
            || self.original.is_some()
    }

    /// How many replicas its target is to have.
    pub fn replicas_to_come(&self, target: &PreviewTarget) -> i32 {
        self.scale.map_or(target.replicas, |scale| i32::try_from(scale.to).unwrap_or(i32::MAX))
    }

    /// Whether carrying it out changes anything: it has a target that differs, and nothing blocks it.
    pub fn will_change(&self) -> bool {
        self.target.is_some()
            && self.differs()
            && self.warnings.iter().all(|warning| warning.severity != Severity::Blocking)
    }
}

/// The workload that would be changed, as it was found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct PreviewTarget {
    /// The target's service.
    pub service_id: ServiceId,
    /// Its app instance.
    pub app_instance_id: AppInstanceId,
    /// The app instance's name.
    pub app_instance_name: String,
    /// Its cluster.
    pub cluster_id: ClusterId,
    /// The cluster's name.
    pub cluster: String,
    /// Its namespace.
    pub namespace: String,
    /// Its replicas as found.
    pub replicas: i32,
    /// The object's UID: the task is refused for any other object.
    pub uid: String,
    /// All its containers as found, or as deployments that come before leave them: the task is refused if its turn finds
    /// other images.
    pub found: Vec<Container>,
    /// What its turn may find as well, since a deployment that comes before may not come to its end.
    #[serde(default)]
    pub alternatives: Vec<Vec<Container>>,
}

impl PreviewTarget {
    /// A service as it was found; its object's UID is not known yet.
    pub fn of(service: &Service) -> Self {
        Self {
            service_id: service.id,
            app_instance_id: service.app_instance_id,
            app_instance_name: service.app_instance_name.clone(),
            cluster_id: service.cluster_id,
            cluster: service.cluster.clone(),
            namespace: service.namespace.clone(),
            replicas: service.replicas,
            uid: String::new(),
            found: service.containers.clone(),
            alternatives: Vec::new(),
        }
    }
}

/// One container's image now and to come.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ContainerChange {
    /// The container's name.
    pub name: String,
    /// An init container.
    #[serde(default)]
    pub init: bool,
    /// The image the target's workload asks for now.
    pub from: String,
    /// The image it will ask for: the same repository, the source's tag or digest.
    pub to: String,
    /// The version now, as a person reads it.
    pub from_version: String,
    /// The version to come, as a person reads it.
    pub to_version: String,
}

impl ContainerChange {
    /// From what a container asks for to another image.
    pub fn to(container: &Container, image: &str) -> Self {
        Self {
            name: container.name.clone(),
            init: container.init,
            from: container.image.clone(),
            to: image.to_owned(),
            from_version: container.image_ref().version(),
            to_version: ImageRef::parse(image).version(),
        }
    }

    /// Whether anything changes.
    pub fn moves(&self) -> bool {
        self.from != self.to
    }
}

/// Containers with the images that changes lead to.
pub fn with_images(found: &[Container], changes: &[ContainerChange]) -> Vec<Container> {
    let image = |container: &Container| {
        let change =
            changes.iter().find(|change| change.name == container.name && change.init == container.init);
        change.map_or_else(|| container.image.clone(), |change| change.to.clone())
    };
    found.iter().map(|container| Container { image: image(container), ..container.clone() }).collect()
}

/// Something to know before confirming.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Warning {
    /// Stable, `snake_case`.
    pub code: String,
    /// How much it weighs.
    pub severity: Severity,
    /// In words.
    pub message: String,
}

impl Warning {
    /// A warning.
    pub fn new(code: &str, severity: Severity, message: impl Into<String>) -> Self {
        Self { code: code.to_owned(), severity, message: message.into() }
    }
}
