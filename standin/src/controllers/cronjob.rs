//! Cron jobs: a change takes at once, and no pods are made.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::Round;
use crate::json::timestamp;
use crate::objects::Key;

pub(super) fn reconcile(round: &mut Round<'_>, key: &Key, job: &Value) -> Option<DateTime<Utc>> {
    let suspended = job["spec"]["suspend"].as_bool().unwrap_or(false);
    if !suspended && job["status"]["lastScheduleTime"].is_null() {
        round.objects.put_status(key, json!({ "lastScheduleTime": timestamp(round.now) }));
    }
    None
}
