//! Moving an app instance to another cluster of the same local site: every service of it is copied there, and once all copies
//! serve, the app instance is bound to them and the originals go.

use serde::{Deserialize, Serialize};

use crate::{
    cluster::Cluster,
    id::{AppInstanceId, ClusterId},
    service::Service,
    sync::{ContainerChange, PreviewItem, PreviewTarget, Severity, Warning},
};

/// Which app instance goes where.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Relocation {
    /// The app instance, of the server's own machine.
    pub app_instance_id: AppInstanceId,
    /// The cluster: id, external id or name.
    pub cluster: String,
}

/// The workload that a copy is made of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Original {
    /// Its cluster.
    pub cluster_id: ClusterId,
    /// The cluster's name.
    pub cluster: String,
    /// The site's own id of the cluster.
    pub external_id: String,
    /// The object's UID.
    pub uid: String,
}

/// What would happen to one service. The copy is to have this UID; `taken` says that there is a service of its name already.
pub fn item(service: &Service, original: Original, to: &Cluster, uid: String, taken: bool) -> PreviewItem {
    let message = || format!("{} has a service of this name in {} already.", to.name, service.namespace);
    let taken = taken.then(|| Warning::new("name_taken", Severity::Blocking, message()));
    PreviewItem {
        service_id: service.id,
        name: service.name.clone(),
        kind: service.workload_type.clone(),
        application: service.application.clone(),
        source_app_instance_id: None,
        target: Some(PreviewTarget {
            cluster_id: to.id,
            cluster: to.name.clone(),
            uid,
            ..PreviewTarget::of(service)
        }),
        containers: service.containers.iter().map(|now| ContainerChange::to(now, &now.image)).collect(),
        variables: Vec::new(),
        scale: None,
        original: Some(original),
        warnings: taken.into_iter().collect(),
    }
}
