//! Requests that may come twice under one key, and are carried out once.

use chrono::{TimeDelta, Utc};
use store::KeptAnswer;

use crate::{Context, Error};

/// How long an answer is given again.
const KEPT: TimeDelta = TimeDelta::hours(24);

/// What there is to do about a request.
pub enum Request {
    /// It is the first under its key: it is to be carried out, and its answer kept.
    New,
    /// It was answered before.
    Answered {
        /// The status.
        status: u16,
        /// `Location`, or nothing.
        location: String,
        /// The body.
        body: String,
    },
}

/// Begins a request; `request` says what it is, so that a key is not used for two.
pub async fn begin(ctx: &Context, key: &str, request: &str) -> Result<Request, Error> {
    let now = Utc::now();
    let mut write = ctx.store().write().await?;
    let known = write.begin_request(key, request, now, now - KEPT).await?;
    write.commit().await?;
    match known {
        None => Ok(Request::New),
        Some(known) if known.request != request => Err(Error::conflict(
            "key_reused",
            "This Idempotency-Key was used for another request. Use a new one for each request.",
        )),
        Some(KeptAnswer { status: Some(status), location, body, .. }) => {
            Ok(Request::Answered { status, location, body })
        }
        Some(_) => Err(Error::conflict(
            "request_under_way",
            "This request is being carried out, or the server stopped while it was. Look whether it has taken effect \
             before sending it under a new key.",
        )),
    }
}

/// Keeps the answer to a request.
pub async fn keep(ctx: &Context, key: &str, status: u16, location: &str, body: &str) -> Result<(), Error> {
    let mut write = ctx.store().write().await?;
    write.keep_answer(key, status, location, body).await?;
    Ok(write.commit().await?)
}

/// Forgets a request that came to nothing.
pub async fn forget(ctx: &Context, key: &str) -> Result<(), Error> {
    let mut write = ctx.store().write().await?;
    write.forget_request(key).await?;
    Ok(write.commit().await?)
}
