//! Several operations at once.

use domain::batch::{Batch, BatchAnswer};
use leptos::prelude::*;

use super::{ApiError, Json};
#[cfg(feature = "ssr")]
use super::{context, fail};

/// Carries out operations, each by itself.
#[server(name = CallBatch, prefix = "/rpc", endpoint = "batch", input = Json, output = Json)]
pub async fn carry_out(batch: Batch) -> Result<BatchAnswer, ApiError> {
    let ctx = context()?;
    control::batch::carry_out(&ctx, batch).await.map_err(fail)
}
