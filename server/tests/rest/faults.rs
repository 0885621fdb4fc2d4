//! Syncs while things go wrong: what is told in the end agrees with what the stand-in recorded, nothing takes effect
//! twice, and nothing is changed that was not confirmed.

use std::{collections::BTreeMap, time::Duration};

use domain::patience::Patience;
use serde_json::{Value, json};
use standin::{Fault, FaultRule, Kind, PatchRecord};

use crate::support::{App, CLUSTER, On, on_both};

/// Services in each stage; two thirds of them differ between the first two.
const SERVICES: usize = 150;
const STAGING: &str = "app-001-staging";
/// Minutes become seconds.
const HURRY: f64 = 0.02;

/// A server and a stand-in in which something can go wrong, and services that are not in step yet.
struct Trial {
    app: App,
    dev: String,
    staging: String,
    /// Services of Development that no sync was about yet, by their names.
    left: Vec<(String, Value)>,
}

/// What came of a sync, and what was recorded while it ran.
struct Outcome {
    sync: Value,
    records: Vec<PatchRecord>,
}

impl Trial {
    async fn start(on: On) -> Option<Self> {
        let fleet = standin::Fleet { services: SERVICES * 3, ..Default::default() };
        let options = standin::Options {
            rollout: Duration::from_millis(20),
            bookmarks: Duration::from_millis(500),
            fleet: Some(fleet),
            ..Default::default()
        };
        let rancher = standin::start(options).await.unwrap();
        let app = App::start_with(on, Patience::times(HURRY), rancher).await?;
        let (dev, staging) = app.api.connect_fleet(app.rancher.url(), SERVICES * 2).await;
        let services = app.api.get(&format!("/api/services?env={dev}&pageSize=1000")).await;
        let differs = |service: &&Value| {
            let index: usize = service["name"].as_str().unwrap().rsplit('-').next().unwrap().parse().unwrap();
            !index.is_multiple_of(3)
        };
        let all = services.as_array().unwrap().iter().filter(differs);
        let left = all.map(|it| (it["name"].as_str().unwrap().to_owned(), it["id"].clone())).collect();
        Some(Self { app, dev, staging, left })
    }

    /// Confirms a sync of so many services, lets things go wrong, and carries it out.
    async fn sync(&mut self, count: usize, on_failure: &str, rules: Vec<FaultRule>, seed: u64) -> Outcome {
        let chosen: Vec<(String, Value)> = self.left.drain(..count).collect();
        // What went wrong in the sync before must not keep a service out of the preview.
        self.app.rancher.set_faults(Vec::new(), None);
        let mut request = json!({
            "sourceEnvironmentId": self.dev,
            "targetEnvironmentId": self.staging,
            "serviceIds": chosen.iter().map(|(_, id)| id).collect::<Vec<_>>(),
            "onFailure": on_failure,
        });
        request["previewId"] = self.app.api.post("/api/sync/preview", &request).await["id"].clone();
        let cluster = self.app.rancher.cluster(CLUSTER).unwrap();
        let before = cluster.records().len();
        self.app.rancher.set_faults(rules, Some(seed));
        let sync = self.app.api.post("/api/sync", &request).await;
        let path = format!("/api/sync/{}", sync["id"].as_str().unwrap());
        let sync = self.app.api.until(&path, |sync| sync["endTime"].is_string()).await;
        let outcome = Outcome { sync, records: cluster.records().split_off(before) };
        outcome.check(self, &chosen);
        outcome
    }

    /// Lets nothing go wrong any more, and waits until all that is shown is true again.
    async fn recover(&self) {
        self.app.rancher.set_faults(Vec::new(), None);
        let cluster = self.app.rancher.cluster(CLUSTER).unwrap();
        let truth: BTreeMap<String, String> = cluster
            .list(Kind::Deployment, Some(STAGING))
            .iter()
            .map(|it| (it["metadata"]["name"].as_str().unwrap().to_owned(), image(it).to_owned()))
            .collect();
        let shown = |services: &Value| {
            let all = services.as_array().unwrap().iter();
            let fresh = |it: &&Value| it["staleSince"].is_null();
            let images = all.filter(fresh).map(|it| {
                let container = &it["containers"][0];
                (it["name"].as_str().unwrap().to_owned(), container["image"].as_str().unwrap().to_owned())
            });
            images.collect::<BTreeMap<_, _>>() == truth
        };
        self.app.api.until(&format!("/api/services?env={}&pageSize=1000", self.staging), shown).await;
    }
}

fn image(object: &Value) -> &str {
    object["spec"]["template"]["spec"]["containers"][0]["image"].as_str().unwrap()
}

impl Outcome {
    fn tasks(&self) -> &[Value] {
        self.sync["results"].as_array().unwrap()
    }

    /// What is told of each task agrees with the record.
    fn check(&self, trial: &Trial, confirmed: &[(String, Value)]) {
        assert_eq!(self.tasks().len(), confirmed.len());
        for record in self.ours() {
            let name = &record.name;
            assert!(record.namespace == STAGING && confirmed.iter().any(|it| it.0 == *name), "{record:?}");
        }
        for task in self.tasks() {
            self.check_task(trial, task);
        }
    }

    fn ours(&self) -> impl Iterator<Item = &PatchRecord> {
        self.records.iter().filter(|record| record.who == "admin")
    }

    fn check_task(&self, trial: &Trial, task: &Value) {
        let name = task["name"].as_str().unwrap();
        let container = &task["containers"][0];
        let (from, to) = (container["from"].as_str().unwrap(), container["to"].as_str().unwrap());
        let sent = |image: &str| {
            let ours = self.ours().filter(|record| record.name == name);
            ours.filter(|record| self::image(&record.body) == image).count()
        };
        let (forth, back) = (sent(to), sent(from));
        assert!(forth <= 1 && back <= 1, "it took effect {forth} times, and {back} times back: {task}");
        let others = self.records.iter().any(|record| record.name == name && record.who != "admin");
        let cluster = trial.app.rancher.cluster(CLUSTER).unwrap();
        let now = cluster.get(Kind::Deployment, STAGING, name).unwrap();
        let runs = |wanted: &str| image(&now) == wanted || others;
        let said = task["error"].as_str().unwrap_or_default();
        let in_doubt = said.contains("it is not known");
        let agrees = match task["status"].as_str().unwrap() {
            "success" => forth == 1 && runs(to),
            "put_back" => forth == back && runs(from),
            "refused" | "cancelled" | "skipped" => in_doubt || (forth == 0 && runs(from)),
            "failed" if task["accepted"] == true => !said.is_empty() && (in_doubt || forth == 1),
            "failed" => !said.is_empty() && (others || forth == 0),
            "put_back_failed" => !said.is_empty(),
            _ => false,
        };
        assert!(agrees, "sent {forth} times, back {back} times, runs {}: {task}", image(&now));
    }

    fn statuses(&self) -> Vec<&str> {
        self.tasks().iter().map(|task| task["status"].as_str().unwrap()).collect()
    }

    fn all_are(&self, status: &str, because: &str) {
        for task in self.tasks() {
            assert_eq!(task["status"], status, "{task}");
            assert!(task["error"].as_str().unwrap_or_default().contains(because), "{task}");
        }
    }
}

on_both!(what_passes_is_waited_for);
async fn what_passes_is_waited_for(on: On) {
    let Some(mut trial) = Trial::start(on).await else { return };
    let passing = [
        Fault::Latency,
        Fault::TooManyRequests,
        Fault::InternalError,
        Fault::Unavailable,
        Fault::Reset,
        Fault::ResetAfter,
        Fault::Cut,
        Fault::Html,
    ];
    for (seed, fault) in (1..).zip(passing) {
        trial.sync(5, "go_on", vec![FaultRule::new(fault, 0.3)], seed).await.all_are("success", "");
    }
    trial.recover().await;
    trial.app.stop().await;
}

on_both!(watches_that_lie_stop_no_sync);
async fn watches_that_lie_stop_no_sync(on: On) {
    let Some(mut trial) = Trial::start(on).await else { return };
    let faults =
        [Fault::DropWatch, Fault::SilentWatch, Fault::OutOfOrder, Fault::Repeat, Fault::Gone, Fault::Clock];
    for fault in faults {
        trial.sync(5, "go_on", vec![FaultRule::new(fault, 1.0)], 1).await.all_are("success", "");
        trial.recover().await;
    }
    trial.app.stop().await;
}

on_both!(what_does_not_pass_is_told);
async fn what_does_not_pass_is_told(on: On) {
    let Some(mut trial) = Trial::start(on).await else { return };
    let faults = [
        (Fault::Dead, "disconnected"),
        (Fault::ExpiredToken, "expired"),
        (Fault::RevokedToken, "revoked"),
        (Fault::DryRunOnly, "does not look at dry runs"),
        (Fault::Hang, "not rolled out in its time"),
    ];
    for (fault, because) in faults {
        let outcome = trial.sync(5, "go_on", vec![FaultRule::new(fault, 1.0)], 1).await;
        outcome.all_are("failed", because);
        trial.recover().await;
    }
    let outcome = trial.sync(8, "go_on", vec![FaultRule::new(Fault::OtherActor, 1.0)], 1).await;
    for task in outcome.tasks() {
        assert!(["refused", "failed"].contains(&task["status"].as_str().unwrap()), "{task}");
        assert!(task["error"].as_str().unwrap().contains("0.0.0-other"), "{task}");
    }
    trial.recover().await;
    trial.app.stop().await;
}

on_both!(what_is_wrong_is_told_where_it_is_wrong);
async fn what_is_wrong_is_told_where_it_is_wrong(on: On) {
    let Some(trial) = Trial::start(on).await else { return };
    let sites = trial.app.api.get("/api/sites").await;
    let path = format!("/api/sites/{}/clusters", sites[0]["id"].as_str().unwrap());
    for (fault, words) in [
        (Fault::Dead, "disconnected"),
        (Fault::ExpiredToken, "token has expired"),
        (Fault::RevokedToken, "refuses the token"),
        (Fault::SilentWatch, "Nothing was heard"),
        (Fault::DropWatch, "ends every watch"),
        (Fault::Html, "web page"),
    ] {
        // Where lists go well, contact is found again after the next one: time to see that it was lost.
        let slow = FaultRule { millis: Some(1000), ..FaultRule::new(Fault::Latency, 1.0) };
        trial.app.rancher.set_faults(vec![FaultRule::new(fault, 1.0), slow], None);
        let stale = |clusters: &Value| {
            let said = clusters[0]["message"].as_str().unwrap_or_default();
            clusters[0]["watch"] == "stale" && said.contains(words)
        };
        trial.app.api.until(&path, stale).await;
        trial.recover().await;
    }
    trial.app.stop().await;
}

on_both!(a_mix_of_all_faults);
async fn a_mix_of_all_faults(on: On) {
    let Some(mut trial) = Trial::start(on).await else { return };
    let mut seen = BTreeMap::<String, usize>::new();
    for (seed, on_failure) in [(1, "go_on"), (2, "put_back"), (3, "go_on"), (4, "stop")] {
        let outcome = trial.sync(24, on_failure, FaultRule::mix(0.3), seed).await;
        for status in outcome.statuses() {
            *seen.entry(status.to_owned()).or_default() += 1;
        }
        trial.recover().await;
    }
    assert!(seen.contains_key("success") && seen.contains_key("failed"), "a mix: {seen:?}");
    trial.app.stop().await;
}
