//! Readable pages: the API's description, and one for each error code. Plain HTML that asks nobody for anything.

use std::fmt::Write as _;

use axum::response::{Html, IntoResponse, Response};
use html_escape::encode_quoted_attribute as escape;
use http::StatusCode;
use serde_json::Value;
use utoipa::openapi::OpenApi;

use crate::problem::{Path, unknown_path};

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;\
color-scheme:light dark}code,pre{font:13px/1.5 ui-monospace,monospace}summary{cursor:pointer;padding:.4rem 0}\
summary b{display:inline-block;width:5rem}pre{overflow:auto;padding:.75rem;border:1px solid #8885;border-radius:.4rem}\
h2{margin-top:2rem;text-transform:capitalize}details{border-top:1px solid #8883}dt{font-weight:600}";

/// The runbook, a section per code.
const ERRORS: &str = include_str!("../../docs/errors.md");

/// The API's description as a page.
pub(crate) fn page(document: &OpenApi) -> String {
    let document = serde_json::to_value(document).unwrap_or_default();
    let mut sections: Vec<(String, String)> = Vec::new();
    for (path, methods) in document["paths"].as_object().into_iter().flatten() {
        for (method, operation) in methods.as_object().into_iter().flatten() {
            let tag = operation["tags"][0].as_str().unwrap_or("other").to_owned();
            let html = operation_html(method, path, operation, &document);
            match sections.iter_mut().find(|(name, _)| *name == tag) {
                Some((_, section)) => section.push_str(&html),
                None => sections.push((tag, html)),
            }
        }
    }
    let body: String = sections.iter().map(|(tag, html)| format!("<h2>{}</h2>{html}", escape(tag))).collect();
    let intro =
        "The document itself, OpenAPI 3.1, is at <a href=\"/api/openapi.json\">/api/openapi.json</a>.";
    html("Lockstep API", &format!("<p>{intro}</p>{body}"))
}

fn operation_html(method: &str, path: &str, operation: &Value, document: &Value) -> String {
    let mut out = String::new();
    let summary = escape(operation["summary"].as_str().unwrap_or_default());
    let method = method.to_uppercase();
    let (method, path) = (escape(&method), escape(path));
    let _ = write!(out, "<details><summary><b>{method}</b> <code>{path}</code> {summary}</summary><dl>");
    for parameter in operation["parameters"].as_array().into_iter().flatten() {
        let name = escape(parameter["name"].as_str().unwrap_or_default());
        let place = escape(parameter["in"].as_str().unwrap_or_default());
        let words = escape(parameter["description"].as_str().unwrap_or_default());
        let _ = write!(out, "<dt><code>{name}</code> ({place})</dt><dd>{words}</dd>");
    }
    out.push_str("</dl>");
    if let Some(schema) = operation["requestBody"]["content"]["application/json"].get("schema") {
        let _ = write!(out, "<p>Body:</p><pre>{}</pre>", escape(&pretty(schema, document)));
    }
    for (status, response) in operation["responses"].as_object().into_iter().flatten() {
        let words = escape(response["description"].as_str().unwrap_or_default());
        let name = response["content"]["application/json"]["schema"]["$ref"].as_str();
        let name = escape(name.and_then(|name| name.rsplit('/').next()).unwrap_or_default());
        let _ = write!(out, "<p>{} {words} <code>{name}</code></p>", escape(status));
    }
    out.push_str("</details>");
    out
}

fn pretty(schema: &Value, document: &Value) -> String {
    let name = schema["$ref"].as_str().and_then(|name| name.rsplit('/').next());
    let schema = name.map_or(schema, |name| &document["components"]["schemas"][name]);
    serde_json::to_string_pretty(schema).unwrap_or_default()
}

/// The page of an error code.
pub(crate) async fn error_page(Path(code): Path<String>) -> Response {
    let section = ERRORS.split("\n## ").skip(1).find(|section| section.lines().next() == Some(code.as_str()));
    match section.and_then(|section| section.split_once('\n')) {
        Some((_, text)) => {
            let text: String =
                text.trim().split("\n\n").map(|part| format!("<p>{}</p>", escape(part))).collect();
            Html(html(&code, &text)).into_response()
        }
        None => (StatusCode::NOT_FOUND, unknown_path().await).into_response(),
    }
}

fn html(title: &str, body: &str) -> String {
    let title = escape(title);
    format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>{title}</title><style>{STYLE}</style>\
         <h1>{title}</h1>{body}</html>"
    )
}
