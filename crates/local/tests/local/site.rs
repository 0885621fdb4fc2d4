//! The local site with real processes: services come, change, fail, go back and go, and outlive the server.

use std::{
    io::{Read, Write},
    net::TcpListener,
    sync::{
        Arc,
        atomic::{AtomicU16, Ordering},
    },
};

use domain::{
    local_service::{HealthCheck, LocalServiceSpec},
    strategy::Strategy,
};
use local::{Error, Observed, ObservedReplica, Process, Site};
use rustix::process::{Pid, Signal, kill_process};

use crate::support::{App, cart, is_settled, processes, ready, script, sleeping};

#[tokio::test]
async fn a_new_version_takes_over_without_a_gap() {
    let app = App::new().await;
    let first = app.site().put(&cart(), sleeping("1.0", 2), None, 0).unwrap();
    let before = app.settled(&cart(), "shop/cart:1.0").await;
    let ports: Vec<u16> = before.replicas.iter().map(|replica| replica.port).collect();
    assert!(ports[0] != ports[1] && ports.iter().all(|port| app.options.ports.contains(port)));

    app.site().put(&cart(), sleeping("1.1", 2), None, first.generation).unwrap();
    let never_less = |observed: &Observed| {
        assert!(ready(observed) >= 2, "{observed:?}");
        let standing = observed.replicas.iter().filter(|replica| !replica.retiring).count();
        assert!(standing <= 3, "{observed:?}");
    };
    let after = app.until(&cart(), |observed| is_settled(observed, "shop/cart:1.1"), never_less).await;
    assert!(processes(&before).iter().all(|process| !process.is_alive()));
    assert!(processes(&after).iter().all(Process::is_alive));
    let same = app.site().put(&cart(), sleeping("1.1", 2), None, after.service.generation).unwrap();
    assert_eq!(same.generation, after.service.generation, "nothing has changed");
}

#[tokio::test]
async fn replace_after_terminate_never_has_two_versions_in_one_place() {
    let app = App::new().await;
    let minimum_healthy = "50%".parse().unwrap();
    let strategy = Strategy::ReplaceAfterTerminate { minimum_healthy };
    let version = |tag| LocalServiceSpec { strategy: strategy.clone(), ..sleeping(tag, 4) };
    app.site().put(&cart(), version("1.0"), None, 0).unwrap();
    app.settled(&cart(), "shop/cart:1.0").await;
    app.site().put(&cart(), version("1.1"), None, 1).unwrap();
    let promise = |observed: &Observed| {
        assert!(observed.replicas.len() <= 4, "{observed:?}");
        assert!(ready(observed) >= 2, "{observed:?}");
    };
    app.until(&cart(), |observed| is_settled(observed, "shop/cart:1.1"), promise).await;
}

#[tokio::test]
async fn what_runs_outlives_the_server_and_is_found_again() {
    let mut app = App::new().await;
    app.site().put(&cart(), sleeping("1.0", 3), None, 0).unwrap();
    let before = app.settled(&cart(), "shop/cart:1.0").await;
    let refused = Site::open(app.options.clone()).await.err().unwrap();
    assert!(matches!(refused, Error::InUse(_)), "{refused}");
    app.again().await;
    let after = app.settled(&cart(), "shop/cart:1.0").await;
    assert_eq!(processes(&after), processes(&before));
    assert_eq!(after.service, before.service);
}

#[tokio::test]
async fn a_version_that_keeps_ending_takes_nothing_away_and_the_way_back_is_at_once() {
    let app = App::new().await;
    app.site().put(&cart(), sleeping("1.0", 2), None, 0).unwrap();
    let before = app.settled(&cart(), "shop/cart:1.0").await;
    let failing = LocalServiceSpec { ready_after_ms: 1_000_000, ..script("exit 7", "1.1", 2) };
    app.site().put(&cart(), failing, None, 1).unwrap();
    let ends = |observed: &Observed| {
        let ended =
            |replica: &ObservedReplica| replica.state.as_ref().and_then(|state| state.last_exit.clone());
        observed.replicas.iter().filter_map(ended).any(|exit| exit.code == Some(7))
    };
    let failing = app.until(&cart(), ends, |observed| assert_eq!(ready(observed), 2)).await;
    app.site().put(&cart(), sleeping("1.0", 2), None, failing.service.generation).unwrap();
    let after = app.until(&cart(), |observed| is_settled(observed, "shop/cart:1.0"), |_| {}).await;
    assert_eq!(processes(&after), processes(&before), "what still ran goes on");
}

#[tokio::test]
async fn what_is_removed_leaves_nothing_behind() {
    let mut app = App::new().await;
    app.site().put(&cart(), script("sleep 1000 & exec sleep 1000", "1.0", 2), None, 0).unwrap();
    let before = app.settled(&cart(), "shop/cart:1.0").await;
    app.site().remove(&cart()).unwrap();
    let refused = app.site().put(&cart(), sleeping("1.1", 1), None, before.service.generation).err().unwrap();
    assert!(matches!(refused, Error::Going(_)), "{refused}");
    // Also when the server stops in the middle of it.
    app.again().await;
    let mut news = app.site().news();
    while app.site().service(&cart()).is_some() {
        news.recv().await.unwrap();
    }
    assert!(processes(&before).iter().all(|process| !process.is_alive()));
    assert_eq!(app.site().namespaces("here").unwrap().unwrap(), ["shop-dev"]);
    app.site().put(&cart(), sleeping("1.1", 1), None, 0).unwrap();
    app.settled(&cart(), "shop/cart:1.1").await;
}

#[tokio::test]
async fn a_stale_change_is_refused() {
    let app = App::new().await;
    app.site().put(&cart(), sleeping("1.0", 0), None, 0).unwrap();
    app.site().put(&cart(), sleeping("1.1", 0), None, 1).unwrap();
    let refused = app.site().put(&cart(), sleeping("1.2", 0), None, 1).err().unwrap();
    assert!(matches!(refused, Error::Stale(_, 2)), "{refused}");
    assert_eq!(app.site().service(&cart()).unwrap().service.spec.version(), "1.1");
}

#[tokio::test]
async fn a_killed_holder_is_replaced_and_nothing_is_doubled() {
    let app = App::new().await;
    app.site().put(&cart(), sleeping("1.0", 1), None, 0).unwrap();
    let before = app.settled(&cart(), "shop/cart:1.0").await;
    let holder = before.replicas[0].state.as_ref().unwrap().holder;
    kill_process(Pid::from_raw(holder.pid).unwrap(), Signal::KILL).unwrap();
    let anew = |observed: &Observed| {
        is_settled(observed, "shop/cart:1.0") && observed.replicas[0].state.as_ref().unwrap().holder != holder
    };
    let after = app.until(&cart(), anew, |_| {}).await;
    assert!(!processes(&before)[0].is_alive());
    assert_eq!(after.replicas[0].port, before.replicas[0].port);
}

/// How a replica is asked here.
fn asked() -> HealthCheck {
    HealthCheck { path: "/healthz".into(), status: Some(200), every_ms: 10, within_ms: 5_000, threshold: 2 }
}

#[tokio::test]
async fn a_restart_in_a_failed_change_takes_nothing_away() {
    let mut app = App::new().await;
    let version = |tag| LocalServiceSpec { health: Some(asked()), deadline_ms: 50, ..sleeping(tag, 1) };
    app.site().put(&cart(), version("1.0"), None, 0).unwrap();
    let runs = |observed: &Observed| !processes(observed).is_empty();
    let port = app.until(&cart(), runs, |_| {}).await.replicas[0].port;
    let _answers = Answers::at(port);
    app.until(&cart(), |observed| ready(observed) == 1, |_| {}).await;
    app.site().put(&cart(), version("1.1"), None, 1).unwrap();
    let serves = |observed: &Observed| {
        let first = observed.replicas.iter().find(|replica| replica.port == port);
        assert!(observed.judged == 0 || first.is_some_and(|replica| replica.ready), "{observed:?}");
    };
    let failed = |observed: &Observed| observed.judged == 2 && observed.failure.is_some();
    app.until(&cart(), failed, serves).await;
    app.again().await;
    app.until(&cart(), failed, serves).await;
}

#[tokio::test]
async fn a_replica_is_ready_once_it_answers_and_no_longer_when_it_answers_badly() {
    let app = App::new().await;
    app.site()
        .put(&cart(), LocalServiceSpec { health: Some(asked()), ..sleeping("1.0", 1) }, None, 0)
        .unwrap();
    let says = |words: &'static str| {
        move |observed: &Observed| observed.replicas.first().and_then(|it| it.fault.as_deref()) == Some(words)
    };
    let deaf = says("GET /healthz: nothing listens at its port");
    let running = app.until(&cart(), deaf, |observed| assert_eq!(ready(observed), 0)).await;
    let answers = Answers::at(running.replicas[0].port);
    app.until(&cart(), |observed| ready(observed) == 1, |_| {}).await;
    answers.become_bad();
    let unwell = app.until(&cart(), |observed| ready(observed) == 0, |_| {}).await;
    assert!(says("GET /healthz answered 503 Service Unavailable")(&unwell), "{unwell:?}");
}

#[tokio::test]
async fn a_range_without_ports_is_said_and_the_rest_goes_on() {
    let mut app = App::new().await;
    app.options.ports = *app.options.ports.start()..=*app.options.ports.start();
    app.again().await;
    app.site().put(&cart(), sleeping("1.0", 2), None, 0).unwrap();
    let told = app.until(&cart(), |observed| observed.problem.is_some(), |_| {}).await;
    assert!(told.problem.as_ref().unwrap().contains("wider range"), "{told:?}");
    app.site().put(&cart(), sleeping("1.0", 1), None, told.service.generation).unwrap();
    app.settled(&cart(), "shop/cart:1.0").await;
}

/// Answers for a replica, at its port.
struct Answers(Arc<AtomicU16>);

impl Answers {
    fn at(port: u16) -> Self {
        let status = Arc::new(AtomicU16::new(200));
        let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
        let told = status.clone();
        std::thread::spawn(move || {
            for mut connection in listener.incoming().flatten() {
                let _ = connection.read(&mut [0; 1024]);
                let status = told.load(Ordering::Relaxed);
                let answer =
                    format!("HTTP/1.1 {status} So\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
                let _ = connection.write_all(answer.as_bytes());
            }
        });
        Self(status)
    }

    fn become_bad(&self) {
        self.0.store(503, Ordering::Relaxed);
    }
}

#[tokio::test]
async fn what_was_told_to_go_goes_also_under_the_next_server() {
    let mut app = App::new().await;
    let stubborn = |tag| LocalServiceSpec {
        grace_ms: 2_000,
        ..script("trap '' TERM; while :; do sleep 0.1; done", tag, 1)
    };
    app.site().put(&cart(), stubborn("1.0"), None, 0).unwrap();
    app.settled(&cart(), "shop/cart:1.0").await;
    app.site().put(&cart(), stubborn("1.1"), None, 1).unwrap();
    let goes = |observed: &Observed| observed.replicas.iter().any(|replica| replica.retiring);
    app.until(&cart(), goes, |_| {}).await;
    app.again().await;
    let no_more = |observed: &Observed| {
        let old = observed.replicas.iter().filter(|replica| replica.image == "shop/cart:1.0");
        assert!(old.clone().all(|replica| replica.retiring && !replica.ready), "{observed:?}");
    };
    app.until(&cart(), |observed| is_settled(observed, "shop/cart:1.1"), no_more).await;
}
