use domain::{
    service::WorkloadKind,
    variable::{Opened, OpenedValue},
};

use super::*;
use crate::{VariableChange, facts, objects::Workload};

const FINGERPRINT: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const KEY: &str = "TOKEN.AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";

fn read(annotation: &str, template: Value) -> WorkloadFacts {
    let metadata = json!({
        "name": "web", "namespace": "shop", "uid": "u-1", "annotations": {VARIABLES_ANNOTATION: annotation},
    });
    let object: Workload =
        serde_json::from_value(json!({"metadata": metadata, "spec": {"template": template}})).unwrap();
    facts::workload(&WorkloadKind::Deployment, object)
}

fn entries(now: &WorkloadFacts) -> &Entries {
    let Some(Reported::Entries(entries)) = &now.variables else { panic!("it has a template") };
    entries
}

fn env() -> Value {
    json!([
        {"name": "LEVEL", "value": "a$$b"},
        {"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "lockstep-deployment-web", "key": KEY}}},
        {"name": "MOVED", "valueFrom": {"secretKeyRef": {"name": "of-the-chart", "key": "token"}}},
        {"name": "CHART", "value": "1"},
    ])
}

fn ours() -> WorkloadFacts {
    let annotation = r#"{"container": "app", "names": ["LEVEL", "TOKEN", "MOVED"]}"#;
    let containers = json!([{"name": "proxy"}, {"name": "app", "env": env()}]);
    read(annotation, json!({"spec": {"containers": containers}}))
}

#[test]
fn only_what_lockstep_has_set_and_is_still_so_is_its_own() {
    let now = ours();
    let found = entries(&now);
    assert_eq!(found.container, "app");
    let expected = [
        ("LEVEL".to_owned(), Entry::Plain("a$b".into())),
        ("TOKEN".to_owned(), Entry::Secret(FINGERPRINT.into())),
    ];
    assert_eq!(found.ours, expected.into());
    assert_eq!(found.others.iter().collect::<Vec<_>>(), ["MOVED", "CHART"]);
}

#[test]
fn they_are_the_default_containers_or_the_firsts() {
    let containers = json!([{"name": "proxy"}, {"name": "app", "env": env()}]);
    let annotations = json!({DEFAULT_CONTAINER: "app"});
    let chosen =
        read("", json!({"metadata": {"annotations": annotations}, "spec": {"containers": containers}}));
    assert_eq!(entries(&chosen).container, "app");
    assert!(entries(&chosen).ours.is_empty(), "nothing says that they are Lockstep's");
    let gone = r#"{"container": "gone", "names": ["LEVEL"]}"#;
    let first = read(gone, json!({"spec": {"containers": containers}}));
    assert_eq!(entries(&first).container, "proxy");
}

#[test]
fn what_differs_is_written_and_what_is_over_is_deleted() {
    let now = ours();
    let secret = OpenedValue::Secret { fingerprint: FINGERPRINT.into(), text: None };
    let plain = OpenedValue::Plain("$(HOME) costs $1".into());
    let to = Opened([("TOKEN".to_owned(), secret), ("NEW".to_owned(), plain)].into());
    let change_to = |to: &Opened| ImageChange {
        uid: "u-1".into(),
        from: Vec::new(),
        to: Vec::new(),
        variables: Some(VariableChange { from: Opened::default(), to: to.clone() }),
        scale: None,
        deployment: "d-1".into(),
        seen: None,
        back: false,
    };
    let (container, env) = change(&now, &change_to(&to)).expect("something changes");
    assert_eq!((container, env.annotation), ("app", json!(r#"{"container":"app","names":["NEW","TOKEN"]}"#)));
    let expected = [
        json!({"name": "LEVEL", "$patch": "delete"}),
        json!({"name": "NEW", "value": "$$(HOME) costs $$1", "valueFrom": null}),
    ];
    assert_eq!(env.entries, expected, "and TOKEN is as it is to be");
    let (_, none) = change(&now, &change_to(&Opened::default())).expect("all go");
    assert_eq!((none.annotation, none.entries.len()), (Value::Null, 2));
    let from =
        |key: &str| json!({"valueFrom": {"secretKeyRef": {"name": "lockstep-deployment-web", "key": key}}});
    assert_eq!(
        written("TOKEN", &Entry::Secret(FINGERPRINT.into()), "lockstep-deployment-web")["valueFrom"],
        from(KEY)["valueFrom"]
    );
}

#[test]
fn a_key_fits_into_a_secret_whatever_the_name() {
    let long = key(&"A".repeat(4_000), FINGERPRINT);
    assert!(long.len() < 253 && long.chars().all(|c| c.is_ascii_alphanumeric() || "-._".contains(c)));
    assert_eq!(fingerprint(&long).as_deref(), Some(FINGERPRINT));
}
