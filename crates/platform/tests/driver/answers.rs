//! Servers that answer as no API should.

use std::time::Duration;

use crate::{
    canned::{self, Canned},
    target::wait_for,
};
use domain::{
    secret::Secret,
    service::WorkloadKind,
    site::{CheckStatus, SiteKind},
    workload::WorkloadKey,
};
use futures::StreamExt;
use platform::{Connection, Error, Scope, WatchEvent};

fn connection(url: &str) -> Connection {
    Connection {
        kind: SiteKind::Kubernetes,
        url: url.to_owned(),
        token: Secret::new("s3cret-t0ken"),
        ca_certificate: None,
        patience: Default::default(),
    }
}

fn web() -> WorkloadKey {
    WorkloadKey { namespace: "shop".into(), kind: WorkloadKind::Deployment, name: "web".into() }
}

#[tokio::test]
async fn what_is_no_api_is_told_in_words() {
    let html = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 15\r\n\r\n<!DOCTYPE html>";
    let redirect = "HTTP/1.1 302 Found\r\nLocation: https://login.example.com/\r\nContent-Length: 0\r\n\r\n";
    let tls = "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n";
    let cases = [
        (html, "web page"),
        (redirect, "https://login.example.com/"),
        (tls, "https://"),
        ("SSH-2.0-OpenSSH_9.2\r\n", "HTTP"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{\"gitV", "cut off"),
    ];
    for (answer, word) in cases {
        let server = Canned::start(move |_| answer.to_owned()).await;
        let test = platform::test(platform::connect(&connection(&server.url)), &|_| {}).await;
        assert!(!test.success && test.message.contains(word), "{answer}: {}", test.message);
        assert_eq!(test.field.as_deref(), Some("url"));
        assert!(test.checks[1..].iter().all(|check| check.status == CheckStatus::Skipped));
        let error = platform::connect(&connection(&server.url))
            .unwrap()
            .workload("default", &web())
            .await
            .unwrap_err();
        assert!(!format!("{error:?}{test:?}").contains("s3cret"), "the token is not repeated");
    }
}

#[tokio::test]
async fn addresses_that_cannot_be_used_fail_the_test() {
    for url in ["http://127.0.0.1:1", "http://no-such-host.invalid", "http://169.254.169.254", "nonsense"] {
        let test = platform::test(platform::connect(&connection(url)), &|_| {}).await;
        assert_eq!(test.field.as_deref(), Some("url"), "{}", test.message);
        assert_eq!(test.checks.len(), 8);
    }
}

#[tokio::test]
async fn a_busy_server_says_how_long_to_wait() {
    let busy = "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 9\r\nContent-Length: 0\r\n\r\n";
    let server = Canned::start(move |_| busy.to_owned()).await;
    let error = platform::connect(&connection(&server.url)).unwrap().clusters().await.unwrap_err();
    assert_eq!(error.retry_after(), Some(Duration::from_secs(9)));
}

#[tokio::test]
async fn what_is_not_served_or_not_allowed_is_listed_as_empty() {
    let server = Canned::start(|path| match path {
        _ if path.contains("watch=true") => canned::open(),
        _ if path.contains("cronjobs") => canned::plain(404, "404 page not found"),
        _ if path.contains("pods") => canned::json(403, r#"{"kind":"Status","message":"pods is forbidden"}"#),
        _ => canned::json(200, r#"{"metadata":{"resourceVersion":"5"},"items":null}"#),
    })
    .await;
    let platform = platform::connect(&connection(&server.url)).unwrap();
    let first: Vec<WatchEvent> = platform.watch("default", Scope::Cluster).take(5).collect().await;
    assert!(
        first.iter().all(|event| matches!(event, WatchEvent::Listed { .. } | WatchEvent::ListedPods { .. })),
        "{first:?}"
    );
}

#[tokio::test]
async fn cron_jobs_of_an_old_server_are_found_in_the_beta() {
    let server = Canned::start(|path| match path {
        _ if path.contains("watch=true") => canned::open(),
        _ if path.contains("/batch/v1/") => canned::plain(404, "404 page not found"),
        _ if path.contains("/batch/v1beta1/") => {
            canned::json(200, r#"{"items":[{"metadata":{"name":"report"}}]}"#)
        }
        _ => canned::json(200, r#"{"items":[]}"#),
    })
    .await;
    let platform = platform::connect(&connection(&server.url)).unwrap();
    let mut events = platform.watch("default", Scope::Cluster);
    let name = wait_for(&mut events, |event| match event {
        WatchEvent::Listed { workloads, .. } => {
            workloads.into_iter().next().map(|facts| facts.key.to_string())
        }
        _ => None,
    });
    assert_eq!(name.await, "CronJob /report");
}

#[tokio::test]
async fn a_watch_that_ends_goes_on_from_the_last_version() {
    let added = |name: &str, version: u8| {
        let object = format!(r#"{{"metadata":{{"name":"{name}","resourceVersion":"{version}"}}}}"#);
        canned::json(200, &format!(r#"{{"type":"ADDED","object":{object}}}"#))
    };
    let server = Canned::start(move |path| match path {
        _ if !path.contains("watch=true") => {
            canned::json(200, r#"{"metadata":{"resourceVersion":"5"},"items":[]}"#)
        }
        _ if path.contains("deployments") && path.contains("resourceVersion=5") => added("first", 6),
        _ if path.contains("deployments") && path.contains("resourceVersion=6") => added("second", 7),
        _ => canned::open(),
    })
    .await;
    let platform = platform::connect(&connection(&server.url)).unwrap();
    let mut lists = 0;
    wait_for(&mut platform.watch("default", Scope::Cluster), |event| match event {
        WatchEvent::Listed { kind, .. } => {
            lists += i32::from(kind == WorkloadKind::Deployment);
            None
        }
        WatchEvent::Changed(facts) => (facts.key.name == "second").then_some(()),
        WatchEvent::Lost(words) => panic!("{words}"),
        _ => None,
    })
    .await;
    assert_eq!(lists, 1);
}

#[tokio::test]
async fn a_version_that_is_too_old_is_listed_anew_without_losing_contact() {
    let gone =
        r#"{"type":"ERROR","object":{"kind":"Status","code":410,"message":"too old resource version"}}"#;
    let server = Canned::start(move |path| match path {
        _ if path.contains("watch=true") && path.contains("deployments") => canned::json(200, gone),
        _ if path.contains("watch=true") => canned::open(),
        _ => canned::json(200, r#"{"metadata":{"resourceVersion":"5"},"items":[]}"#),
    })
    .await;
    let platform = platform::connect(&connection(&server.url)).unwrap();
    let of_deployments = |event: &WatchEvent| match event {
        WatchEvent::Listed { kind, .. } => *kind == WorkloadKind::Deployment,
        WatchEvent::Lost(words) => panic!("{words}"),
        _ => false,
    };
    let events = platform.watch("default", Scope::Cluster);
    let again = events.filter(|event| std::future::ready(of_deployments(event))).take(2).collect::<Vec<_>>();
    tokio::time::timeout(Duration::from_secs(30), again).await.expect("it is listed again");
}

#[tokio::test]
async fn pages_that_expire_begin_anew() {
    let mut expired = false;
    let server = Canned::start(move |path| {
        let page = |items: &str, next: &str| {
            canned::json(
                200,
                &format!(r#"{{"metadata":{{"resourceVersion":"5","continue":"{next}"}},"items":[{items}]}}"#),
            )
        };
        match path.contains("continue=more") {
            true if !std::mem::replace(&mut expired, true) => {
                canned::json(410, r#"{"message":"token expired"}"#)
            }
            true => page(r#"{"metadata":{"name":"b"}}"#, ""),
            false => page(r#"{"metadata":{"name":"a"}}"#, "more"),
        }
    })
    .await;
    let namespaces =
        platform::connect(&connection(&server.url)).unwrap().namespaces("default").await.unwrap();
    let names: Vec<&str> = namespaces.iter().map(|namespace| namespace.name.as_str()).collect();
    assert_eq!(names, ["a", "b"]);
}

#[tokio::test]
async fn an_answer_cut_off_after_a_patch_may_be_tried_again() {
    let object = r#"{"metadata":{"name":"web","namespace":"shop","uid":"u"},"spec":{"template":{"spec":{"containers":[]}}}}"#;
    let server = Canned::start(move |path| match path.contains("fieldManager=lockstep") {
        true => {
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 900\r\n\r\n{".to_owned()
        }
        false => canned::json(200, object),
    })
    .await;
    let change = platform::ImageChange {
        uid: "u".into(),
        from: vec![],
        to: vec![],
        variables: None,
        scale: None,
        deployment: "d".into(),
        seen: None,
        back: false,
    };
    let platform = platform::connect(&connection(&server.url)).unwrap();
    let error = platform.set_images("default", &web(), &change, false).await.unwrap_err();
    assert!(matches!(error, Error::Answer(_)) && error.is_transient(), "{error:?}");
}

#[tokio::test]
async fn conflicts_without_end_are_given_up_for_now() {
    let object = r#"{"metadata":{"name":"web","namespace":"shop","uid":"u"},"spec":{"template":{"spec":{"containers":[]}}}}"#;
    let server = Canned::start(move |path| match path.contains("fieldManager=lockstep") {
        true => canned::json(409, r#"{"kind":"Status","reason":"Conflict"}"#),
        false => canned::json(200, object),
    })
    .await;
    let change = platform::ImageChange {
        uid: "u".into(),
        from: vec![],
        to: vec![],
        variables: None,
        scale: None,
        deployment: "d".into(),
        seen: None,
        back: false,
    };
    let platform = platform::connect(&connection(&server.url)).unwrap();
    let error = platform.set_images("default", &web(), &change, false).await.unwrap_err();
    assert!(matches!(error, Error::Unavailable { .. }), "{error:?}");
}
