//! Each fault does what it says, to the requests it is for, and to no others.

use std::time::Duration;

use futures::StreamExt;
use http::{Method, Request, StatusCode};
use http_body_util::BodyExt;
use kube::Client;
use serde_json::{Value, json};
use standin::{Fault, FaultRule, Kind, Options, Server};

use crate::client::{
    client, client_at, get, image, local, management, patch, send, start, start_with, watch,
};

const CART: &str = "/apis/apps/v1/namespaces/shop-dev/deployments/cart";
const DEPLOYMENTS: &str = "/apis/apps/v1/namespaces/shop-dev/deployments";
const NEW: &str = "registry.example.com/shop/cart:9";

/// A stand-in in which something always goes wrong, and a client of its first cluster.
async fn with(fault: Fault) -> (Server, Client) {
    let server = start().await;
    server.set_faults(vec![FaultRule::new(fault, 1.0)], None);
    let client = client(&server);
    (server, client)
}

/// What cannot be answered in the end.
async fn broken(client: &Client, method: Method, body: &Value) -> bool {
    let request = Request::builder()
        .method(method)
        .uri(CART)
        .header("content-type", "application/strategic-merge-patch+json")
        .body(kube::client::Body::from(body.to_string().into_bytes()))
        .expect("a valid request");
    match client.send(request).await {
        Ok(response) => response.into_body().collect().await.is_err(),
        Err(_) => true,
    }
}

async fn version(client: &Client) -> String {
    get(client, DEPLOYMENTS).await.1["metadata"]["resourceVersion"]
        .as_str()
        .expect("every list has a version")
        .to_owned()
}

#[tokio::test]
async fn answers_that_say_what_is_wrong() {
    let words: [(Fault, u16, &str); 6] = [
        (Fault::TooManyRequests, 429, "too many requests"),
        (Fault::InternalError, 500, "Internal error"),
        (Fault::Unavailable, 503, "unable to handle"),
        (Fault::ExpiredToken, 401, "token-admin is expired"),
        (Fault::RevokedToken, 401, "must authenticate"),
        (Fault::Dead, 503, "disconnected"),
    ];
    for (fault, status, words) in words {
        let (server, client) = with(fault).await;
        let answer = patch(&client, CART, image(NEW)).await;
        assert_eq!(answer.0.as_u16(), status);
        assert!(answer.1["message"].as_str().unwrap().contains(words), "{fault:?}: {}", answer.1);
        assert!(local(&server).records().is_empty(), "{fault:?}: nothing took effect");
    }
}

#[tokio::test]
async fn too_many_requests_say_when_to_come_again() {
    let server = start().await;
    let rule = FaultRule { millis: Some(2500), ..FaultRule::new(Fault::TooManyRequests, 1.0) };
    server.set_faults(vec![rule], None);
    let request = Request::get(CART).body(kube::client::Body::empty()).unwrap();
    let answer = client(&server).send(request).await.unwrap();
    assert_eq!(answer.headers()["retry-after"], "3");
}

#[tokio::test]
async fn a_page_stands_in_the_place_of_json() {
    let (_server, client) = with(Fault::Html).await;
    let mut seen = std::collections::BTreeSet::new();
    while seen.len() < 2 {
        let (status, page) = get(&client, CART).await;
        assert!(page.as_str().unwrap().contains("<html>"));
        seen.insert(status);
    }
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), [StatusCode::OK, StatusCode::BAD_GATEWAY]);
}

#[tokio::test]
async fn connections_end_before_or_after_the_change_took_effect() {
    for (fault, records) in [(Fault::Reset, 0), (Fault::ResetAfter, 1), (Fault::Cut, 1)] {
        let (server, client) = with(fault).await;
        assert!(broken(&client, Method::PATCH, &image(NEW)).await, "{fault:?}");
        assert_eq!(local(&server).records().len(), records, "{fault:?}");
        server.set_faults(Vec::new(), None);
        assert_eq!(get(&client, CART).await.0, StatusCode::OK, "{fault:?}: over");
    }
}

#[tokio::test]
async fn a_dead_cluster_is_listed_as_such_and_the_others_live_on() {
    let server = start().await;
    let rule = FaultRule { clusters: Some(vec!["local".to_owned()]), ..FaultRule::new(Fault::Dead, 1.0) };
    server.set_faults(vec![rule], None);
    let (_, cluster) = get(&management(&server), "/v3/clusters/local").await;
    assert_eq!(cluster["state"], "unavailable");
    let other = client_at(&server, "/k8s/clusters/c-m-stage001", &format!("Bearer {}", standin::ADMIN_TOKEN));
    assert_eq!(get(&other, "/api/v1/pods").await.0, StatusCode::OK);
}

#[tokio::test]
async fn faults_hit_their_share_by_the_seed() {
    let server = start().await;
    let client = client(&server);
    let mut runs = Vec::new();
    for _ in 0..2 {
        server.set_faults(vec![FaultRule::new(Fault::Unavailable, 0.3)], Some(7));
        let mut hits = Vec::new();
        for _ in 0..60 {
            hits.push(get(&client, CART).await.0.is_server_error());
        }
        runs.push(hits);
    }
    assert_eq!(runs[0], runs[1]);
    let hit = runs[0].iter().filter(|hit| **hit).count();
    assert!((5..35).contains(&hit), "{hit} of 60");
}

#[tokio::test]
async fn watches_end_or_stay_silent_or_are_told_that_they_are_too_late() {
    let (server, client) = with(Fault::DropWatch).await;
    let path = format!("{DEPLOYMENTS}?watch=true");
    assert!(watch(&client, &path).await.next().await.is_none());
    server.set_faults(vec![FaultRule::new(Fault::Gone, 1.0)], None);
    let path = format!("{path}&resourceVersion={}", version(&client).await);
    assert_eq!(watch(&client, &path).await.next().await.unwrap()["object"]["code"], 410);
    let (_, page) = get(&client, &format!("{DEPLOYMENTS}?limit=1")).await;
    let next = page["metadata"]["continue"].as_str().unwrap();
    let answer = get(&client, &format!("{DEPLOYMENTS}?limit=1&continue={next}")).await;
    assert_eq!((answer.0, &answer.1["reason"]), (StatusCode::GONE, &json!("Expired")));

    let options = Options { bookmarks: Duration::from_millis(10), ..Options::default() };
    let server = start_with(options).await;
    server.set_faults(vec![FaultRule::new(Fault::SilentWatch, 1.0)], None);
    let path = format!("{DEPLOYMENTS}?watch=true&allowWatchBookmarks=true&timeoutSeconds=1");
    let client = client_at(&server, "/k8s/clusters/local", &format!("Bearer {}", standin::ADMIN_TOKEN));
    let mut silent = watch(&client, &path).await;
    server.set_faults(Vec::new(), None);
    assert!(silent.next().await.is_none(), "neither objects nor bookmarks");
}

#[tokio::test]
async fn events_come_twice_or_in_the_wrong_order() {
    let (server, client) = with(Fault::Repeat).await;
    let path = format!("{DEPLOYMENTS}?watch=true&resourceVersion={}", version(&client).await);
    let touch = |name: &str| {
        let label = json!({ "metadata": { "labels": { "color": "red" } } });
        local(&server).patch(Kind::Deployment, "shop-dev", name, label).unwrap();
    };
    let names = |events: Vec<Value>| -> Vec<String> {
        events.iter().map(|event| event["object"]["metadata"]["name"].as_str().unwrap().to_owned()).collect()
    };
    let events = watch(&client, &path).await;
    touch("cart");
    assert_eq!(names(events.take(2).collect().await), ["cart", "cart"]);
    server.set_faults(vec![FaultRule::new(Fault::OutOfOrder, 1.0)], None);
    let path = format!("{DEPLOYMENTS}?watch=true&resourceVersion={}", version(&client).await);
    let events = watch(&client, &path).await;
    touch("checkout");
    touch("catalog");
    assert_eq!(names(events.take(2).collect().await), ["catalog", "checkout"]);
}

#[tokio::test]
async fn a_clock_is_off_by_an_hour() {
    let (server, client) = with(Fault::Clock).await;
    let (_, told) = get(&client, CART).await;
    let truth = local(&server).get(Kind::Deployment, "shop-dev", "cart").unwrap();
    let created = |object: &Value| -> chrono::DateTime<chrono::Utc> {
        object["metadata"]["creationTimestamp"].as_str().unwrap().parse().unwrap()
    };
    assert_eq!(created(&told) - created(&truth), chrono::TimeDelta::hours(1));
    let first = watch(&client, &format!("{DEPLOYMENTS}?watch=true")).await.next().await.unwrap();
    let name = first["object"]["metadata"]["name"].as_str().unwrap();
    let truth = local(&server).get(Kind::Deployment, "shop-dev", name).unwrap();
    assert_eq!(created(&first["object"]) - created(&truth), chrono::TimeDelta::hours(1));
}

#[tokio::test]
async fn a_dry_run_is_accepted_and_the_change_is_not() {
    let (server, client) = with(Fault::DryRunOnly).await;
    assert_eq!(patch(&client, &format!("{CART}?dryRun=All"), image(NEW)).await.0, StatusCode::OK);
    assert_eq!(patch(&client, CART, image(NEW)).await.0, StatusCode::FORBIDDEN);
    assert!(local(&server).records().is_empty());
}

#[tokio::test]
async fn a_rollout_hangs_until_the_next_change() {
    let (server, client) = with(Fault::Hang).await;
    let settled = |name: &'static str| {
        move |cluster: &standin::ClusterHandle| {
            let it = cluster.get(Kind::Deployment, "shop-dev", name).unwrap();
            it["status"]["observedGeneration"] == it["metadata"]["generation"]
                && it["status"]["availableReplicas"] == it["spec"]["replicas"]
        }
    };
    patch(&client, CART, image(NEW)).await;
    server.set_faults(Vec::new(), None);
    patch(&client, &format!("{DEPLOYMENTS}/search"), image(NEW)).await;
    local(&server).wait_until(settled("search")).await;
    assert!(!settled("cart")(&local(&server)), "nobody has looked at it");
    patch(&client, CART, image("registry.example.com/shop/cart:10")).await;
    local(&server).wait_until(settled("cart")).await;
}

#[tokio::test]
async fn someone_else_changes_the_same_workload() {
    let (server, client) = with(Fault::OtherActor).await;
    let mut orders = std::collections::BTreeSet::new();
    while orders.len() < 2 {
        let before = local(&server).records().len();
        assert_eq!(patch(&client, CART, image(NEW)).await.0, StatusCode::OK);
        let who: Vec<String> = local(&server).records()[before..].iter().map(|it| it.who.clone()).collect();
        assert_eq!(who.len(), 2);
        orders.insert(who);
    }
}

#[tokio::test]
async fn faults_are_switched_over_http() {
    let server = start().await;
    let control = client_at(&server, "", "");
    let rules = json!([{ "fault": "latency", "rate": 0.5, "clusters": ["local"], "millis": 5 }]);
    let path = "/standin/faults?seed=3";
    let answer = send(&control, Method::PUT, path, "application/json", rules.clone()).await;
    assert_eq!(answer.0, StatusCode::NO_CONTENT);
    assert_eq!(get(&control, path).await.1, rules);
    send(&control, Method::DELETE, path, "", Value::Null).await;
    assert_eq!(get(&control, path).await.1, json!([]));
    let unknown = json!([{ "fault": "gremlins" }]);
    let answer = send(&control, Method::PUT, path, "application/json", unknown).await;
    assert_eq!(answer.0, StatusCode::UNPROCESSABLE_ENTITY);
}
