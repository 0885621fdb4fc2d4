//! `lockstep demo`: three environments on two clusters of this machine, with small services that really run.

pub mod service;

use std::{collections::BTreeMap, path::Path, time::Duration};

use control::{Context, app_instance, cluster, environment, local_service, revision};
use domain::{
    app_instance::NewAppInstance,
    cluster::NewCluster,
    environment::NewEnvironment,
    id::EnvironmentId,
    limits::Limits,
    local_service::{HealthCheck, LocalServiceEdit, LocalServiceSpec},
    revision::NewRevision,
    service::ServiceQuery,
    strategy::Strategy,
};

use crate::{config::Settings, serve::ServeError};

/// The file that makes a directory a demo's, which may be forgotten.
const MARK: &str = "demo";
/// The application that the services make up; namespaces are called after it.
const APPLICATION: &str = "shop";
/// How often it is looked, 50 ms apart, whether what was made is observed.
const LOOKS: usize = 600;
/// Where a stage's namespace is.
const STAGES: [(&str, &str, &str); 3] = [
    ("Development", "workshop", "shop-dev"),
    ("Staging", "workshop", "shop-staging"),
    ("Production", "production", "shop-prod"),
];

/// A service, and its version in each stage.
struct Shown {
    name: &'static str,
    versions: [&'static str; 3],
    replicas: u16,
    /// What it does beside answering.
    arguments: &'static [&'static str],
}

/// Versions that are in step and out of step, one that fails its health check where `SEARCH_INDEX` is not set, which is so
/// everywhere but in Development, and one that ends soon after it has started.
const SERVICES: [Shown; 5] = [
    Shown { name: "storefront", versions: ["1.4.0", "1.3.2", "1.3.2"], replicas: 2, arguments: &[] },
    Shown { name: "cart", versions: ["2.1.0", "2.1.0", "2.0.4"], replicas: 2, arguments: &[] },
    Shown { name: "catalog", versions: ["5.2.1", "5.2.1", "5.2.1"], replicas: 1, arguments: &[] },
    Shown {
        name: "search",
        versions: ["3.0.0", "2.9.1", "2.9.1"],
        replicas: 1,
        arguments: &["--version-that-needs-an-index", "3.0.0"],
    },
    Shown {
        name: "invoices",
        versions: ["1.9.0", "1.8.3", "1.8.3"],
        replicas: 1,
        arguments: &["--version-that-crashes", "1.9.0"],
    },
];

/// Why the demo cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum SeedError {
    /// This program's own file cannot be found.
    #[error("this program's own file cannot be found")]
    Program(#[from] std::io::Error),
    /// What was made is not observed.
    #[error("the demo's services were made, and are not observed")]
    NotObserved,
    /// A use case refuses.
    #[error("the demo's services cannot be made")]
    Control(#[from] control::Error),
}

/// Makes it all, unless there are environments already.
///
/// # Errors
/// When it cannot be stored.
pub async fn seed(ctx: &Context) -> Result<(), SeedError> {
    let program = std::env::current_exe()?;
    if !environment::list(ctx).await?.is_empty() {
        return Ok(());
    }
    for name in ["workshop", "production"] {
        cluster::create(ctx, NewCluster { name: name.into(), site_id: None }).await?;
    }
    for (stage, (name, cluster, namespace)) in STAGES.into_iter().enumerate() {
        for service in &SERVICES {
            let edit = LocalServiceEdit { spec: spec(service, stage, &program), generation: 0 };
            local_service::put(ctx, cluster, namespace, service.name, edit).await?;
        }
        let description = format!("The shop, on the local cluster {cluster}.");
        let new = NewEnvironment { name: name.into(), description, ..Default::default() };
        let environment = environment::create(ctx, new).await?;
        let instance = NewAppInstance {
            name: None,
            rancher_site_id: None,
            cluster: cluster.into(),
            namespace: namespace.into(),
            environment_id: environment.id,
            application: Some(APPLICATION.into()),
        };
        app_instance::create(ctx, instance).await?;
        observed(ctx, environment.id).await?;
        let reason = "the demo's beginning".to_owned();
        let first = NewRevision { capture: true, reason, ..Default::default() };
        revision::create(ctx, environment.id, first).await?;
    }
    Ok(())
}

/// Waits until all services of an environment are observed, for a while.
async fn observed(ctx: &Context, environment: EnvironmentId) -> Result<(), SeedError> {
    let query = ServiceQuery { env: Some(environment), ..Default::default() };
    let mut look = tokio::time::interval(Duration::from_millis(50));
    for _ in 0..LOOKS {
        look.tick().await;
        let found = control::service::list(ctx, query.clone()).await?;
        if found.total >= SERVICES.len() as u64 {
            return Ok(());
        }
    }
    Err(SeedError::NotObserved)
}

fn spec(service: &Shown, stage: usize, program: &Path) -> LocalServiceSpec {
    let mut variables = BTreeMap::from([("ENVIRONMENT".to_owned(), STAGES[stage].0.to_owned())]);
    if stage == 0 {
        variables.insert("SEARCH_INDEX".into(), "products".into());
    }
    let health = HealthCheck {
        path: service::HEALTH.into(),
        status: Some(200),
        every_ms: 500,
        within_ms: 1_000,
        threshold: 3,
    };
    LocalServiceSpec {
        image: format!("{APPLICATION}/{}:{}", service.name, service.versions[stage]),
        program: program.display().to_string(),
        arguments: ["demo-service"]
            .iter()
            .chain(service.arguments)
            .map(|&argument| argument.into())
            .collect(),
        variables,
        replicas: service.replicas,
        health: Some(health),
        ready_after_ms: 1_000,
        strategy: Strategy::default(),
        grace_ms: 5_000,
        deadline_ms: 10_000,
        limits: Limits::default(),
        artifact: None,
        front_door: true,
    }
}

/// Marks a directory as a demo's.
///
/// # Errors
/// When it has the data of a server that is no demo, or cannot be used.
pub fn claim(settings: &Settings) -> Result<(), ServeError> {
    let directory = &settings.data_dir;
    let claim = || {
        std::fs::create_dir_all(directory)?;
        let is_free = std::fs::read_dir(directory)?.next().is_none();
        if is_free {
            std::fs::write(directory.join(MARK), "")?;
        }
        directory.join(MARK).try_exists()
    };
    let path = || directory.display().to_string();
    match claim() {
        Ok(true) => Ok(()),
        Ok(false) => Err(ServeError::NoDemo(path())),
        Err(source) => Err(ServeError::DataDir { path: path(), source }),
    }
}

/// Ends all services of a demo, and forgets its data.
///
/// # Errors
/// When its directory is not a demo's or cannot be used, or a server has it.
pub async fn clear(settings: &Settings) -> Result<(), ServeError> {
    claim(settings)?;
    let options = settings.local.clone().ok_or(ServeError::NoLocalSite)?;
    let site = local::Site::open(options).await?;
    let mut news = site.news();
    let places = |site: &local::Site| -> Result<Vec<local::Place>, local::Error> {
        let clusters = site.clusters()?;
        Ok(clusters.iter().flat_map(|cluster| site.services(cluster)).map(|(place, _)| place).collect())
    };
    for place in places(&site)? {
        site.remove(&place)?;
    }
    while !places(&site)?.is_empty() {
        // Whoever has missed some looks again.
        let _ = news.recv().await;
    }
    site.close().await;
    let failed = |source| ServeError::DataDir { path: settings.data_dir.display().to_string(), source };
    std::fs::remove_dir_all(&settings.data_dir).map_err(failed)
}
