//! What an operator relies on: faults at their fields, inheritance, and secrets that are nowhere to be seen.

use uuid::Uuid;

use super::*;
use crate::revision::ChangeKind;

fn plain(text: &str) -> StoredValue {
    StoredValue::Plain(text.into())
}

fn secret(text: &str) -> StoredValue {
    let sealed = |of: &str| format!("{of} of {}", text.len());
    StoredValue::Secret(Sealed { cipher: sealed("cipher"), key_id: "k".into(), fingerprint: text.into() })
}

fn values(all: &[(&str, StoredValue)]) -> Values {
    all.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
}

fn scope(name: &str) -> ServiceScope {
    ServiceScope {
        app_instance_id: AppInstanceId(Uuid::from_u128(1)),
        app_instance: "shop".into(),
        kind: WorkloadKind::Deployment,
        name: name.into(),
    }
}

fn variables(environment: &[(&str, StoredValue)], cart: &[(&str, StoredValue)]) -> Variables {
    let mut all = Variables { environment: values(environment), services: Vec::new() };
    all.replace(Some(scope("cart")), values(cart));
    all
}

#[test]
fn each_fault_is_told_at_its_field() {
    let stored = values(&[("TOKEN", secret("t")), ("LEVEL", plain("info"))]);
    let fault = |edit: serde_json::Value| {
        let variables = serde_json::from_value(serde_json::json!([{ "name": "A", "value": "" }, edit]));
        let edit = VariablesEdit { variables: variables.unwrap(), ..Default::default() };
        let faults: Vec<String> = edit.faults(&stored).into_iter().map(|fault| fault.field).collect();
        faults.join(" ")
    };
    let named = |name: &str| fault(serde_json::json!({ "name": name, "value": "x" }));
    for name in ["", "1ST", "A=B", "MÜLL", "A\nB", "PORT", "LOCKSTEP_VERSION", "A"] {
        assert_eq!(named(name), "variables[1].name", "{name:?}");
    }
    for name in ["PATH", "_", "PORTS", "level"] {
        assert_eq!(named(name), "", "{name}");
    }
    let valued = |name: &str, value: Option<&str>, secret: bool| {
        fault(serde_json::json!({ "name": name, "value": value, "secret": secret }))
    };
    assert_eq!(valued("B", Some("two\nlines"), false), "");
    assert_eq!(valued("B", Some("a\0b"), false), "variables[1].value");
    assert_eq!(valued("B", Some(&"x".repeat(4_001)), true), "variables[1].value");
    assert_eq!(valued("TOKEN", None, true), "", "it keeps its value");
    for (name, secret) in [("TOKEN", false), ("LEVEL", true), ("NEW", true), ("NEW", false)] {
        assert_eq!(valued(name, None, secret), "variables[1].value", "{name}");
    }
    let many = vec![VariableEdit::default(); MAX_VARIABLES + 1];
    let many = VariablesEdit { variables: many, ..Default::default() };
    assert_eq!(many.faults(&stored)[0].field, "variables");
}

#[test]
fn what_is_given_is_repeated_in_no_words() {
    for wrong in [r#"{"name":"A","value":4711}"#, r#"{"name":"A","secret":"hunter2"}"#] {
        let words = serde_json::from_str::<VariableEdit>(wrong).unwrap_err().to_string();
        assert!(!words.contains("4711") && !words.contains("hunter2"), "{words}");
    }
    let edit: VariableEdit = serde_json::from_str(r#"{"name":"A","value":"hunter2"}"#).unwrap();
    assert!(!format!("{edit:?}").contains("hunter2"));
    assert!(!format!("{:?}", secret("hunter2")).contains("hunter2"));
}

#[test]
fn a_services_own_come_before_the_environments() {
    let all = variables(&[("A", plain("1")), ("B", secret("2"))], &[("B", plain("3")), ("C", secret("4"))]);
    let (cart, web) = (scope("cart"), scope("web"));
    let told: Vec<_> = all
        .shown(Some(cart.key()))
        .into_iter()
        .map(|shown| (shown.variable.name, shown.variable.value, shown.from, shown.hides.map(|it| it.secret)))
        .collect();
    use VariableScope::{Environment, Service};
    assert_eq!(
        told,
        [
            ("A".into(), Some("1".into()), Environment, None),
            ("B".into(), Some("3".into()), Service, Some(true)),
            ("C".into(), None, Service, None),
        ]
    );
    let given = all.effective(cart.key());
    assert_eq!((given.len(), given["B"]), (3, &plain("3")));
    assert_eq!(all.effective(web.key()).len(), 2, "another has the environment's alone");
    assert_eq!(all.shown(None).len(), 2);
}

#[test]
fn a_diff_tells_secrets_as_changed_only() {
    let before = variables(&[("GONE", plain("x")), ("TOKEN", secret("s1")), ("SAME", secret("s"))], &[]);
    let after = variables(
        &[("TOKEN", secret("s2")), ("SAME", secret("s"))],
        &[("LEVEL", plain("debug")), ("HIDDEN", secret("s3"))],
    );
    let changes = diff(&before, &after);
    let told: Vec<_> = changes
        .iter()
        .map(|it| {
            let name = it.scope.as_ref().map(|scope| scope.name.as_str());
            let VariableDifference { name: variable, change, from, to, .. } = &it.difference;
            (name, variable.as_str(), change.clone(), from.as_deref(), to.as_deref())
        })
        .collect();
    use ChangeKind::{Added, Changed, Removed};
    assert_eq!(
        told,
        [
            (None, "GONE", Removed, Some("x"), None),
            (None, "TOKEN", Changed, None, None),
            (Some("cart"), "HIDDEN", Added, None, None),
            (Some("cart"), "LEVEL", Added, None, Some("debug")),
        ]
    );
    let made_secret = diff(&variables(&[("A", plain("x"))], &[]), &variables(&[("A", secret("x"))], &[]));
    assert_eq!((made_secret.len(), &made_secret[0].difference.from), (1, &None), "it may be the same one");
    assert_eq!(diff(&after, &after), []);
}

#[test]
fn two_environments_secrets_are_equal_or_different() {
    let left = variables(&[("A", secret("1")), ("B", secret("2")), ("C", plain("3"))], &[]);
    let right = variables(&[("A", secret("1")), ("B", secret("x")), ("D", plain("4"))], &[]);
    let (differing, same) = compare(&left, &right);
    let told: Vec<_> = differing
        .iter()
        .map(|it| (it.name.as_str(), it.in_left, it.in_right, it.left.as_deref(), it.right.as_deref()))
        .collect();
    let expected = [
        ("B", true, true, None, None),
        ("C", true, false, Some("3"), None),
        ("D", false, true, None, Some("4")),
    ];
    assert_eq!((told.as_slice(), same), (expected.as_slice(), 1));
}

#[test]
fn a_deployment_tells_what_it_changes_and_keeps_the_rest_sealed() {
    let from = values(&[("LEVEL", plain("info")), ("TOKEN", secret("s1")), ("SAME", secret("s"))]);
    let to = values(&[("LEVEL", plain("debug")), ("TOKEN", secret("s2")), ("SAME", secret("s"))]);
    let stored = serde_json::to_value(Carried { from, to, ..Carried::default() }).unwrap();
    let told = carried(&serde_json::from_value(stored).unwrap());
    let names: Vec<_> = told.iter().map(|it| (it.name.as_str(), it.from.as_deref(), it.secret)).collect();
    assert_eq!(names, [("LEVEL", Some("info"), false), ("TOKEN", None, true)]);
}

#[test]
fn what_is_shown_has_no_secret_in_it() {
    #[derive(Serialize)]
    struct Wire(#[serde(serialize_with = "Variables::serialize_shown")] Variables);
    let shown =
        serde_json::to_value(Wire(variables(&[("A", secret("hunter2"))], &[("B", plain("1"))]))).unwrap();
    assert_eq!(
        shown[0],
        serde_json::json!({ "scope": null, "variables": [{ "name": "A", "secret": true }] })
    );
    assert_eq!(shown[1]["variables"][0]["value"], "1");
}
