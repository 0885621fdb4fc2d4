//! Typed server functions: what the browser may ask the server, one file per noun.
//!
//! Each is the thinnest adapter over its use case in `control`. Every failure is one [`ApiError`], which carries the
//! same problem document as the REST API.

#![allow(
    missing_docs,
    reason = "`#[server]` makes a struct of each function's arguments, which are documented there"
)]

pub mod app_instance;
pub mod artifact;
pub mod batch;
pub mod cluster;
pub mod deploy;
pub mod deployment;
pub mod environment;
mod error;
mod json;
pub mod live;
pub mod local_service;
pub mod matrix;
pub mod revision;
pub mod service;
pub mod site;
pub mod sync;
pub mod variable;

/// Rows of a table that the browser holds at most: as many as it draws once and scrolls without drawing them anew.
#[cfg(feature = "ssr")]
const LARGEST_PAGE: u32 = 100;

/// A page's size as it is asked for in an address, brought into bounds.
#[cfg(feature = "ssr")]
fn page_size(asked: Option<u32>) -> Option<u32> {
    asked.map(|size| size.min(LARGEST_PAGE))
}

pub use error::ApiError;
#[cfg(feature = "ssr")]
use error::{context, fail};
pub(crate) use json::read;
pub use json::{Json, JsonText};
