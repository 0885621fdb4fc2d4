//! Services behind their front doors: what changes, stops, crashes or is upgraded costs no request.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use domain::{local_service::LocalServiceSpec, strategy::Strategy};
use door::Client;
use local::{Observed, Options, Site};
use rustix::process::{Pid, Signal, kill_process};

use crate::{
    load::Load,
    replica::{SITE, serving},
    support::{App, cart, is_settled, processes, sleeping},
};

/// The cart with so many replicas that serve, behind its front door.
async fn opened(replicas: u16) -> (App, String) {
    let app = App::new().await;
    app.site().put(&cart(), serving("1.0", replicas), None, 0).unwrap();
    let address = app.settled(&cart(), "shop/cart:1.0").await.address.unwrap();
    app.routed(replicas.into()).await;
    (app, address)
}

impl App {
    /// Waits until requests go to so many replicas of the cart.
    async fn routed(&self, replicas: usize) {
        let count = || {
            let routes = door::routes(&self.options.root.join("door")).unwrap().routes;
            routes
                .iter()
                .flat_map(|route| &route.versions)
                .map(|version| version.replicas.len())
                .sum::<usize>()
        };
        while count() != replicas {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// The process that has the front doors.
    async fn door(&self) -> Option<i32> {
        Client::connect(&self.options.root.join("door")).await.unwrap()?.pid()
    }

    /// The same, once there is one that is not this one.
    async fn next_door(&self, before: i32) -> i32 {
        loop {
            match self.door().await {
                Some(pid) if pid != before => return pid,
                _ => tokio::time::sleep(Duration::from_millis(5)).await,
            }
        }
    }

    async fn counted(&self) -> BTreeMap<String, u64> {
        let counts = self.site().counts(&cart()).await.unwrap().unwrap();
        assert_eq!(counts.unserved, 0, "{counts:?}");
        counts.versions.into_iter().map(|version| (version.image, version.requests)).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rolling_change_under_load_fails_no_request() {
    let (app, address) = opened(2).await;
    let load = Load::begin(&address, 8);
    for generation in 1..=4 {
        load.more(1_250).await;
        let tag = format!("1.{generation}");
        app.site().put(&cart(), serving(&tag, 2), None, generation).unwrap();
        let after = app.settled(&cart(), &format!("shop/cart:{tag}")).await;
        assert_eq!(after.address.as_ref(), Some(&address), "it stays the same");
    }
    load.more(10).await;
    let answers = load.end().await;
    let tags: Vec<&str> = answers.keys().map(String::as_str).collect();
    assert_eq!(tags, ["1.0", "1.1", "1.2", "1.3", "1.4"], "each has served, and nothing else was said");
    assert!(answers.values().sum::<u64>() >= 5_000, "{answers:?}");
    let told = answers.into_iter().map(|(tag, count)| (format!("shop/cart:{tag}"), count)).collect();
    assert_eq!(app.counted().await, told);
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_wait_while_a_version_makes_room_for_the_next() {
    let app = App::new().await;
    let version = |tag| LocalServiceSpec { strategy: Strategy::Recreate, ..serving(tag, 1) };
    app.site().put(&cart(), version("1.0"), None, 0).unwrap();
    let address = app.settled(&cart(), "shop/cart:1.0").await.address.unwrap();
    app.routed(1).await;
    let load = Load::begin(&address, 4);
    load.more(100).await;
    app.site().put(&cart(), version("1.1"), None, 1).unwrap();
    app.settled(&cart(), "shop/cart:1.1").await;
    load.more(100).await;
    assert_eq!(load.end().await.into_keys().collect::<Vec<_>>(), ["1.0", "1.1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn versions_share_by_their_weights() {
    let (app, address) = opened(1).await;
    // Only one of the two new ones begins, so the old one stays.
    let new = serving("1.1", 2);
    let once = app.options.root.join("once");
    let begin = format!("mkdir {} && exec {} {}", once.display(), new.program, new.arguments.join(" "));
    let new = LocalServiceSpec { program: "sh".into(), arguments: vec!["-c".into(), begin], ..new };
    app.site().put(&cart(), new, None, 1).unwrap();
    let two = |observed: &Observed| observed.replicas.iter().filter(|replica| replica.ready).count() == 2;
    app.until(&cart(), two, |_| {}).await;
    app.site()
        .weigh(&cart(), BTreeMap::from([("shop/cart:1.0".into(), 1), ("shop/cart:1.1".into(), 3)]))
        .unwrap();
    let weighed = || {
        let routes = door::routes(&app.options.root.join("door")).unwrap().routes;
        routes[0].versions.iter().filter(|version| version.weight.is_some()).count() == 2
    };
    while !weighed() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let load = Load::begin(&address, 1);
    load.more(400).await;
    let answers = load.end().await;
    let (old, new) = (answers["1.0"] as i64, answers["1.1"] as i64);
    assert!((new - 3 * old).abs() <= 4, "{answers:?}");
}

/// A server that is a process of its own, and can be killed.
fn server(options: &Options) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "replica::site", "--ignored", "--nocapture"]);
    command.env(
        SITE,
        serde_json::json!([options.root, options.holder, options.ports.start(), options.ports.end()])
            .to_string(),
    );
    command.stdout(Stdio::null()).spawn().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_server_leaves_the_door_open_and_the_next_one_finds_it() {
    let (mut app, address) = opened(2).await;
    app.close().await;
    let mut server = server(&app.options);
    let door = app.door().await.unwrap();
    let load = Load::begin(&address, 4);
    // It has the site once nobody else gets it.
    let other = loop {
        match Site::open(app.options.clone()).await {
            Ok(site) => site.close().await,
            Err(error) => break error,
        }
    };
    assert!(other.to_string().contains("belongs to another server"), "{other}");
    load.more(200).await;
    server.kill().unwrap();
    server.wait().unwrap();
    load.more(200).await;
    app.open().await;
    let after = app.settled(&cart(), "shop/cart:1.0").await;
    assert_eq!(after.address.as_ref(), Some(&address));
    app.site().put(&cart(), serving("1.1", 2), None, 1).unwrap();
    app.settled(&cart(), "shop/cart:1.1").await;
    load.more(200).await;
    assert_eq!(app.door().await, Some(door), "the same");
    assert_eq!(load.end().await.into_keys().collect::<Vec<_>>(), ["1.0", "1.1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_door_is_opened_again_at_the_same_address() {
    let (app, address) = opened(2).await;
    let before = app.door().await.unwrap();
    kill_process(Pid::from_raw(before).unwrap(), Signal::KILL).unwrap();
    app.next_door(before).await;
    let load = Load::begin(&address, 4);
    load.more(100).await;
    app.site().put(&cart(), serving("1.1", 2), None, 1).unwrap();
    app.settled(&cart(), "shop/cart:1.1").await;
    load.more(100).await;
    assert_eq!(load.end().await.into_keys().collect::<Vec<_>>(), ["1.0", "1.1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upgrade_hands_the_door_over_and_fails_no_request() {
    let (mut app, address) = opened(2).await;
    let before = app.door().await.unwrap();
    let load = Load::begin(&address, 8);
    load.more(500).await;
    let upgraded = app.options.root.join("upgraded");
    fs::copy(&app.options.holder, &upgraded).unwrap();
    app.options.holder = upgraded;
    app.again().await;
    app.next_door(before).await;
    load.more(500).await;
    app.site().put(&cart(), serving("1.1", 2), None, 1).unwrap();
    app.settled(&cart(), "shop/cart:1.1").await;
    load.more(500).await;
    assert_eq!(load.end().await.into_keys().collect::<Vec<_>>(), ["1.0", "1.1"]);
    while Path::new(&format!("/proc/{before}/exe")).exists() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_door_comes_and_goes_and_what_runs_stays() {
    let (mut app, address) = opened(1).await;
    let before = app.settled(&cart(), "shop/cart:1.0").await;
    let without = LocalServiceSpec { front_door: false, ..serving("1.0", 1) };
    app.site().put(&cart(), without, None, 1).unwrap();
    let after = app.until(&cart(), |observed| observed.address.is_none(), |_| {}).await;
    assert_eq!(processes(&after), processes(&before));
    assert_eq!(app.door().await, None, "where nothing is to be served, nobody waits");
    app.site().put(&cart(), serving("1.0", 1), None, 2).unwrap();
    let after = app.until(&cart(), |observed| observed.address.is_some(), |_| {}).await;
    assert_eq!(processes(&after), processes(&before));
    assert_ne!(after.address, Some(address), "the port that was given back last comes last");
    app.routed(1).await;

    app.again().await;
    app.site().remove(&cart()).unwrap();
    let mut news = app.site().news();
    while app.site().service(&cart()).is_some() {
        news.recv().await.unwrap();
    }
    assert_eq!(app.door().await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_cannot_be_had_is_said_and_the_service_runs() {
    let mut app = App::new().await;
    app.options.ports = *app.options.ports.start()..=*app.options.ports.start();
    app.again().await;
    app.site().put(&cart(), LocalServiceSpec { front_door: true, ..sleeping("1.0", 1) }, None, 0).unwrap();
    // Its only port is the door's; no replica has one.
    let told = app.until(&cart(), |observed| observed.problem.is_some(), |_| {}).await;
    assert!(told.problem.unwrap().contains("wider range"));

    let (mut app, address) = opened(1).await;
    app.close().await;
    let door = app.door().await.unwrap();
    kill_process(Pid::from_raw(door).unwrap(), Signal::KILL).unwrap();
    let port = address.rsplit(':').next().unwrap().parse().unwrap();
    let other = loop {
        match std::net::TcpListener::bind(("127.0.0.1", port)) {
            Ok(other) => break other,
            Err(_) => tokio::task::yield_now().await,
        }
    };
    app.open().await;
    let told = app.until(&cart(), |observed| observed.problem.is_some(), |_| {}).await;
    assert!(told.problem.as_ref().unwrap().contains("cannot listen"), "{told:?}");
    assert!(is_settled(&told, "shop/cart:1.0"));
    drop(other);
    app.until(&cart(), |observed| observed.problem.is_none(), |_| {}).await;
}
