use domain::variable::{Entries, Opened, OpenedValue, Reported};

use super::*;
use crate::VariableChange;

fn container(name: &str, init: bool, image: &str) -> Container {
    Container { name: name.into(), init, image: image.into(), running_digest: None }
}

fn running(kind: WorkloadKind, containers: Vec<Container>, deployment: Option<&str>) -> WorkloadFacts {
    let key = WorkloadKey { namespace: "shop".into(), kind: kind.clone(), name: "web".into() };
    let object =
        json!({"metadata": {"name": "web", "namespace": "shop", "uid": "u-1", "resourceVersion": "42"}});
    let object = serde_json::from_value(object).expect("an object");
    WorkloadFacts {
        key,
        containers,
        deployment: deployment.map(str::to_owned),
        ..facts::workload(&kind, object)
    }
}

fn change() -> ImageChange {
    ImageChange {
        uid: "u-1".into(),
        from: vec![
            container("app", false, "web:1"),
            container("proxy", false, "p:1"),
            container("init", true, "i:1"),
        ],
        to: vec![
            container("app", false, "web:2"),
            container("proxy", false, "p:1"),
            container("init", true, "i:2"),
        ],
        variables: None,
        scale: None,
        deployment: "d-1".into(),
        seen: None,
        back: false,
    }
}

#[test]
fn only_what_moves_is_sent_and_the_version_guards_it() {
    let now = running(WorkloadKind::Deployment, change().from, None);
    let expected = json!({
        "metadata": {"resourceVersion": "42", "annotations": {"lockstep.dev/deployment": "d-1"}},
        "spec": {"template": {"spec": {
            "containers": [{"name": "app", "image": "web:2"}],
            "initContainers": [{"name": "init", "image": "i:2"}],
        }}},
    });
    assert_eq!(decide(&now, &change()), Decision::Send(expected));
}

#[test]
fn a_cron_jobs_template_lies_deeper() {
    let now = running(WorkloadKind::CronJob, change().from, None);
    let Decision::Send(patch) = decide(&now, &change()) else { panic!("it is sent") };
    assert_eq!(
        patch.pointer("/spec/jobTemplate/spec/template/spec/containers/0/image"),
        Some(&json!("web:2"))
    );
}

#[test]
fn a_second_call_finds_it_there_only_if_it_was_this_deployment() {
    let ours = running(WorkloadKind::Deployment, change().to, Some("d-1"));
    assert_eq!(decide(&ours, &change()), Decision::AlreadyThere);
    let theirs = running(WorkloadKind::Deployment, change().to, Some("d-0"));
    assert!(matches!(decide(&theirs, &change()), Decision::Changed(_)));
    let put_back = running(WorkloadKind::Deployment, change().from, Some("d-1"));
    assert!(matches!(decide(&put_back, &change()), Decision::Changed(_)), "it is not fought about");
    let back = ImageChange { back: true, ..change() };
    assert_eq!(decide(&theirs, &back), Decision::AlreadyThere, "a way back is gone once one is there");
}

#[test]
fn what_is_not_as_confirmed_is_left_alone() {
    let words = |containers: Vec<Container>| match decide(
        &running(WorkloadKind::Deployment, containers, None),
        &change(),
    ) {
        Decision::Changed(words) => words,
        other => panic!("{other:?}"),
    };
    let mut moved = change().from;
    moved[0].image = "web:2.1".into();
    assert_eq!(words(moved), "app now runs web:2.1, not web:1 as confirmed");
    assert!(words(change().from[1..].to_vec()).contains("no container app any more"));
    let mut more = change().from;
    more.push(container("debug", false, "sh:1"));
    assert!(words(more).contains("new container debug"));
}

#[test]
fn another_object_of_the_same_name_is_not_touched() {
    let now = WorkloadFacts { uid: "u-2".into(), ..running(WorkloadKind::Deployment, change().from, None) };
    assert!(matches!(decide(&now, &change()), Decision::Changed(words) if words.contains("made again")));
    let now = running(WorkloadKind::Deployment, change().from, None);
    assert!(
        matches!(decide(&WorkloadFacts { deleting: true, ..now }, &change()), Decision::Changed(words) if words.contains("being deleted"))
    );
}

fn given(level: &str) -> Opened {
    Opened([("LEVEL".to_owned(), OpenedValue::Plain(level.to_owned()))].into())
}

fn entries(level: &str) -> Entries {
    Entries { container: "app".into(), ours: given(level).entries(), ..Entries::default() }
}

fn with_variables(has: &str, deployment: Option<&str>) -> WorkloadFacts {
    WorkloadFacts {
        variables: Some(Reported::Entries(entries(has))),
        ..running(WorkloadKind::Deployment, change().from, deployment)
    }
}

#[test]
fn variables_are_as_confirmed_like_images() {
    let of = with_variables;
    let variables = Some(VariableChange { from: given("info"), to: given("debug") });
    let forth = ImageChange { to: change().from, variables, ..change() };
    assert_eq!(verdict(&of("info", None), &forth), Verdict::Due);
    assert_eq!(verdict(&of("debug", Some("d-1")), &forth), Verdict::AlreadyThere);
    assert_eq!(verdict(&of("debug", None), &forth), verdict(&of("other", None), &forth), "by someone else");
    let Verdict::Changed(words) = verdict(&of("other", None), &forth) else { panic!("it was changed") };
    assert!(words.contains("other variables"), "{words}");
    let variables = Some(VariableChange { from: given("debug"), to: given("info") });
    let back = ImageChange { variables, back: true, ..forth };
    assert_eq!(verdict(&of("debug", Some("d-1")), &back), Verdict::Due);
    assert_eq!(verdict(&of("info", Some("d-1")), &back), Verdict::AlreadyThere);
    assert!(!format!("{back:?}").contains("debug"));
}

#[test]
fn a_variable_that_someone_else_has_set_meanwhile_is_not_overwritten() {
    let others = ["LEVEL"].into_iter().collect();
    let reported = Reported::Entries(Entries { container: "app".into(), others, ..Entries::default() });
    let now = WorkloadFacts { variables: Some(reported), ..with_variables("", None) };
    let variables = Some(VariableChange { from: Opened::default(), to: given("info") });
    let change = ImageChange { variables, ..change() };
    assert!(matches!(decide(&now, &change), Decision::Changed(words) if words.starts_with("LEVEL was set")));
}

#[test]
fn images_and_entries_of_one_container_go_in_one_patch() {
    let variables = Some(VariableChange { from: given("info"), to: given("debug") });
    let Decision::Send(patch) = decide(&with_variables("info", None), &ImageChange { variables, ..change() })
    else {
        panic!("it is sent")
    };
    let env = json!([{"name": "LEVEL", "value": "debug", "valueFrom": null}]);
    let app = json!([{"name": "app", "image": "web:2", "env": env}]);
    assert_eq!(patch.pointer("/spec/template/spec/containers"), Some(&app));
}
