//! Who may import whom. The rules stand in `docs/ARCHITECTURE.md`; this holds the workspace to them.

use std::collections::BTreeSet;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::shell::{cargo, output};

/// What each package may import from the workspace. Dependencies of tests are free.
const RULES: [(&str, &[&str]); 13] = [
    ("domain", &[]),
    ("door", &["domain"]),
    ("local", &["domain", "door", "platform"]),
    ("migrations", &[]),
    ("platform", &["domain"]),
    ("store", &["domain", "migrations"]),
    ("control", &["domain", "local", "store", "platform"]),
    ("app", &["domain", "control"]),
    ("frontend", &["app"]),
    ("standin", &["domain"]),
    ("bench", &["domain"]),
    ("server", &["domain", "door", "local", "migrations", "platform", "store", "control", "app", "standin"]),
    ("xtask", &[]),
];

/// What must never reach the browser.
const NEVER_IN_WASM: [&str; 9] =
    ["axum", "control", "door", "kube", "local", "platform", "sea-orm", "sqlx-core", "store"];

/// Fails when a package imports what it may not.
pub(crate) fn check() -> Result<()> {
    let metadata = output(&mut cargo(&["metadata", "--no-deps", "--format-version", "1"]))?;
    let metadata: Value = serde_json::from_str(&metadata).context("cargo metadata gave no JSON")?;
    let mut faults = workspace_faults(&metadata);

    let wasm = ["tree", "-p", "frontend", "--target", "wasm32-unknown-unknown", "-e", "normal"];
    let tree = output(cargo(&wasm).args(["--prefix", "none", "--format", "{p}|{f}"]))?;
    faults.extend(wasm_faults(&tree));
    if faults.is_empty() {
        return Ok(());
    }
    bail!("the import rules are broken:\n  {}", faults.join("\n  "));
}

/// What the packages' own `Cargo.toml` files break.
fn workspace_faults(metadata: &Value) -> Vec<String> {
    let packages = metadata["packages"].as_array().map(Vec::as_slice).unwrap_or_default();
    let members: BTreeSet<&str> = packages.iter().filter_map(|package| package["name"].as_str()).collect();
    let mut faults = Vec::new();
    for package in packages {
        let name = package["name"].as_str().unwrap_or_default();
        let Some((_, allowed)) = RULES.iter().find(|(ruled, _)| *ruled == name) else {
            faults.push(format!("{name} has no rule yet: add one to xtask/src/imports.rs"));
            continue;
        };
        for dependency in package["dependencies"].as_array().map(Vec::as_slice).unwrap_or_default() {
            let imported = dependency["name"].as_str().unwrap_or_default();
            if dependency["kind"] == "dev" || !members.contains(imported) {
                continue;
            }
            if !allowed.contains(&imported) {
                faults.push(format!("{name} must not import {imported}"));
            }
            if name == "app" && imported == "control" && dependency["optional"] != true {
                faults.push("app must import control as an optional dependency".to_owned());
            }
        }
        if name == "app" {
            faults.extend(features_with_control(package));
        }
    }
    faults
}

/// Features of `app`, other than `ssr`, that bring `control` in.
fn features_with_control(app: &Value) -> Vec<String> {
    let brings = |items: &Value| {
        items.as_array().is_some_and(|items| {
            items
                .iter()
                .filter_map(Value::as_str)
                .any(|item| item == "dep:control" || item == "control" || item.starts_with("control/"))
        })
    };
    let features = app["features"].as_object().into_iter().flatten();
    features
        .filter(|(name, items)| *name != "ssr" && brings(items))
        .map(|(name, _)| format!("app's feature {name} must not bring control in: only ssr may"))
        .collect()
}

/// What `cargo tree` shows for the browser's side and must not be there: one `name version|features` per line.
fn wasm_faults(tree: &str) -> Vec<String> {
    let mut faults = BTreeSet::new();
    for line in tree.lines() {
        let (package, features) = line.split_once('|').unwrap_or((line, ""));
        let name = package.split_whitespace().next().unwrap_or_default();
        if NEVER_IN_WASM.contains(&name) {
            faults.insert(format!("frontend must not carry {name} into the browser"));
        }
        if name == "tokio" && features.split(',').any(|feature| feature == "net") {
            faults.insert("frontend must not carry tokio with the feature net into the browser".to_owned());
        }
    }
    faults.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn package(name: &str, dependencies: Value, features: Value) -> Value {
        json!({ "name": name, "dependencies": dependencies, "features": features })
    }

    #[test]
    fn a_forbidden_import_is_named() {
        let store = json!([{ "name": "control", "kind": null, "optional": false }]);
        let packages = [package("store", store, json!({})), package("control", json!([]), json!({}))];
        assert_eq!(workspace_faults(&json!({ "packages": packages })), ["store must not import control"]);
    }

    #[test]
    fn tests_may_import_anything() {
        let control = json!([{ "name": "standin", "kind": "dev", "optional": false }]);
        let packages = [package("control", control, json!({})), package("standin", json!([]), json!({}))];
        assert!(workspace_faults(&json!({ "packages": packages })).is_empty());
    }

    #[test]
    fn control_reaches_app_under_ssr_only() {
        let app = json!([{ "name": "control", "kind": null, "optional": true }]);
        let features = json!({ "ssr": ["dep:control"], "hydrate": ["control/wasm"] });
        let packages = [package("app", app, features), package("control", json!([]), json!({}))];
        assert_eq!(
            workspace_faults(&json!({ "packages": packages })),
            ["app's feature hydrate must not bring control in: only ssr may"]
        );
    }

    #[test]
    fn the_browser_gets_no_sockets() {
        let tree =
            "frontend v0.1.0 (/x)|\ntokio v1.0.0|default,net,sync\naxum v0.8.0|\ntokio v1.0.0|sync (*)\n";
        assert_eq!(wasm_faults(tree).len(), 2);
        assert!(wasm_faults("tokio v1.0.0|sync\naxum-core v0.5.0|\n").is_empty());
    }
}
