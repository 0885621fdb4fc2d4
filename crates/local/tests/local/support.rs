//! A local site of a test's own.

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    ops::RangeInclusive,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU16, Ordering},
    },
};

use domain::{limits::Limits, local_service::LocalServiceSpec, strategy::Strategy};
use local::{Observed, ObservedReplica, Options, Phase, Place, Process, Site};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::{
    runtime::{Handle, RuntimeFlavor},
    task::block_in_place,
};

/// Ports for one test, so that those that run beside it do not take them away.
fn ports() -> RangeInclusive<u16> {
    static NEXT: AtomicU16 = AtomicU16::new(23_000);
    let first = NEXT.fetch_add(20, Ordering::Relaxed);
    first..=first + 19
}

pub(crate) struct App {
    pub(crate) site: Option<Arc<Site>>,
    pub(crate) options: Options,
    _root: TempDir,
}

impl App {
    pub(crate) async fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let holder = Path::new(env!("CARGO_BIN_EXE_lockstep-hold")).to_owned();
        let options = Options { root: root.path().join("local"), holder, ports: ports() };
        let site = Site::open(options.clone()).await.unwrap();
        site.make_cluster("here").unwrap();
        Self { site: Some(Arc::new(site)), options, _root: root }
    }

    pub(crate) fn site(&self) -> &Site {
        self.site.as_ref().unwrap()
    }

    /// A server that stops, or dies, and its successor.
    pub(crate) async fn again(&mut self) {
        self.close().await;
        self.open().await;
    }

    pub(crate) async fn open(&mut self) {
        self.site = Some(Arc::new(Site::open(self.options.clone()).await.unwrap()));
    }

    pub(crate) async fn close(&mut self) {
        self.site.take().unwrap().close().await;
    }

    /// What a service is, once it is so; every state on the way is looked at too.
    pub(crate) async fn until(
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

    pub(crate) async fn settled(&self, place: &Place, image: &str) -> Observed {
        self.until(place, |observed| is_settled(observed, image), |_| {}).await
    }
}

impl Drop for App {
    /// Whatever comes of a test, none of its processes stays.
    fn drop(&mut self) {
        // Where others work beside this, what is killed would be started again.
        if let Some(site) = self.site.take()
            && Handle::current().runtime_flavor() == RuntimeFlavor::MultiThread
        {
            block_in_place(|| Handle::current().block_on(site.close()));
        }
        let Ok(root) = self.options.root.canonicalize() else { return };
        for process in procfs::process::all_processes().unwrap().flatten() {
            let command = process.cmdline().unwrap_or_default().join(" ");
            let variables = process.environ().unwrap_or_default();
            let mark = variables.get(OsStr::new("LOCKSTEP_REPLICA"));
            let marked = mark.is_some_and(|mark| Path::new(mark).starts_with(&root));
            if marked || command.contains(&root.display().to_string()) {
                let _ = kill_process(Pid::from_raw(process.pid()).unwrap(), Signal::KILL);
            }
        }
    }
}

pub(crate) fn is_settled(observed: &Observed, image: &str) -> bool {
    let wanted = usize::from(observed.service.spec.replicas);
    let serves = |replica: &ObservedReplica| replica.ready && replica.current && replica.image == image;
    observed.replicas.len() == wanted && observed.replicas.iter().all(serves)
}

pub(crate) fn processes(observed: &Observed) -> Vec<Process> {
    let of = |replica: &ObservedReplica| match replica.state.as_ref()?.phase {
        Phase::Running { process } => Some(process),
        _ => None,
    };
    observed.replicas.iter().filter_map(of).collect()
}

pub(crate) fn ready(observed: &Observed) -> usize {
    observed.replicas.iter().filter(|replica| replica.ready).count()
}

pub(crate) fn cart() -> Place {
    Place::new("here", "shop-dev", "cart").unwrap()
}

/// A shell script as version `tag` of the cart.
pub(crate) fn script(script: &str, tag: &str, replicas: u16) -> LocalServiceSpec {
    LocalServiceSpec {
        image: format!("shop/cart:{tag}"),
        program: "sh".into(),
        arguments: vec!["-c".into(), script.into()],
        variables: BTreeMap::new(),
        replicas,
        health: None,
        ready_after_ms: 0,
        strategy: Strategy::default(),
        grace_ms: 10_000,
        deadline_ms: 120_000,
        limits: Limits::default(),
        artifact: None,
        front_door: false,
    }
}

pub(crate) fn sleeping(tag: &str, replicas: u16) -> LocalServiceSpec {
    script("exec sleep 1000", tag, replicas)
}
