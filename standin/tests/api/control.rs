//! The interface below `/standin/`, and what can be seen of a fleet through it.

use http::{Method, StatusCode};
use kube::Client;
use serde_json::{Value, json};
use standin::{ClusterHandle, Fleet, Kind, Options, Server};

use crate::client::{client_at, deployment, get, image, patch, send, start_with, watch};

const FLEET: Fleet = Fleet { clusters: 2, services: 24, stages: 6, replicas: 2 };
const CLUSTER: &str = "c-m-00000001";

async fn fleet() -> Server {
    start_with(Options { fleet: Some(FLEET), ..Options::default() }).await
}

/// A client that brings no token.
fn control(server: &Server) -> Client {
    client_at(server, "", "")
}

fn cluster_client(server: &Server) -> Client {
    client_at(server, &format!("/k8s/clusters/{CLUSTER}"), &format!("Bearer {}", standin::ADMIN_TOKEN))
}

async fn set_churn(server: &Server, churn: Value) {
    let answer = send(&control(server), Method::PUT, "/standin/churn", "application/json", churn).await;
    assert_eq!(answer.0, StatusCode::NO_CONTENT, "{}", answer.1);
}

fn settled(deployment: &Value) -> bool {
    let status = &deployment["status"];
    status["availableReplicas"] == 2
        && status["replicas"] == 2
        && status["updatedReplicas"] == 2
        && status["observedGeneration"] == deployment["metadata"]["generation"]
}

#[tokio::test]
async fn the_truth_names_every_workload_as_it_stands() {
    let server = fleet().await;
    let (_, truth) = get(&control(&server), "/standin/truth").await;
    let truth = truth.as_array().unwrap();
    assert_eq!(truth.len(), 24);
    let found = truth.iter().find(|it| it["cluster"] == CLUSTER && it["namespace"] == "app-001-qa").unwrap();
    let present =
        server.cluster(CLUSTER).unwrap().get(Kind::Deployment, "app-001-qa", "service-00000").unwrap();
    assert_eq!(
        *found,
        json!({
            "cluster": CLUSTER, "namespace": "app-001-qa", "kind": "Deployment", "name": "service-00000",
            "uid": present["metadata"]["uid"], "generation": 1, "observedGeneration": 1, "desired": 2, "replicas": 2, "updated": 2, "available": 2,
            "containers": [{ "name": "app", "image": "registry.example.com/app-001/service-00000:1.10.0" }],
        })
    );
}

#[tokio::test]
async fn records_tell_who_changed_what_to_which_generation() {
    let server = fleet().await;
    let path = "/apis/apps/v1/namespaces/app-001-dev/deployments/service-00001";
    let client = cluster_client(&server);
    patch(&client, &format!("{path}?dryRun=All"), image("example.com/x:2")).await;
    patch(&client, path, image("example.com/x:2")).await;
    let (_, records) = get(&control(&server), "/standin/records").await;
    let record = &records[0];
    assert_eq!(records.as_array().unwrap().len(), 1);
    assert_eq!(
        (&record["cluster"], &record["name"], &record["generation"], &record["who"], &record["body"]),
        (&json!(CLUSTER), &json!("service-00001"), &json!(2), &json!("admin"), &image("example.com/x:2"))
    );
}

#[tokio::test]
async fn requests_are_counted_by_what_they_ask_for() {
    let server = fleet().await;
    let (client, control) = (cluster_client(&server), control(&server));
    let pods = "/api/v1/pods";
    get(&client, pods).await;
    get(&client, "/api/v1/namespaces/app-001-dev").await;
    let path = "/apis/apps/v1/namespaces/app-001-dev/deployments/service-00001?dryRun=All";
    patch(&client, path, image("example.com/x:2")).await;
    let mut events = watch(&client, &format!("{pods}?watch=true")).await;
    futures::StreamExt::next(&mut events).await.unwrap();
    let (_, stats) = get(&control, "/standin/stats").await;
    assert_eq!(
        stats,
        json!({ "requests": { "get": 1, "list": 1, "watch": 1, "dryRun": 1 }, "mostListsAtOnce": 1, "openWatches": 1 })
    );
    send(&control, Method::DELETE, "/standin/stats", "", Value::Null).await;
    let (_, stats) = get(&control, "/standin/stats").await;
    assert_eq!(stats, json!({ "requests": {}, "mostListsAtOnce": 0, "openWatches": 1 }));
}

#[tokio::test]
async fn churn_changes_images_pods_and_mere_versions_until_it_is_stopped() {
    let server = fleet().await;
    let cluster = server.cluster(CLUSTER).unwrap();
    set_churn(&server, json!({ "perSecond": 100, "clusters": [CLUSTER] })).await;
    let touched = |it: &Value| !it["metadata"]["annotations"]["standin.lockstep.dev/touched"].is_null();
    let unready =
        |it: &Value| it["status"]["phase"] == "Running" && it["status"]["conditions"][1]["status"] == "False";
    let mut seen = [false; 3];
    cluster
        .wait_until(|cluster| {
            seen[0] |= !cluster.records().is_empty();
            seen[1] |= cluster.list(Kind::Deployment, None).iter().any(touched);
            seen[2] |= cluster.list(Kind::Pod, None).iter().any(unready);
            seen == [true; 3]
        })
        .await;
    set_churn(&server, json!({ "perSecond": 0 })).await;
    let all_settled = |cluster: &ClusterHandle| cluster.list(Kind::Deployment, None).iter().all(settled);
    cluster.wait_until(all_settled).await;
    assert!(cluster.records().iter().all(|record| record.who == "churn"));
    assert!(server.cluster("c-m-00000002").unwrap().records().is_empty(), "it was not meant");
}

#[tokio::test]
async fn a_copied_service_is_as_good_as_one_that_was_played() {
    let server = fleet().await;
    let cluster = server.cluster(CLUSTER).unwrap();
    let name = "service-00001";
    let namespace = "app-001-staging";
    let ours = |cluster: &ClusterHandle, kind| -> Vec<Value> {
        let all = cluster.list(kind, Some(namespace));
        all.into_iter().filter(|it| it["metadata"]["labels"]["app"] == name).collect()
    };
    let (sets, pods) = (ours(&cluster, Kind::ReplicaSet), ours(&cluster, Kind::Pod));
    assert_eq!((sets.len(), pods.len()), (1, 2));
    let owned = |child: &Value, owner: &Value| {
        child["metadata"]["ownerReferences"][0]["uid"] == owner["metadata"]["uid"]
    };
    let present = cluster.get(Kind::Deployment, namespace, name).unwrap();
    assert!(owned(&sets[0], &present) && pods.iter().all(|pod| owned(pod, &sets[0])));

    // An annotation rolls nothing out: the copy's replica set belongs to its template.
    let annotated = json!({ "metadata": { "annotations": { "x": "y" } } });
    cluster.patch(Kind::Deployment, namespace, name, annotated).unwrap();
    cluster.patch(Kind::Deployment, namespace, name, image("example.com/x:2")).unwrap();
    let rolled = |cluster: &ClusterHandle| {
        settled(&cluster.get(Kind::Deployment, namespace, name).unwrap())
            && ours(cluster, Kind::Pod)
                .iter()
                .all(|pod| pod["spec"]["containers"][0]["image"] == "example.com/x:2")
    };
    cluster.wait_until(rolled).await;
    assert_eq!(ours(&cluster, Kind::ReplicaSet).len(), 2);

    // The digest is that of the image, as with any other workload.
    let image = "registry.example.com/app-001/service-00001:1.7.1";
    cluster.create(Kind::Deployment, namespace, deployment("other", image, 1)).unwrap();
    let digest = |pod: &Value| pod["status"]["containerStatuses"][0]["imageID"].clone();
    let made = |cluster: &ClusterHandle| {
        let pods = cluster.list(Kind::Pod, Some(namespace));
        pods.into_iter()
            .find(|pod| pod["metadata"]["labels"]["app"] == "other")
            .filter(|pod| digest(pod) != Value::Null)
    };
    cluster.wait_until(|cluster| made(cluster).is_some_and(|pod| digest(&pod) != "")).await;
    assert_eq!(digest(&pods[0]), digest(&made(&cluster).unwrap()));
}
