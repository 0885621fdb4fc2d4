//! Whether a page is still true.

use leptos::prelude::*;

#[cfg(feature = "ssr")]
use super::context;
use super::{ApiError, Json};

/// Another one after anything has happened.
#[server(name = CallLiveStamp, prefix = "/rpc", endpoint = "live/stamp", input = Json, output = Json)]
pub async fn stamp() -> Result<String, ApiError> {
    Ok(control::events::stamp(&context()?))
}

/// The stamp that a page is rendered with; on the server only.
pub fn rendered_stamp() -> Option<String> {
    #[cfg(feature = "ssr")]
    return context().ok().map(|ctx| control::events::stamp(&ctx));
    #[cfg(not(feature = "ssr"))]
    None
}
