//! What the local site does, with real processes.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

mod artifact;
mod driver;
mod front_door;
mod holder;
mod limits;
mod load;
mod output;
mod replica;
mod site;
mod support;
