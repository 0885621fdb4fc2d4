//! Rollouts: to their end, and where they get stuck.

use k8s_openapi::api::apps::v1::Deployment;
use kube::Api;
use kube::api::{Patch, PatchParams};
use kube::runtime::conditions;
use kube::runtime::wait::await_condition;
use serde_json::{Value, json};
use standin::{ClusterHandle, Kind};

use crate::client::{client, deployment, image, local, start};

const NAMESPACE: &str = "shop-dev";

/// The live pods of a workload.
fn pods(cluster: &ClusterHandle, app: &str) -> Vec<Value> {
    let mut pods = cluster.list(Kind::Pod, Some(NAMESPACE));
    pods.retain(|pod| pod["metadata"]["labels"]["app"] == app);
    pods
}

fn images(cluster: &ClusterHandle, app: &str) -> Vec<String> {
    let image = |pod: &Value| {
        pod["spec"]["containers"][0]["image"].as_str().expect("every container has an image").to_owned()
    };
    pods(cluster, app).iter().map(image).collect()
}

fn waiting(pod: &Value) -> &Value {
    &pod["status"]["containerStatuses"][0]["state"]["waiting"]["reason"]
}

fn reason(cluster: &ClusterHandle, name: &str) -> Value {
    let deployment = cluster.get(Kind::Deployment, NAMESPACE, name).expect("it exists");
    deployment["status"]["conditions"][1]["reason"].clone()
}

fn available(cluster: &ClusterHandle, name: &str, count: u64) -> bool {
    let deployment = cluster.get(Kind::Deployment, NAMESPACE, name).expect("it exists");
    let status = &deployment["status"];
    status["observedGeneration"] == deployment["metadata"]["generation"]
        && status["availableReplicas"].as_u64().unwrap_or(0) == count
        && status["updatedReplicas"].as_u64().unwrap_or(0) == count
        && status["replicas"].as_u64().unwrap_or(0) == count
}

#[tokio::test]
async fn a_deployment_rolls_pod_by_pod_without_losing_availability() {
    let server = start().await;
    let cluster = local(&server);
    cluster.create(Kind::Deployment, NAMESPACE, deployment("web", "web:1", 3)).unwrap();
    cluster.wait_until(|cluster| available(cluster, "web", 3)).await;
    let api: Api<Deployment> = Api::namespaced(client(&server), NAMESPACE);
    api.patch("web", &PatchParams::default(), &Patch::Strategic(image("web:2"))).await.unwrap();
    cluster
        .wait_until(|cluster| {
            let ready =
                cluster.get(Kind::Deployment, NAMESPACE, "web").unwrap()["status"]["readyReplicas"].clone();
            assert!(ready.as_u64().unwrap() >= 3, "no pod may be missing");
            assert!(
                pods(cluster, "web")
                    .iter()
                    .filter(|pod| pod["metadata"]["deletionTimestamp"].is_null())
                    .count()
                    <= 4
            );
            images(cluster, "web") == ["web:2", "web:2", "web:2"] && available(cluster, "web", 3)
        })
        .await;
    await_condition(api, "web", conditions::is_deployment_completed()).await.unwrap();
    assert_eq!(
        cluster
            .list(Kind::ReplicaSet, Some(NAMESPACE))
            .iter()
            .filter(|set| { set["metadata"]["labels"]["app"] == "web" })
            .count(),
        2
    );
}

#[tokio::test]
async fn scaling_to_zero_leaves_no_pods() {
    let server = start().await;
    let cluster = local(&server);
    cluster.patch(Kind::Deployment, NAMESPACE, "cart", json!({ "spec": { "replicas": 0 } })).unwrap();
    cluster.wait_until(|cluster| pods(cluster, "cart").is_empty() && available(cluster, "cart", 0)).await;
}

#[tokio::test]
async fn bad_images_show_on_the_pods_and_keep_the_old_ones_up() {
    let server = start().await;
    let cluster = local(&server);
    for (tag, expected) in [
        ("1-missing", "ImagePullBackOff"),
        ("1-crash", "CrashLoopBackOff"),
        ("1-config", "CreateContainerConfigError"),
        ("1-hang", "ContainerCreating"),
    ] {
        cluster.patch(Kind::Deployment, NAMESPACE, "cart", image(&format!("cart:{tag}"))).unwrap();
        cluster.wait_until(|cluster| pods(cluster, "cart").iter().any(|pod| waiting(pod) == expected)).await;
        assert!(images(&cluster, "cart").contains(&"registry.example.com/shop/cart:1.14.2".to_owned()));
    }
    cluster.patch(Kind::Deployment, NAMESPACE, "cart", image("cart:1-unschedulable")).unwrap();
    cluster
        .wait_until(|cluster| {
            pods(cluster, "cart")
                .iter()
                .any(|pod| pod["status"]["conditions"][0]["reason"] == "Unschedulable")
        })
        .await;
}

#[tokio::test]
async fn a_rollout_that_stands_still_misses_its_deadline_and_recovers() {
    let server = start().await;
    let cluster = local(&server);
    let mut stuck = image("cart:1-unready");
    stuck["spec"]["progressDeadlineSeconds"] = json!(1);
    cluster.patch(Kind::Deployment, NAMESPACE, "cart", stuck).unwrap();
    cluster.wait_until(|cluster| reason(cluster, "cart") == "ProgressDeadlineExceeded").await;
    cluster.patch(Kind::Deployment, NAMESPACE, "cart", image("cart:2")).unwrap();
    cluster
        .wait_until(|cluster| {
            images(cluster, "cart") == ["cart:2"] && reason(cluster, "cart") == "NewReplicaSetAvailable"
        })
        .await;
}

#[tokio::test]
async fn a_crashing_pod_counts_its_restarts() {
    let server = start().await;
    let cluster = local(&server);
    cluster.create(Kind::Deployment, NAMESPACE, deployment("loop", "loop:crash", 1)).unwrap();
    let restarts = |pod: &Value| pod["status"]["containerStatuses"][0]["restartCount"].as_u64().unwrap();
    cluster.wait_until(|cluster| pods(cluster, "loop").iter().any(|pod| restarts(pod) >= 3)).await;
}

#[tokio::test]
async fn a_stateful_set_is_replaced_from_the_highest_number_down() {
    let server = start().await;
    let cluster = local(&server);
    let set = |cluster: &ClusterHandle| cluster.get(Kind::StatefulSet, NAMESPACE, "session-cache").unwrap();
    cluster
        .patch(Kind::StatefulSet, NAMESPACE, "session-cache", json!({ "spec": { "replicas": 2 } }))
        .unwrap();
    cluster.wait_until(|cluster| set(cluster)["status"]["readyReplicas"] == 2).await;
    cluster.patch(Kind::StatefulSet, NAMESPACE, "session-cache", image("cache:8")).unwrap();
    cluster
        .wait_until(|cluster| {
            let images = images(cluster, "session-cache");
            assert!(
                images.first().is_none_or(|first| first != "cache:8")
                    || images.len() < 2
                    || images[1] == "cache:8"
            );
            let status = &set(cluster)["status"];
            status["updatedReplicas"] == 2 && status["currentRevision"] == status["updateRevision"]
        })
        .await;
}

#[tokio::test]
async fn a_daemon_set_is_replaced_node_by_node() {
    let server = start().await;
    let cluster = local(&server);
    cluster.patch(Kind::DaemonSet, "platform-dev", "node-agent", image("agent:2")).unwrap();
    cluster
        .wait_until(|cluster| {
            let set = cluster.get(Kind::DaemonSet, "platform-dev", "node-agent").unwrap();
            assert!(set["status"]["numberReady"].as_u64().unwrap() >= 2);
            set["status"]["updatedNumberScheduled"] == 3 && set["status"]["numberAvailable"] == 3
        })
        .await;
}

#[tokio::test]
async fn a_deleted_deployment_takes_its_pods_along_and_a_deleted_pod_comes_back() {
    let server = start().await;
    let cluster = local(&server);
    let before = pods(&cluster, "cart")[0]["metadata"]["name"].as_str().unwrap().to_owned();
    cluster.delete(Kind::Pod, NAMESPACE, &before).unwrap();
    cluster
        .wait_until(|cluster| {
            let pods = pods(cluster, "cart");
            pods.len() == 1 && pods[0]["metadata"]["name"] != before.as_str() && available(cluster, "cart", 1)
        })
        .await;
    cluster.delete(Kind::Deployment, NAMESPACE, "cart").unwrap();
    cluster.wait_until(|cluster| pods(cluster, "cart").is_empty()).await;
}

#[tokio::test]
async fn the_same_tag_may_have_another_digest_elsewhere() {
    let server = start().await;
    let digest = |cluster: &str, namespace: &str| {
        let mut pods = server.cluster(cluster).unwrap().list(Kind::Pod, Some(namespace));
        pods.retain(|pod| pod["metadata"]["labels"]["app"] == "currency-rates");
        pods[0]["status"]["containerStatuses"][0]["imageID"].clone()
    };
    let (dev, staging) = (digest("local", "payments-dev"), digest("c-m-stage001", "payments-staging"));
    assert!(
        dev.as_str()
            .unwrap()
            .starts_with("docker-pullable://registry.example.com/payments/currency-rates@sha256:")
    );
    assert_ne!(dev, staging);
}
