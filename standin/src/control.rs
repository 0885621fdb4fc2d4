//! The stand-in's own interface below `/standin/`, for measurements and tests in other processes.
//!
//! It asks for no token: whoever reaches the stand-in may use it, and nothing but the stand-in is behind it.

use std::sync::Arc;

use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, put};
use axum::{Json, Router};
use http::StatusCode;
use serde::{Deserialize, Serialize};

use crate::churn::Churn;
use crate::cluster::Cluster;
use crate::faults::FaultRule;
use crate::server::App;
use crate::stats::Counts;
use crate::truth;

/// The routes of the interface.
pub(crate) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/standin/churn", put(set_churn))
        .route("/standin/truth", get(all_workloads))
        .route("/standin/records", get(all_records))
        .route("/standin/faults", get(faults).put(set_faults).delete(forget_faults))
        .route("/standin/stats", get(counts).delete(forget_counts))
}

async fn set_churn(State(app): State<Arc<App>>, Json(churn): Json<Churn>) -> StatusCode {
    app.churn.send_replace(churn);
    StatusCode::NO_CONTENT
}

async fn all_workloads(State(app): State<Arc<App>>) -> Response {
    read(app, truth::workloads).await
}

async fn all_records(State(app): State<Arc<App>>) -> Response {
    read(app, truth::records).await
}

/// Reads every cluster on a thread of its own: that takes a while where there are many.
async fn read<T: Serialize + Send + 'static>(app: Arc<App>, read: fn(&[Cluster]) -> T) -> Response {
    match tokio::task::spawn_blocking(move || Json(read(&app.clusters)).into_response()).await {
        Ok(answer) => answer,
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

async fn faults(State(app): State<Arc<App>>) -> Json<Vec<FaultRule>> {
    Json(app.faults.rules())
}

#[derive(Deserialize)]
struct Seed {
    seed: Option<u64>,
}

async fn set_faults(
    State(app): State<Arc<App>>,
    Query(Seed { seed }): Query<Seed>,
    Json(rules): Json<Vec<FaultRule>>,
) -> StatusCode {
    app.faults.set(rules, seed);
    StatusCode::NO_CONTENT
}

async fn forget_faults(State(app): State<Arc<App>>) -> StatusCode {
    app.faults.set(Vec::new(), None);
    StatusCode::NO_CONTENT
}

async fn counts(State(app): State<Arc<App>>) -> Json<Counts> {
    Json(app.stats.counts())
}

async fn forget_counts(State(app): State<Arc<App>>) -> StatusCode {
    app.stats.forget();
    StatusCode::NO_CONTENT
}
