//! Uploaded programs. They are uploaded by `POST /api/artifacts`, whose body may be larger than a server function's.

use domain::artifact::Artifact;
use leptos::prelude::*;

use super::{ApiError, Json};
#[cfg(feature = "ssr")]
use super::{context, fail};

/// The artifacts, newest first.
#[server(name = CallArtifactList, prefix = "/rpc", endpoint = "artifact/list", input = Json, output = Json)]
pub async fn list() -> Result<Vec<Artifact>, ApiError> {
    let ctx = context()?;
    control::artifact::list(&ctx).await.map_err(fail)
}

/// Removes an artifact that no service uses.
#[server(name = CallArtifactDelete, prefix = "/rpc", endpoint = "artifact/delete", input = Json, output = Json)]
pub async fn delete(digest: String) -> Result<(), ApiError> {
    let ctx = context()?;
    control::artifact::delete(&ctx, &digest).await.map_err(fail)
}
