//! Lists and their pages, on both APIs.

use std::collections::BTreeSet;

use http::StatusCode;
use serde_json::{Value, json};
use standin::{Fleet, Kind, Options};

use crate::client::{client, client_at, get, local, management, start, start_with};
use standin::ADMIN_TOKEN;

#[tokio::test]
async fn clusters_come_in_pages() {
    let fleet = Fleet { clusters: 7, services: 21, ..Fleet::default() };
    let server = start_with(Options { fleet: Some(fleet), ..Options::default() }).await;
    let client = management(&server);
    let (mut path, mut seen) = ("/v3/clusters?limit=3".to_owned(), Vec::new());
    loop {
        let (_, page) = get(&client, &path).await;
        assert_eq!((&page["type"], &page["pagination"]["total"]), (&json!("collection"), &json!(7)));
        seen.extend(page["data"].as_array().unwrap().iter().map(|it| it["id"].as_str().unwrap().to_owned()));
        let next = page["pagination"]["next"].as_str();
        assert_eq!(page["pagination"]["partial"], json!(next.is_some()));
        let Some(next) = next else { break };
        path = next.strip_prefix(&server.url()).expect("an absolute address").to_owned();
    }
    assert_eq!(seen.len(), 7);
    assert_eq!(seen.iter().collect::<BTreeSet<_>>().len(), 7);
}

#[tokio::test]
async fn projects_are_filtered_and_named_by_their_namespaces() {
    let server = start().await;
    let (_, projects) = get(&management(&server), "/v3/projects?clusterId=local").await;
    let shop = projects["data"].as_array().unwrap().iter().find(|it| it["name"] == "Shop").unwrap();
    assert!(projects["data"].as_array().unwrap().iter().all(|it| it["clusterId"] == "local"));
    let namespace = local(&server).get(Kind::Namespace, "", "shop-dev").unwrap();
    assert_eq!(namespace["metadata"]["annotations"]["field.cattle.io/projectId"], shop["id"]);
    let label = namespace["metadata"]["labels"]["field.cattle.io/projectId"].as_str().unwrap();
    assert_eq!(shop["id"], format!("local:{label}"));
}

#[tokio::test]
async fn long_lists_go_on_where_they_stopped() {
    let server = start().await;
    let client = client(&server);
    let (mut token, mut seen, mut versions) = (String::new(), Vec::new(), BTreeSet::new());
    loop {
        let (_, page) = get(&client, &format!("/apis/apps/v1/deployments?limit=4&continue={token}")).await;
        assert_eq!(page["kind"], "DeploymentList");
        versions.insert(page["metadata"]["resourceVersion"].clone().to_string());
        seen.extend(page["items"].as_array().unwrap().iter().map(|it| it["metadata"]["uid"].to_string()));
        let Some(next) = page["metadata"]["continue"].as_str() else { break };
        token = next.to_owned();
    }
    assert_eq!(seen.len(), local(&server).list(Kind::Deployment, None).len());
    assert_eq!(seen.iter().collect::<BTreeSet<_>>().len(), seen.len());
    assert_eq!(versions.len(), 1, "every page is under the first one's version");
}

#[tokio::test]
async fn an_old_continue_token_has_expired() {
    let server = start().await;
    let client = client(&server);
    let (_, page) = get(&client, "/api/v1/pods?limit=1").await;
    let token = page["metadata"]["continue"].as_str().unwrap();
    local(&server).delete(Kind::Deployment, "shop-dev", "cart").unwrap();
    local(&server).compact();
    let (status, error) = get(&client, &format!("/api/v1/pods?limit=1&continue={token}")).await;
    assert_eq!((status, &error["reason"]), (StatusCode::GONE, &json!("Expired")));
}

#[tokio::test]
async fn selectors_narrow_lists() {
    let server = start().await;
    let client = client(&server);
    let names = async |query: &str| -> Vec<String> {
        let (_, list) = get(&client, &format!("/apis/apps/v1/namespaces/shop-dev/deployments?{query}")).await;
        let items = list["items"].as_array().unwrap();
        items.iter().map(|item| item["metadata"]["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names("labelSelector=app%3Dcart").await, ["cart"]);
    assert_eq!(names("labelSelector=app+in+(cart,search)").await, ["cart", "search"]);
    assert_eq!(names("fieldSelector=metadata.name%3Dcheckout").await, ["checkout"]);
    assert!(!names("labelSelector=app!%3Dcart").await.contains(&"cart".to_owned()));
}

#[tokio::test]
async fn an_old_cluster_serves_cron_jobs_as_beta_only() {
    let server = start().await;
    let path = "/k8s/clusters/c-m-prod0001";
    let client = client_at(&server, path, &format!("Bearer {ADMIN_TOKEN}"));
    assert_eq!(get(&client, "/apis/batch/v1/cronjobs").await.0, StatusCode::NOT_FOUND);
    let (status, list) = get(&client, "/apis/batch/v1beta1/cronjobs").await;
    assert_eq!((status, &list["apiVersion"]), (StatusCode::OK, &json!("batch/v1beta1")));
    assert_eq!(list["items"][0]["apiVersion"], "batch/v1beta1");
}

#[tokio::test]
async fn everything_seeded_is_rolled_out() {
    let server = start().await;
    for id in ["local", "c-m-stage001", "c-m-prod0001"] {
        let cluster = server.cluster(id).unwrap();
        let settled = |deployment: &Value| {
            let reason = &deployment["status"]["conditions"][1]["reason"];
            *reason == "NewReplicaSetAvailable" || *reason == "ProgressDeadlineExceeded"
        };
        assert!(cluster.list(Kind::Deployment, None).iter().all(settled), "{id}");
    }
}

#[tokio::test]
async fn a_fleet_has_as_many_services_as_asked_for() {
    let fleet = Fleet { clusters: 4, services: 50, ..Fleet::default() };
    let server = start_with(Options { fleet: Some(fleet), ..Options::default() }).await;
    let count = |number: usize| {
        server.cluster(&format!("c-m-{number:08}")).unwrap().list(Kind::Deployment, None).len()
    };
    assert_eq!((1..=4).map(count).sum::<usize>(), 50);
}
