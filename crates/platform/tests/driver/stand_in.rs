//! What only a Rancher does, tried on the stand-in: its tokens, its clusters, TLS, and contact lost and found.

use crate::target::{Target, rancher, wait_for};
use domain::{
    cluster::ClusterState,
    secret::Secret,
    site::{CheckStatus, SiteKind, SiteTest},
    variable::{Opened, OpenedValue},
};
use platform::{Connection, Error, ImageChange, Scope, VariableChange, WatchEvent};
use standin::{
    ADMIN_TOKEN, EXPIRED_TOKEN, EXPIRING_TOKEN, NO_NODES_TOKEN, NO_SECRETS_TOKEN, Options, SCOPED_TOKEN, Tls,
    VIEW_TOKEN,
};

fn status<'a>(test: &'a SiteTest, name: &str) -> &'a CheckStatus {
    &test.checks.iter().find(|check| check.name == name).expect("the check was made").status
}

#[tokio::test]
async fn each_token_is_told_what_it_is_good_for() {
    let server = standin::start(Options::default()).await.unwrap();
    let test =
        async |token: &str| platform::test(platform::connect(&rancher(&server.url(), token)), &|_| {}).await;

    let admin = test(ADMIN_TOKEN).await;
    assert!(admin.success && admin.signed_in_as.as_deref() == Some("Default Admin"), "{admin:#?}");
    assert_eq!(*status(&admin, "patch_workloads"), CheckStatus::Passed);

    assert!(test(EXPIRING_TOKEN).await.token_expires_at.is_some());

    let view = test(VIEW_TOKEN).await;
    assert!(view.success);
    assert_eq!(*status(&view, "list_workloads"), CheckStatus::Passed);
    assert_eq!(*status(&view, "patch_workloads"), CheckStatus::Warning);

    for (token, word) in [(SCOPED_TOKEN, "no scope"), (EXPIRED_TOKEN, "expired"), ("token-x:wrong", "wrong")]
    {
        let refused = test(token).await;
        assert!(!refused.success && refused.message.contains(word), "{token}: {}", refused.message);
        assert_eq!(refused.field.as_deref(), Some("token"));
        assert_eq!(*status(&refused, "version"), CheckStatus::Skipped);
        assert!(!format!("{refused:?}").contains(token), "the token is not repeated");
    }
    server.shutdown().await;
}

#[tokio::test]
async fn a_reader_may_look_and_not_change() {
    let server = standin::start(Options::default()).await.unwrap();
    let target = Target::stand_in(&server).await;
    let change = target.change_to("web:v2", "d-1").await;
    let reader = platform::connect(&rancher(&server.url(), VIEW_TOKEN)).unwrap();
    let refused = reader.set_images(&target.cluster, &target.web(), &change, true).await;
    assert!(matches!(refused, Err(Error::Forbidden(_))), "{refused:?}");
    server.shutdown().await;
}

#[tokio::test]
async fn who_may_not_write_secrets_is_told_which_right_it_takes() {
    let server = standin::start(Options::default()).await.unwrap();
    let target = Target::stand_in(&server).await;
    let deployer = platform::connect(&rancher(&server.url(), NO_SECRETS_TOKEN)).unwrap();
    let set = async |value: OpenedValue| {
        let to = Opened([("TOKEN".to_owned(), value)].into());
        let variables = Some(VariableChange { from: Opened::default(), to });
        let change = ImageChange { variables, ..target.change_to("web:v2", "d-1").await };
        deployer.set_images(&target.cluster, &target.web(), &change, true).await
    };
    let text = Some(Secret::new("hunter2"));
    let refused = set(OpenedValue::Secret { fingerprint: "AAAA".into(), text }).await;
    let Err(Error::Forbidden(words)) = refused else { panic!("it may not: {refused:?}") };
    assert!(words.contains("“create” and “patch” secrets") && !words.contains("hunter2"), "{words}");
    assert!(set(OpenedValue::Plain("info".into())).await.is_ok(), "plain ones need no Secret");
    server.shutdown().await;
}

#[tokio::test]
async fn nodes_and_pods_add_up_to_what_rancher_tells() {
    let server = standin::start(Options::default()).await.unwrap();
    let below = |token: &str| {
        let url = format!("{}/k8s/clusters/c-m-stage001", server.url());
        let connection = Connection { kind: SiteKind::Kubernetes, ..rancher(&url, token) };
        platform::connect(&connection).unwrap()
    };
    let as_rancher = platform::connect(&rancher(&server.url(), NO_NODES_TOKEN)).unwrap();
    let told = as_rancher.capacity("c-m-stage001").await.unwrap();
    let counted = below(ADMIN_TOKEN).capacity("default").await.unwrap();
    assert_eq!((counted.nodes, counted.cpu.total), (Some(3), told.cpu.total));
    assert_eq!((counted.memory.total, told.nodes), (told.memory.total, Some(3)));
    // Pods that have no node yet are asked for, and not kept a place for.
    assert!(counted.cpu.taken.is_some_and(|taken| taken > 0) && counted.cpu.taken <= told.cpu.taken);

    let refused = below(NO_NODES_TOKEN).capacity("default").await.unwrap_err();
    assert!(refused.to_string().contains("may not list nodes"), "{refused}");
    server.shutdown().await;
}

#[tokio::test]
async fn the_wrong_kind_of_site_is_told() {
    let server = standin::start(Options::default()).await.unwrap();
    let as_cluster = Connection { kind: SiteKind::Kubernetes, ..rancher(&server.url(), ADMIN_TOKEN) };
    let test = platform::test(platform::connect(&as_cluster), &|_| {}).await;
    assert!(test.message.contains("connect it as Rancher"), "{}", test.message);
    let below = rancher(&format!("{}/k8s/clusters/local", server.url()), ADMIN_TOKEN);
    let test = platform::test(platform::connect(&below), &|_| {}).await;
    assert!(test.message.contains("connect it as Kubernetes"), "{}", test.message);
    let cluster = Connection { kind: SiteKind::Kubernetes, ..below };
    let test = platform::test(platform::connect(&cluster), &|_| {}).await;
    assert!(test.success, "{test:#?}");
    server.shutdown().await;
}

#[tokio::test]
async fn clusters_out_of_reach_are_listed_as_such() {
    let server = standin::start(Options::default()).await.unwrap();
    let platform = platform::connect(&rancher(&server.url(), ADMIN_TOKEN)).unwrap();
    let clusters = platform.clusters().await.unwrap();
    assert!(clusters.iter().any(|cluster| cluster.external_id == "local"));
    for cluster in &clusters {
        let reached = platform.namespaces(&cluster.external_id).await;
        assert_eq!(reached.is_ok(), cluster.state == ClusterState::Active, "{cluster:?}");
        if let Err(error) = reached {
            assert!(error.is_transient() && cluster.message.is_some(), "{error:?}");
        }
    }
    let namespaces = platform.namespaces("c-m-stage001").await.unwrap();
    assert!(namespaces.iter().any(|namespace| namespace.project.is_some()));
    server.shutdown().await;
}

#[tokio::test]
async fn a_certificate_is_trusted_only_if_it_is_given() {
    let tls = Some(Tls::default());
    let server = standin::start(Options { tls, ..Options::default() }).await.unwrap();
    let unknown = rancher(&server.url(), ADMIN_TOKEN);
    let test = platform::test(platform::connect(&unknown), &|_| {}).await;
    assert_eq!(test.field.as_deref(), Some("caCertificate"));
    assert!(test.message.contains("give its CA certificate"), "{}", test.message);

    let known = Connection { ca_certificate: server.ca_pem().map(str::to_owned), ..unknown };
    let test = platform::test(platform::connect(&known), &|_| {}).await;
    assert!(test.success, "{test:#?}");

    let plain = rancher(&server.url().replace("https://", "http://"), ADMIN_TOKEN);
    let test = platform::test(platform::connect(&plain), &|_| {}).await;
    assert_eq!(test.field.as_deref(), Some("url"));
    assert!(test.message.contains("https://"), "{}", test.message);
    server.shutdown().await;
}

#[tokio::test]
async fn tls_to_a_plain_port_says_so() {
    let server = standin::start(Options::default()).await.unwrap();
    let test = platform::test(
        platform::connect(&rancher(&server.url().replace("http://", "https://"), ADMIN_TOKEN)),
        &|_| {},
    )
    .await;
    assert!(test.message.contains("does not speak TLS"), "{}", test.message);
    server.shutdown().await;
}

#[tokio::test]
async fn contact_that_is_lost_is_told_and_found_again() {
    let server = standin::start(Options::default()).await.unwrap();
    let addr = server.url().trim_start_matches("http://").parse().unwrap();
    let platform = platform::connect(&rancher(&server.url(), ADMIN_TOKEN)).unwrap();
    let mut events = platform.watch("c-m-stage001", Scope::Cluster);
    let listed = |event| match event {
        WatchEvent::Listed { workloads, .. } => (!workloads.is_empty()).then_some(()),
        _ => None,
    };
    wait_for(&mut events, listed).await;
    server.shutdown().await;
    let words = wait_for(&mut events, |event| match event {
        WatchEvent::Lost(words) => Some(words),
        _ => None,
    })
    .await;
    assert!(words.contains("Nothing listens"), "{words}");
    let server = standin::start(Options { addr, ..Options::default() }).await.unwrap();
    wait_for(&mut events, listed).await;
    server.shutdown().await;
}
