//! Asks a cluster what the token may do.

use domain::service::WorkloadKind;
use serde::Deserialize;
use serde_json::json;

use crate::{Error, client::Client, resource::Resource};

#[derive(Deserialize)]
struct Review {
    status: ReviewStatus,
}

#[derive(Deserialize)]
struct ReviewStatus {
    #[serde(default)]
    allowed: bool,
}

/// The resources of every kind of workload.
pub(crate) fn workload_resources() -> Vec<Resource> {
    WorkloadKind::ALL.iter().filter_map(|kind| Resource::of(kind).ok()).collect()
}

/// Whether the token may do this in all namespaces.
pub(crate) async fn may(client: &Client, verb: &str, resource: Resource) -> Result<bool, Error> {
    let question = json!({
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": {"verb": verb, "group": resource.group, "resource": resource.plural}},
    });
    let review: Review =
        client.ask("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", &question).await?;
    Ok(review.status.allowed)
}
