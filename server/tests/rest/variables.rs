//! `/api/environments/{id}/variables`: kept with revisions, inherited, and secrets nowhere to be seen.

use std::fs;

use reqwest::Method;
use sea_orm::{ConnectionTrait, Database, Statement};
use serde_json::{Value, json};

use crate::{
    deployments::version,
    support::{App, On, on_both},
};

const HIDDEN: &str = "hunter2-and-more";

async fn path(app: &App, environment: &str) -> String {
    format!("/api/environments/{}/variables", app.api.environment(environment).await)
}

/// Sets staging's variables.
async fn put(app: &App, edit: Value) -> (u16, Value) {
    let (status, answer) = app.api.call(Method::PUT, &path(app, "Staging").await, Some(&edit)).await;
    assert!(!answer.to_string().contains(HIDDEN), "{answer}");
    (status.as_u16(), answer)
}

fn hidden(name: &str) -> Value {
    json!({ "name": name, "value": HIDDEN, "secret": true })
}

fn plain(name: &str, value: &str) -> Value {
    json!({ "name": name, "value": value })
}

/// All that the database has, as bytes.
pub(crate) async fn stored(app: &App, on: On) -> Vec<u8> {
    match on {
        On::Sqlite => {
            let files = fs::read_dir(app.dir.path()).unwrap().flatten().map(|entry| entry.path());
            files.filter(|path| path.is_file()).flat_map(|path| fs::read(path).unwrap()).collect()
        }
        On::Postgres => {
            let admin = std::env::var("LOCKSTEP_TEST_POSTGRES").unwrap();
            let (server, _) = admin.rsplit_once('/').unwrap();
            let db = Database::connect(format!("{server}/{}", app.database())).await.unwrap();
            let mut all = Vec::new();
            for table in ["revision", "event", "preview", "task", "kept_answer", "deployment"] {
                let text = format!("select coalesce(string_agg(t::text, ' '), '') as it from {table} t");
                let text = Statement::from_string(db.get_database_backend(), text);
                let row = db.query_one_raw(text).await.unwrap().unwrap();
                all.extend(row.try_get::<String>("", "it").unwrap().into_bytes());
            }
            all
        }
    }
}

on_both!(variables_are_kept_with_revisions_and_secrets_are_nowhere);
async fn variables_are_kept_with_revisions_and_secrets_are_nowhere(on: On) {
    let Some(app) = App::connected(on).await else { return };
    let at = path(&app, "Staging").await;
    let none = app.api.get(&at).await;
    assert_eq!((&none["revision"], &none["variables"]), (&json!(0), &json!([])));
    let (status, first) =
        put(&app, json!({ "variables": [plain("LEVEL", "two\nlines"), hidden("TOKEN")], "reason": "new" }))
            .await;
    assert_eq!((status, &first["revision"], &first["active"]), (200, &json!(1), &json!(false)), "{first}");
    let told = json!([
        { "name": "LEVEL", "value": "two\nlines", "secret": false, "from": "environment" },
        { "name": "TOKEN", "secret": true, "from": "environment" },
    ]);
    assert_eq!((&first["variables"], app.api.get(&at).await["variables"].clone()), (&told, told.clone()));

    let keeps =
        json!({ "base": 1, "variables": [plain("LEVEL", "info"), { "name": "TOKEN", "secret": true }] });
    let (_, second) = put(&app, keeps.clone()).await;
    assert_eq!(second["revision"], 2, "{second}");
    let (status, problem) = put(&app, keeps).await;
    assert_eq!((status, &problem["code"]), (409, &json!("edit_conflict")));
    assert_eq!(
        (&problem["current"]["revision"], &problem["current"]["variables"][0]["value"]),
        (&json!(2), &json!("info"))
    );
    let same = json!({ "base": 2, "variables": [hidden("TOKEN"), plain("LEVEL", "info")] });
    let (status, problem) = put(&app, same).await;
    assert_eq!(
        (status, &problem["code"]),
        (409, &json!("no_change")),
        "the same secret is no change: {problem}"
    );

    let revisions = at.replace("variables", "revisions");
    let listed = app.api.get(&revisions).await;
    assert_eq!((&listed[0]["changedVariables"], &listed[0]["changed"]), (&json!(1), &json!(0)), "{listed}");
    let change = json!({ "scope": null, "name": "LEVEL", "change": "changed", "secret": false, "from": "two\nlines", "to": "info" });
    assert_eq!(listed[0]["variables"], json!([change]));
    let whole = app.api.get(&format!("{revisions}/2")).await;
    assert_eq!(whole["variables"][0]["variables"][1], json!({ "name": "TOKEN", "secret": true }), "{whole}");
    let (_, third) =
        put(&app, json!({ "base": 2, "variables": [{ "name": "TOKEN", "value": "other", "secret": true }] }))
            .await;
    assert_eq!(third["revision"], 3);
    let diff = app.api.get(&at.replace("variables", "diff?from=2&to=3")).await;
    let changed = json!({ "scope": null, "name": "TOKEN", "change": "changed", "secret": true });
    assert_eq!((&diff["variables"][1], &diff["changes"]), (&changed, &json!([])), "{diff}");

    for told in [&first, &second, &listed, &whole, &diff] {
        let told = told.to_string();
        assert!(
            !told.contains(HIDDEN) && !told.contains("cipher") && !told.contains("fingerprint"),
            "{told}"
        );
    }
    let stored = stored(&app, on).await;
    let has = |text: &str| stored.windows(text.len()).any(|bytes| bytes == text.as_bytes());
    assert!(has("LEVEL") && !has(HIDDEN), "what is in the database is sealed");
    app.stop().await;
}

on_both!(a_services_own_come_before_the_environments);
async fn a_services_own_come_before_the_environments(on: On) {
    let Some(app) = App::connected(on).await else { return };
    let at = path(&app, "Staging").await;
    let cart = app.api.service("Staging", "cart").await["id"].clone();
    put(&app, json!({ "variables": [plain("LEVEL", "info"), plain("ZONE", "eu")] })).await;
    let (status, own) =
        put(&app, json!({ "base": 1, "serviceId": cart, "variables": [hidden("LEVEL")] })).await;
    assert_eq!(status, 200, "{own}");
    let told = json!([
        { "name": "LEVEL", "secret": true, "from": "service", "hides": { "name": "LEVEL", "value": "info", "secret": false } },
        { "name": "ZONE", "value": "eu", "secret": false, "from": "environment" },
    ]);
    assert_eq!(own["variables"], told);
    let of_cart = app.api.get(&format!("{at}?serviceId={}", cart.as_str().unwrap())).await;
    assert_eq!(of_cart["variables"], told);
    assert_eq!(app.api.get(&at).await["variables"][0]["value"], "info", "the environment's is as it was");

    let elsewhere = app.api.service("Development", "cart").await["id"].clone();
    let (status, problem) = put(&app, json!({ "base": 2, "serviceId": elsewhere, "variables": [] })).await;
    assert_eq!((status, &problem["errors"][0]["field"]), (422, &json!("serviceId")));
    let wrong = [
        plain("A\nB", ""),
        plain("PORT", "1"),
        json!({ "name": "NEW", "secret": true }),
        plain("PATH", "/bin"),
    ];
    let (status, problem) = put(&app, json!({ "base": 2, "variables": wrong })).await;
    let fields: Vec<&Value> = problem["errors"].as_array().unwrap().iter().map(|it| &it["field"]).collect();
    assert_eq!(
        (status, fields),
        (422, vec![&json!("variables[0].name"), &json!("variables[1].name"), &json!("variables[2].value")])
    );
    let (status, _) = put(&app, json!({ "base": 2, "variables": [{ "name": "A", "secret": HIDDEN }] })).await;
    assert_eq!(status, 422, "and what was given is not repeated");
    app.stop().await;
}

on_both!(what_is_required_has_to_be_there);
async fn what_is_required_has_to_be_there(on: On) {
    let Some(app) = App::connected(on).await else { return };
    let settings = path(&app, "Staging").await.replace("variables", "settings");
    let rules = json!({ "rules": { "requiredVariables": ["LEVEL", "TOKEN"] } });
    let (status, answer) = app.api.call(Method::PUT, &settings, Some(&rules)).await;
    assert_eq!(
        (status.as_u16(), &answer["rules"]["requiredVariables"][1]),
        (200, &json!("TOKEN")),
        "{answer}"
    );
    put(&app, json!({ "base": 1, "variables": [plain("LEVEL", "info")] })).await;
    let mut request = version(&app, "cart", "1.14.1").await;
    let shown = app.api.post("/api/deployments/preview", &request).await;
    let told = shown["items"][0]["warnings"].as_array().unwrap();
    assert_eq!((told.len(), &told[0]["code"]), (2, &json!("variables_not_carried")), "{shown}");
    let warning = &told[1];
    assert_eq!(
        (&warning["code"], &warning["severity"]),
        (&json!("variable_missing"), &json!("blocking")),
        "{shown}"
    );
    assert!(warning["message"].as_str().unwrap().contains("TOKEN"));

    // What goes between the preview and the start is missed at the start.
    put(&app, json!({ "base": 2, "variables": [plain("LEVEL", "info"), hidden("TOKEN")] })).await;
    request["previewId"] = app.api.post("/api/deployments/preview", &request).await["id"].clone();
    put(&app, json!({ "base": 3, "variables": [] })).await;
    let (status, problem) = app.api.call(Method::POST, "/api/deployments", Some(&request)).await;
    assert_eq!((status.as_u16(), &problem["code"]), (409, &json!("rule_broken")), "{problem}");

    put(&app, json!({ "base": 4, "variables": [plain("LEVEL", "info"), hidden("TOKEN")] })).await;
    request.as_object_mut().unwrap().remove("previewId");
    let ended = app.api.post("/api/deployments?wait=true", &request).await;
    assert_eq!((&ended["status"], &ended["revision"]), (&json!("success"), &json!(6)), "{ended}");
    let shown = app.api.get(&path(&app, "Staging").await).await;
    assert_eq!(
        (&shown["active"], shown["variables"].as_array().unwrap().len()),
        (&json!(true), 2),
        "they go on"
    );
    app.stop().await;
}

on_both!(two_environments_variables_are_equal_or_different);
async fn two_environments_variables_are_equal_or_different(on: On) {
    let Some(app) = App::connected(on).await else { return };
    put(&app, json!({ "variables": [hidden("SAME"), hidden("OTHER"), plain("LEVEL", "info")] })).await;
    let other = json!({ "name": "OTHER", "value": "x", "secret": true });
    let edit = json!({ "variables": [hidden("SAME"), other, plain("LEVEL", "debug")] });
    app.api.call(Method::PUT, &path(&app, "Development").await, Some(&edit)).await;
    let [dev, staging] = [app.api.environment("Development").await, app.api.environment("Staging").await];
    let found = app.api.get(&format!("/api/environments/{dev}/compare?with={staging}")).await;
    let told = json!([
        { "name": "LEVEL", "secret": false, "inLeft": true, "inRight": true, "left": "debug", "right": "info" },
        { "name": "OTHER", "secret": true, "inLeft": true, "inRight": true },
    ]);
    assert_eq!((&found["variables"], &found["sameVariables"]), (&told, &json!(1)), "{found}");
    assert!(!found.to_string().contains(HIDDEN));
    app.stop().await;
}
