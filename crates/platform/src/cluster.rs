//! One cluster's Kubernetes API, directly or through Rancher's proxy.

use std::collections::BTreeMap;

use domain::workload::{PodFacts, WorkloadKey};
use futures::future::try_join_all;
use serde::de::IgnoredAny;

use crate::{
    Error, Snapshot, access,
    client::{Client, segment},
    facts,
    list::list,
    objects::{Object, Pod, Workload},
    resource::{NAMESPACES, PODS, Resource},
};

/// A namespace's name and annotations.
pub(crate) struct Namespace {
    pub(crate) name: String,
    pub(crate) annotations: BTreeMap<String, String>,
}

/// An object and where it stands.
pub(crate) struct Found {
    pub(crate) path: String,
    pub(crate) object: Workload,
}

/// Reads one workload's object; `None` where there is none, or no such kind.
pub(crate) async fn find(client: &Client, key: &WorkloadKey) -> Result<Option<Found>, Error> {
    let resource = Resource::of(&key.kind)?;
    for list in resource.paths(Some(&key.namespace))? {
        let path = format!("{list}/{}", segment(&key.name)?);
        if let Some(object) = client.find(&path).await? {
            return Ok(Some(Found { path, object }));
        }
    }
    Ok(None)
}

/// Reads one workload and its pods.
pub(crate) async fn workload(client: &Client, key: &WorkloadKey) -> Result<Option<Snapshot>, Error> {
    let Some(found) = find(client, key).await? else { return Ok(None) };
    let selector = found.object.spec.selector.as_ref().map(|selector| selector_text(&selector.match_labels));
    let pods = match selector {
        Some(selector) => pods_of(client, key, &selector).await?,
        None => Vec::new(),
    };
    Ok(Some(Snapshot { workload: facts::workload(&key.kind, found.object), pods }))
}

fn selector_text(labels: &BTreeMap<String, String>) -> String {
    let pairs: Vec<String> = labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
    pairs.join(",")
}

/// A workload's pods; none where they may not be read.
async fn pods_of(client: &Client, key: &WorkloadKey, selector: &str) -> Result<Vec<PodFacts>, Error> {
    let mut pods = Vec::new();
    for path in PODS.paths(Some(&key.namespace))? {
        match list(client, &path, selector, |pod: Pod| facts::pod(pod)).await {
            // Labels alone would also find the pods of another workload that has the same ones.
            Ok(listed) => pods.extend(listed.items.into_iter().filter(|pod| pod.owner.as_ref() == Some(key))),
            Err(Error::Forbidden(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(pods)
}

/// All namespaces, by name.
pub(crate) async fn namespaces(client: &Client) -> Result<Vec<Namespace>, Error> {
    let mut namespaces = Vec::new();
    for path in NAMESPACES.paths(None)? {
        let read = |object: Object<IgnoredAny, IgnoredAny>| Namespace {
            name: object.metadata.name,
            annotations: object.metadata.annotations,
        };
        namespaces.extend(list(client, &path, "", read).await?.items);
    }
    namespaces.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(namespaces)
}

/// A namespace's UID; `None` where there is no such namespace.
pub(crate) async fn namespace_uid(client: &Client, namespace: &str) -> Result<Option<String>, Error> {
    let path = format!("/api/v1/namespaces/{}", segment(namespace)?);
    match client.get::<Object<IgnoredAny, IgnoredAny>>(&path).await {
        Ok(object) => Ok(Some(object.metadata.uid)),
        Err(Error::NotFound(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether workloads of every kind, and pods, may be listed and watched in all namespaces.
pub(crate) async fn may_list_everything(client: &Client) -> Result<bool, Error> {
    let resources = access::workload_resources().into_iter().chain([PODS]);
    let questions =
        resources.flat_map(|resource| ["list", "watch"].map(|verb| access::may(client, verb, resource)));
    Ok(try_join_all(questions).await?.into_iter().all(|allowed| allowed))
}
