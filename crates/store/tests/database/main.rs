//! The store on SQLite and on PostgreSQL.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod leases;

use chrono::{TimeDelta, Utc};
use domain::{
    app_instance::AppInstance,
    cluster::{Cluster, ClusterState, WatchState},
    environment::Environment,
    event::NewEvent,
    list::Paging,
    matrix::MatrixQuery,
    service::{Container, ServiceQuery, ServiceStatus, WorkloadKind},
    site::{Site, SiteKind},
    variable::{Sealed, StoredValue, Variables},
};
use sea_orm::{ConnectionTrait, Database};
use store::{Error, ObservedService, SealedToken, ServiceKey, Store};
use uuid::Uuid;

/// A store on an empty database, with what keeps it alive; `None` where there is no PostgreSQL.
async fn open(postgres: bool) -> Option<(Store, tempfile::TempDir, String)> {
    let dir = tempfile::tempdir().unwrap();
    let url = match postgres {
        false => format!("sqlite://{}?mode=rwc", dir.path().join("test.db").display()),
        true => {
            let Ok(admin) = std::env::var("LOCKSTEP_TEST_POSTGRES") else {
                println!("skipped: LOCKSTEP_TEST_POSTGRES names no PostgreSQL");
                return None;
            };
            let name = format!("store_{}", Uuid::now_v7().simple());
            let db = Database::connect(&admin).await.unwrap();
            db.execute_unprepared(&format!("create database {name}")).await.unwrap();
            format!("{}/{name}", admin.rsplit_once('/').unwrap().0)
        }
    };
    Some((Store::open(&url).await.unwrap(), dir, url))
}

macro_rules! on_both {
    ($name:ident) => {
        mod $name {
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                super::$name(false).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                super::$name(true).await;
            }
        }
    };
}

/// A site, a cluster, two environments, and the same namespace's app instance in each.
async fn furnish(store: &Store) -> (Cluster, Vec<AppInstance>) {
    let now = Utc::now();
    let site = Site::new(Uuid::now_v7().into(), "R".into(), SiteKind::Rancher, "http://x".into());
    let cluster = Cluster {
        id: Uuid::now_v7().into(),
        site_id: site.id,
        site_name: site.name.clone(),
        external_id: "local".into(),
        name: "local".into(),
        state: ClusterState::Active,
        message: None,
        kubernetes_version: None,
        managed: true,
        watch: WatchState::Idle,
        stale_since: None,
        last_contact_at: None,
        labels: Default::default(),
        cordoned: false,
        version: 1,
        capacity: None,
    };
    let mut write = store.write().await.unwrap();
    write.insert_site(&site, SealedToken { cipher: vec![1], key_id: "k".into() }).await.unwrap();
    write.upsert_clusters(std::slice::from_ref(&cluster)).await.unwrap();
    let mut instances = Vec::new();
    for (position, name) in ["Development", "Staging"].into_iter().enumerate() {
        let environment = Environment {
            id: Uuid::now_v7().into(),
            name: name.into(),
            description: String::new(),
            color: "#000000".into(),
            position: position as i32,
            cluster_id: None,
            app_instances: 0,
            services: 0,
            unhealthy: 0,
            latest_revision: 0,
            active_revision: 0,
            version: 1,
            created_at: now,
            updated_at: now,
        };
        write.insert_environment(&environment).await.unwrap();
        let instance = AppInstance {
            id: Uuid::now_v7().into(),
            name: format!("shop-{position}"),
            rancher_site_id: site.id,
            site_name: site.name.clone(),
            cluster: cluster.name.clone(),
            cluster_id: cluster.id,
            namespace: format!("shop-{position}"),
            environment_id: environment.id,
            environment_name: name.into(),
            application: "shop".into(),
            services: 0,
            stale_since: None,
            version: 1,
            created_at: now,
            updated_at: now,
        };
        write.insert_app_instance(&instance).await.unwrap();
        instances.push(instance);
    }
    write.commit().await.unwrap();
    (cluster, instances)
}

fn observed(instance: &AppInstance, name: &str, image: &str) -> ObservedService {
    ObservedService {
        key: ServiceKey { app_instance_id: instance.id, kind: WorkloadKind::Deployment, name: name.into() },
        environment_id: instance.environment_id,
        cluster_id: instance.cluster_id,
        namespace: instance.namespace.clone(),
        application: instance.application.clone(),
        status: ServiceStatus::Running,
        reason: None,
        replicas: 1,
        available: 1,
        containers: vec![Container {
            name: "app".into(),
            init: false,
            image: image.into(),
            running_digest: None,
        }],
        manager: None,
        changed_at: Utc::now(),
    }
}

async fn out_of_step(store: &Store) -> (u64, u64) {
    let matrix = store.matrix(&MatrixQuery::default(), Paging { page: 1, page_size: 10 }).await.unwrap();
    (matrix.total, matrix.out_of_step)
}

async fn put(store: &Store, services: &[ObservedService]) {
    let mut write = store.write().await.unwrap();
    write.upsert_services(&services.iter().collect::<Vec<_>>()).await.unwrap();
    write.commit().await.unwrap();
}

on_both!(rows_follow_their_services);
async fn rows_follow_their_services(postgres: bool) {
    let Some((store, _dir, _)) = open(postgres).await else { return };
    let (_, instances) = furnish(&store).await;
    put(&store, &[observed(&instances[0], "web", "web:2"), observed(&instances[1], "web", "web:1")]).await;
    assert_eq!(out_of_step(&store).await, (1, 1));
    put(&store, &[observed(&instances[1], "web", "web:2")]).await;
    assert_eq!(out_of_step(&store).await, (1, 0));
    put(&store, &[observed(&instances[0], "only", "only:1")]).await;
    assert_eq!(out_of_step(&store).await, (2, 0), "what runs in one place only is not out of step");
    let mut write = store.write().await.unwrap();
    write.delete_services(instances[0].cluster_id, &[observed(&instances[0], "only", "").key]).await.unwrap();
    write.commit().await.unwrap();
    assert_eq!(out_of_step(&store).await, (1, 0), "a row goes with its last service");
}

on_both!(what_is_in_another_cluster_by_now_is_left_to_its_watch);
async fn what_is_in_another_cluster_by_now_is_left_to_its_watch(postgres: bool) {
    let Some((store, _dir, _)) = open(postgres).await else { return };
    let (_, instances) = furnish(&store).await;
    let service = observed(&instances[0], "web", "web:1");
    put(&store, std::slice::from_ref(&service)).await;
    let elsewhere = Uuid::now_v7().into();
    let late = ObservedService {
        cluster_id: elsewhere,
        status: ServiceStatus::Failed,
        ..observed(&instances[0], "web", "web:2")
    };
    put(&store, std::slice::from_ref(&late)).await;
    let mut write = store.write().await.unwrap();
    write.delete_services(elsewhere, std::slice::from_ref(&late.key)).await.unwrap();
    write.commit().await.unwrap();
    let found = store.services_of(instances[0].environment_id).await.unwrap();
    let [found] = &found[..] else { panic!("{found:?}") };
    assert_eq!((&found.status, found.containers[0].image.as_str()), (&ServiceStatus::Running, "web:1"));
}

on_both!(more_services_than_a_statement_takes);
async fn more_services_than_a_statement_takes(postgres: bool) {
    let Some((store, _dir, _)) = open(postgres).await else { return };
    let (_, instances) = furnish(&store).await;
    let many: Vec<ObservedService> =
        (0..1_500).map(|n| observed(&instances[0], &format!("svc-{n:05}"), "web:1")).collect();
    put(&store, &many).await;
    let page =
        store.services(&ServiceQuery::default(), None, Paging { page: 30, page_size: 50 }).await.unwrap();
    assert_eq!((page.total, page.items.len(), page.items[0].name.as_str()), (1_500, 50, "svc-01450"));
    assert_eq!(out_of_step(&store).await, (1_500, 0));
}

/// Every page of a filter, and its total.
async fn listed(store: &Store, wanted: &ServiceQuery) -> (Vec<String>, u64) {
    let (mut names, mut page) = (Vec::new(), 1);
    loop {
        let found = store.services(wanted, None, Paging { page, page_size: 7 }).await.unwrap();
        if found.items.is_empty() {
            return (names, found.total);
        }
        names.extend(found.items.into_iter().map(|service| service.name));
        page += 1;
    }
}

on_both!(a_total_is_what_its_pages_hold);
async fn a_total_is_what_its_pages_hold(postgres: bool) {
    let Some((store, _dir, _)) = open(postgres).await else { return };
    let (_, instances) = furnish(&store).await;
    let service = |n: usize| observed(&instances[n % 2], &format!("svc-{n:02}"), &format!("web:{}", n % 3));
    put(&store, &Vec::from_iter((0..40).map(service))).await;
    let failed = |n| ObservedService { status: ServiceStatus::Failed, ..service(n) };
    put(&store, &Vec::from_iter((0..40).step_by(5).map(failed))).await;
    let mut write = store.write().await.unwrap();
    write.delete_services(instances[0].cluster_id, &[service(3).key, service(5).key]).await.unwrap();
    write.commit().await.unwrap();
    let (first, everything) = (Some(instances[0].environment_id), ServiceQuery::default());
    let failed = ServiceQuery { status: Some("failed".into()), ..everything.clone() };
    let of_first = ServiceQuery { env: first, ..everything.clone() };
    let by_text = ServiceQuery { q: Some("SVC-1".into()), ..everything.clone() };
    let by_letter = ServiceQuery { q: Some("9".into()), ..everything.clone() };
    for (wanted, count) in [(&everything, 38), (&failed, 7), (&of_first, 20), (&by_text, 10), (&by_letter, 4)]
    {
        for sort in ["name", "-name", "status", "-tag", "environment", "-environment", "changed"] {
            let wanted = ServiceQuery { sort: Some(sort.into()), ..wanted.clone() };
            let (names, total) = listed(&store, &wanted).await;
            let different: std::collections::HashSet<&String> = names.iter().collect();
            assert_eq!((names.len(), different.len(), total), (count, count, count as u64), "{wanted:?}");
        }
    }
    let mut write = store.write().await.unwrap();
    write.delete_app_instance(instances[0].id).await.unwrap();
    write.commit().await.unwrap();
    assert_eq!(listed(&store, &everything).await.1, 18, "what goes with its app instance is not counted");
    assert_eq!(store.environments().await.unwrap()[1].services, 18);
    assert_eq!(out_of_step(&store).await.0, 18);
}

on_both!(event_numbers_have_no_gaps_and_follow_commits);
async fn event_numbers_have_no_gaps_and_follow_commits(postgres: bool) {
    let Some((store, _dir, _)) = open(postgres).await else { return };
    let writers = (0..8).map(|n| {
        let store = store.clone();
        tokio::spawn(async move {
            for _ in 0..10 {
                let mut write = store.write().await.unwrap();
                write.append(NewEvent::new("test", "tester", format!("by {n}"))).await.unwrap();
                if n == 7 {
                    continue; // never committed: its number must not be missing
                }
                write.commit().await.unwrap();
            }
        })
    });
    let writers: Vec<_> = writers.collect();
    let mut newest = store.newest_event();
    let (mut seen, mut after) = (Vec::new(), 0);
    while seen.len() < 70 {
        newest.borrow_and_update();
        let events = store.events_after(after, 100).await.unwrap();
        if events.is_empty() {
            newest.changed().await.unwrap();
        }
        after = events.last().map_or(after, |event| event.seq);
        seen.extend(events.into_iter().map(|event| event.seq));
    }
    for writer in writers {
        writer.await.unwrap();
    }
    assert_eq!(seen, (1..=70).collect::<Vec<i64>>(), "a reader that follows sees each once, in order");
}

on_both!(a_lost_lease_cannot_write);
async fn a_lost_lease_cannot_write(postgres: bool) {
    let Some((store, _dir, _)) = open(postgres).await else { return };
    let (_, instances) = furnish(&store).await;
    let id = deployment(&store, &instances).await;
    let claim = async |owner: &str, now| {
        let mut write = store.write().await.unwrap();
        let lease = write.claim(id, owner, now, TimeDelta::seconds(10)).await.unwrap();
        write.commit().await.unwrap();
        lease
    };
    let now = Utc::now();
    let first = claim("one", now).await.unwrap();
    assert!(claim("two", now).await.is_none(), "it is taken");
    let second = claim("two", now + TimeDelta::seconds(11)).await.unwrap();
    assert!(second.epoch > first.epoch);
    let mut write = store.write().await.unwrap();
    let status = domain::deployment::DeploymentStatus::Running;
    assert!(matches!(write.set_deployment_status(&first, &status, now).await, Err(Error::LeaseLost)));
    assert!(matches!(write.renew(&first, now).await, Err(Error::LeaseLost)));
    write.set_deployment_status(&second, &status, now).await.unwrap();
}

async fn deployment(store: &Store, instances: &[AppInstance]) -> domain::id::DeploymentId {
    let (source, target) = (&instances[0], &instances[1]);
    let deployment = domain::deployment::Deployment {
        id: Uuid::now_v7().into(),
        origin: domain::deployment::Origin::Sync,
        source_environment_id: source.environment_id,
        source_name: source.environment_name.clone(),
        target_environment_id: target.environment_id,
        target_name: target.environment_name.clone(),
        service_ids: Vec::new(),
        status: domain::deployment::DeploymentStatus::Pending,
        on_failure: domain::sync::OnFailure::Stop,
        cancel_requested: false,
        note: String::new(),
        ticket: String::new(),
        initiated_by: "tester".into(),
        undo_of: None,
        retry_of: None,
        revision: 1,
        scheduled_for: None,
        time_limit_seconds: None,
        begun_at: None,
        start_time: Utc::now(),
        end_time: None,
        results: Vec::new(),
        counts: Default::default(),
    };
    let id = deployment.id;
    let mut write = store.write().await.unwrap();
    let new = store::NewDeployment { deployment, tasks: Vec::new(), overrides_freeze: false };
    write.insert_deployment(&new).await.unwrap();
    write.commit().await.unwrap();
    id
}

on_both!(variables_go_on_from_revision_to_revision);
async fn variables_go_on_from_revision_to_revision(postgres: bool) {
    let Some((store, _dir, _)) = open(postgres).await else { return };
    let (_, instances) = furnish(&store).await;
    let environment = instances[0].environment_id;
    let sealed = Sealed { cipher: "c2VhbGVk".into(), key_id: "k".into(), fingerprint: "f".into() };
    let values = [
        ("LEVEL".to_owned(), StoredValue::Plain("two\nlines 🚀".into())),
        ("TOKEN".to_owned(), StoredValue::Secret(sealed)),
    ];
    let variables = Variables { environment: values.into(), services: Vec::new() };
    let mut write = store.write().await.unwrap();
    for variables in [Some(variables.clone()), None] {
        let new = store::NewRevision {
            environment_id: environment,
            entries: Vec::new(),
            variables,
            settings: None,
            deployment_id: None,
            author: "tester".into(),
            reason: String::new(),
            created_at: Utc::now(),
        };
        write.insert_revision(&new).await.unwrap();
    }
    write.commit().await.unwrap();
    let latest = store.revision(environment, 2).await.unwrap();
    assert_eq!((&latest.variables, latest.variable_changes.len()), (&variables, 0));
    assert_eq!(store.variables(environment, None).await.unwrap(), Some((2, variables.clone())));
    assert_eq!(store.variables(environment, Some(3)).await.unwrap(), None);
    assert_eq!(store.active_variables(environment).await.unwrap(), Variables::default());
    let page = store.revisions(environment, Paging { page: 1, page_size: 10 }).await.unwrap();
    assert_eq!(page.items[1].changed_variables, 2);
    assert_eq!(page.items[1].variables[0].difference.to.as_deref(), Some("two\nlines 🚀"));
    assert_eq!(page.items[1].variables[1].difference.to, None);
}

on_both!(a_newer_database_is_refused);
async fn a_newer_database_is_refused(postgres: bool) {
    let Some((store, _dir, url)) = open(postgres).await else { return };
    store.close().await.unwrap();
    let db = Database::connect(&url).await.unwrap();
    db.execute_unprepared(
        "insert into seaql_migrations (version, applied_at) values ('m99990101_from_the_future', 0)",
    )
    .await
    .unwrap();
    assert!(matches!(Store::open(&url).await, Err(Error::Newer(step)) if step.contains("future")));
}

on_both!(an_unknown_word_is_shown_as_it_stands);
async fn an_unknown_word_is_shown_as_it_stands(postgres: bool) {
    let Some((store, _dir, url)) = open(postgres).await else { return };
    let (_, instances) = furnish(&store).await;
    put(&store, &[observed(&instances[0], "web", "web:2")]).await;
    let db = Database::connect(&url).await.unwrap();
    db.execute_unprepared("update service set status = 'hibernating'").await.unwrap();
    let page =
        store.services(&ServiceQuery::default(), None, Paging { page: 1, page_size: 10 }).await.unwrap();
    assert_eq!(page.items[0].status, ServiceStatus::Unknown("hibernating".into()));
}
