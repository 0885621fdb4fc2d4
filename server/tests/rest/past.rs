//! The matrix of an earlier time, and as CSV.

use chrono::{SecondsFormat, Utc};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{App, On, on_both};

/// Now, as an address has it.
fn now() -> String {
    Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true)
}

async fn versions(app: &App, at: &str) -> Vec<Value> {
    let matrix = app.api.get(&format!("/api/matrix?q=cart&at={at}")).await;
    assert_eq!(matrix["at"].as_str().map(|at| &at[..19]), Some(&at[..19]));
    let cells = matrix["rows"][0]["cells"].as_array().unwrap();
    cells.iter().map(|cell| cell["instances"][0]["containers"][0]["image"].clone()).collect()
}

on_both!(what_ran_at_a_time_is_told_later);
async fn what_ran_at_a_time_is_told_later(on: On) {
    let Some(app) = App::connected(on).await else { return };
    let before = now();
    let request = app.api.sync_request(&["cart"]).await;
    app.api.post("/api/sync?wait=true", &request).await;
    app.api.until("/api/matrix?q=cart", |matrix| matrix["rows"][0]["cells"][1]["differs"] == false).await;
    let after = now();

    let image = |tag: &str| json!(format!("registry.example.com/shop/cart:{tag}"));
    assert_eq!(versions(&app, &before).await[..2], [image("1.14.2"), image("1.14.0")]);
    assert_eq!(versions(&app, &after).await[..2], [image("1.14.2"), image("1.14.2")]);
    let nothing = app.api.get("/api/matrix?at=2001-01-01T00:00:00Z").await;
    assert_eq!((&nothing["total"], &nothing["rows"]), (&json!(0), &json!([])));

    let (status, problem) = app.api.call(Method::GET, "/api/matrix?at=Tuesday", None).await;
    assert_eq!((status.as_u16(), &problem["errors"][0]["field"]), (422, &json!("at")));

    // Filters, sorting and pages are those of the present.
    let all = app.api.get(&format!("/api/matrix?at={after}&sort=-name&pageSize=3&page=2")).await;
    let today = app.api.get("/api/matrix?sort=-name&pageSize=3&page=2").await;
    let names = |matrix: &Value| -> Vec<Value> {
        matrix["rows"].as_array().unwrap().iter().map(|row| row["name"].clone()).collect()
    };
    assert_eq!((names(&all), &all["total"]), (names(&today), &today["total"]));
    assert_eq!(all["outOfStep"], today["outOfStep"]);

    // What is unbound later was there.
    let instances = app.api.get("/api/app-instances").await;
    let staging =
        instances.as_array().unwrap().iter().find(|one| one["namespace"] == "shop-staging").unwrap();
    let path = format!("/api/app-instances/{}?force=true", staging["id"].as_str().unwrap());
    app.api.call(Method::DELETE, &path, None).await;
    assert_eq!(versions(&app, &after).await[1], image("1.14.2"));
    assert_eq!(versions(&app, &now()).await[1], Value::Null);

    let mut wanted = app.api.sync_request(&["cart"]).await;
    wanted["matching"] = json!({ "matrix": { "at": before } });
    let (status, problem) = app.api.call(Method::POST, "/api/sync/preview", Some(&wanted)).await;
    assert_eq!((status.as_u16(), &problem["errors"][0]["field"]), (422, &json!("matching")));
    app.stop().await;
}

on_both!(the_matrix_is_given_out_as_csv);
async fn the_matrix_is_given_out_as_csv(on: On) {
    let Some(app) = App::connected(on).await else { return };
    let answer = app.api.send(Method::GET, "/api/matrix.csv?application=shop", None).await;
    assert_eq!(answer.headers()["content-type"], "text/csv; charset=utf-8");
    let file = answer.headers()["content-disposition"].to_str().unwrap().to_owned();
    assert!(file.starts_with("attachment; filename=\"versions-"), "{file}");
    let csv = answer.text().await.unwrap();
    let mut lines = csv.lines();
    let head = "application,kind,workload,out of step,Development,Staging,Production";
    assert_eq!(lines.next(), Some(head));
    let total = app.api.get("/api/matrix?application=shop&pageSize=1").await["total"].as_u64().unwrap();
    let rows: Vec<&str> = lines.collect();
    assert_eq!(rows.len() as u64, total);
    assert!(rows.iter().any(|row| row.starts_with("shop,Deployment,cart,yes,1.14.2,1.14.0,")), "{csv}");
    app.stop().await;
}
