//! What the local site does, with real processes.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

mod artifact;
mod driver;
mod holder;
mod limits;
mod output;
mod site;
mod support;
