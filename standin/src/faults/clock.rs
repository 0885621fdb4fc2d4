//! A cluster whose clock is ahead: every time that it tells is wrong by the same amount.

use axum::body::{Body, to_bytes};
use axum::response::Response;
use chrono::{DateTime, TimeDelta, Utc};
use http::HeaderValue;
use http::header::{CONTENT_LENGTH, DATE};
use serde_json::Value;

use crate::json::timestamp;

/// How far the clock is ahead.
const AHEAD: TimeDelta = TimeDelta::hours(1);

/// Shifts every time in an object or a list.
pub(crate) fn shift(value: &mut Value) {
    match value {
        Value::String(text) => {
            if let Some(time) = time(text) {
                *text = timestamp(time + AHEAD);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(shift),
        Value::Object(fields) => fields.values_mut().for_each(shift),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// A time as Kubernetes writes it, and nothing else that could be read as one.
fn time(text: &str) -> Option<DateTime<Utc>> {
    let form = text.len() == 20 && text.ends_with('Z');
    form.then(|| DateTime::parse_from_rfc3339(text).ok()).flatten().map(|time| time.to_utc())
}

/// Shifts every time in a whole answer.
pub(crate) async fn shifted_answer(answer: Response) -> Response {
    let (mut parts, body) = answer.into_parts();
    let whole = to_bytes(body, usize::MAX).await.unwrap_or_default();
    let date = (Utc::now() + AHEAD).format("%a, %d %b %Y %H:%M:%S GMT").to_string();
    if let Ok(date) = HeaderValue::from_str(&date) {
        parts.headers.insert(DATE, date);
    }
    parts.headers.remove(CONTENT_LENGTH);
    let body = match serde_json::from_slice::<Value>(&whole) {
        Ok(mut value) => {
            shift(&mut value);
            Body::from(value.to_string())
        }
        Err(_) => Body::from(whole),
    };
    Response::from_parts(parts, body)
}
