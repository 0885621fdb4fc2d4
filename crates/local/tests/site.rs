//! The local site with real processes: services come, change, fail, go back and go, and outlive the server.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

use std::{
    collections::BTreeMap,
    io::{Read, Write},
    net::TcpListener,
    ops::RangeInclusive,
    path::Path,
    sync::atomic::{AtomicU16, Ordering},
    time::Duration,
};

use local::{
    Definition, Error, HealthCheck, Observed, ObservedReplica, Options, Phase, Place, Process, Site,
};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// Ports for one test, so that those that run beside it do not take them away.
fn ports() -> RangeInclusive<u16> {
    static NEXT: AtomicU16 = AtomicU16::new(23_000);
    let first = NEXT.fetch_add(20, Ordering::Relaxed);
    first..=first + 19
}

struct App {
    site: Option<Site>,
    options: Options,
    _root: TempDir,
}

impl App {
    async fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let holder = Path::new(env!("CARGO_BIN_EXE_lockstep-hold")).to_owned();
        let options = Options { root: root.path().join("local"), holder, ports: ports() };
        let site = Some(Site::open(options.clone()).await.unwrap());
        Self { site, options, _root: root }
    }

    fn site(&self) -> &Site {
        self.site.as_ref().unwrap()
    }

    /// A server that stops, or dies, and its successor.
    async fn again(&mut self) {
        self.site.take().unwrap().close().await;
        self.site = Some(Site::open(self.options.clone()).await.unwrap());
    }

    /// What a service is, once it is so; every state on the way is looked at too.
    async fn until(
        &self,
        place: &Place,
        so: impl Fn(&Observed) -> bool,
        always: impl Fn(&Observed),
    ) -> Observed {
        let mut news = self.site().news();
        loop {
            let observed = self.site().service(place).unwrap();
            always(&observed);
            if so(&observed) {
                return observed;
            }
            news.recv().await.unwrap();
        }
    }

    async fn settled(&self, place: &Place, image: &str) -> Observed {
        self.until(place, |observed| is_settled(observed, image), |_| {}).await
    }
}

impl Drop for App {
    /// Whatever comes of a test, none of its processes stays.
    fn drop(&mut self) {
        let root = self.options.root.canonicalize().unwrap_or_default();
        for process in procfs::process::all_processes().unwrap().flatten() {
            let command = process.cmdline().unwrap_or_default().join(" ");
            let variables = process.environ().unwrap_or_default();
            let mark = variables.get(std::ffi::OsStr::new("LOCKSTEP_REPLICA"));
            let marked = mark.is_some_and(|mark| Path::new(mark).starts_with(&root));
            if marked || command.contains(&root.display().to_string()) {
                let _ = kill_process(Pid::from_raw(process.pid()).unwrap(), Signal::KILL);
            }
        }
    }
}

fn is_settled(observed: &Observed, image: &str) -> bool {
    let wanted = usize::from(observed.service.definition.replicas);
    let serves = |replica: &ObservedReplica| replica.ready && replica.current && replica.image == image;
    observed.replicas.len() == wanted && observed.replicas.iter().all(serves)
}

fn processes(observed: &Observed) -> Vec<Process> {
    let of = |replica: &ObservedReplica| match replica.state.as_ref()?.phase {
        Phase::Running { process } => Some(process),
        _ => None,
    };
    observed.replicas.iter().filter_map(of).collect()
}

fn ready(observed: &Observed) -> usize {
    observed.replicas.iter().filter(|replica| replica.ready).count()
}

fn cart() -> Place {
    Place::new("here", "shop-dev", "cart").unwrap()
}

/// A shell script as version `tag` of the cart.
fn script(script: &str, tag: &str, replicas: u16) -> Definition {
    Definition {
        image: format!("shop/cart:{tag}"),
        program: "sh".into(),
        arguments: vec!["-c".into(), script.into()],
        variables: BTreeMap::new(),
        replicas,
        health: None,
        ready_after: Duration::ZERO,
        grace: Duration::from_secs(10),
        deployment: None,
    }
}

fn sleeping(tag: &str, replicas: u16) -> Definition {
    script("exec sleep 1000", tag, replicas)
}

#[tokio::test]
async fn a_new_version_takes_over_without_a_gap() {
    let app = App::new().await;
    let first = app.site().put(&cart(), sleeping("1.0", 2), 0).unwrap();
    let before = app.settled(&cart(), "shop/cart:1.0").await;
    let ports: Vec<u16> = before.replicas.iter().map(|replica| replica.port).collect();
    assert!(ports[0] != ports[1] && ports.iter().all(|port| app.options.ports.contains(port)));

    app.site().put(&cart(), sleeping("1.1", 2), first.generation).unwrap();
    let never_less = |observed: &Observed| {
        assert!(ready(observed) >= 2, "{observed:?}");
        let standing = observed.replicas.iter().filter(|replica| !replica.retiring).count();
        assert!(standing <= 3, "{observed:?}");
    };
    let after = app.until(&cart(), |observed| is_settled(observed, "shop/cart:1.1"), never_less).await;
    assert!(processes(&before).iter().all(|process| !process.is_alive()));
    assert!(processes(&after).iter().all(Process::is_alive));
    let same = app.site().put(&cart(), sleeping("1.1", 2), after.service.generation).unwrap();
    assert_eq!(same.generation, after.service.generation, "nothing has changed");
}

#[tokio::test]
async fn what_runs_outlives_the_server_and_is_found_again() {
    let mut app = App::new().await;
    app.site().put(&cart(), sleeping("1.0", 3), 0).unwrap();
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
    app.site().put(&cart(), sleeping("1.0", 2), 0).unwrap();
    let before = app.settled(&cart(), "shop/cart:1.0").await;
    let failing = Definition { ready_after: Duration::from_secs(1000), ..script("exit 7", "1.1", 2) };
    app.site().put(&cart(), failing, 1).unwrap();
    let ends = |observed: &Observed| {
        let ended =
            |replica: &ObservedReplica| replica.state.as_ref().and_then(|state| state.last_exit.clone());
        observed.replicas.iter().filter_map(ended).any(|exit| exit.code == Some(7))
    };
    let failing = app.until(&cart(), ends, |observed| assert_eq!(ready(observed), 2)).await;
    app.site().put(&cart(), sleeping("1.0", 2), failing.service.generation).unwrap();
    let after = app.until(&cart(), |observed| is_settled(observed, "shop/cart:1.0"), |_| {}).await;
    assert_eq!(processes(&after), processes(&before), "what still ran goes on");
}

#[tokio::test]
async fn what_is_removed_leaves_nothing_behind() {
    let mut app = App::new().await;
    app.site().put(&cart(), script("sleep 1000 & exec sleep 1000", "1.0", 2), 0).unwrap();
    let before = app.settled(&cart(), "shop/cart:1.0").await;
    app.site().remove(&cart()).unwrap();
    let refused = app.site().put(&cart(), sleeping("1.1", 1), before.service.generation).err().unwrap();
    assert!(matches!(refused, Error::Going(_)), "{refused}");
    // Also when the server stops in the middle of it.
    app.again().await;
    let mut news = app.site().news();
    while app.site().service(&cart()).is_some() {
        news.recv().await.unwrap();
    }
    assert!(processes(&before).iter().all(|process| !process.is_alive()));
    assert_eq!(app.site().namespaces("here").unwrap().unwrap(), ["shop-dev"]);
    app.site().put(&cart(), sleeping("1.1", 1), 0).unwrap();
    app.settled(&cart(), "shop/cart:1.1").await;
}

#[tokio::test]
async fn a_stale_change_is_refused() {
    let app = App::new().await;
    app.site().put(&cart(), sleeping("1.0", 0), 0).unwrap();
    app.site().put(&cart(), sleeping("1.1", 0), 1).unwrap();
    let refused = app.site().put(&cart(), sleeping("1.2", 0), 1).err().unwrap();
    assert!(matches!(refused, Error::Stale(_, 2)), "{refused}");
    assert_eq!(app.site().service(&cart()).unwrap().service.definition.version(), "1.1");
}

#[tokio::test]
async fn a_killed_holder_is_replaced_and_nothing_is_doubled() {
    let app = App::new().await;
    app.site().put(&cart(), sleeping("1.0", 1), 0).unwrap();
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

#[tokio::test]
async fn a_replica_is_ready_once_it_answers_and_no_longer_when_it_answers_badly() {
    let app = App::new().await;
    let health = HealthCheck {
        path: "/healthz".into(),
        status: Some(200),
        every: Duration::from_millis(10),
        within: Duration::from_secs(5),
        threshold: 2,
    };
    app.site().put(&cart(), Definition { health: Some(health), ..sleeping("1.0", 1) }, 0).unwrap();
    let runs = |observed: &Observed| !processes(observed).is_empty();
    let running = app.until(&cart(), runs, |observed| assert_eq!(ready(observed), 0)).await;
    let answers = Answers::at(running.replicas[0].port);
    app.until(&cart(), |observed| ready(observed) == 1, |_| {}).await;
    answers.become_bad();
    app.until(&cart(), |observed| ready(observed) == 0, |_| {}).await;
}

#[tokio::test]
async fn a_range_without_ports_is_said_and_the_rest_goes_on() {
    let mut app = App::new().await;
    app.site.take().unwrap().close().await;
    app.options.ports = *app.options.ports.start()..=*app.options.ports.start();
    app.site = Some(Site::open(app.options.clone()).await.unwrap());
    app.site().put(&cart(), sleeping("1.0", 2), 0).unwrap();
    let told = app.until(&cart(), |observed| observed.problem.is_some(), |_| {}).await;
    assert!(told.problem.as_ref().unwrap().contains("wider range"), "{told:?}");
    app.site().put(&cart(), sleeping("1.0", 1), told.service.generation).unwrap();
    app.settled(&cart(), "shop/cart:1.0").await;
}

/// Answers for a replica, at its port.
struct Answers(std::sync::Arc<AtomicU16>);

impl Answers {
    fn at(port: u16) -> Self {
        let status = std::sync::Arc::new(AtomicU16::new(200));
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
