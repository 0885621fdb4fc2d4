//! The server: configuration, REST, event streams, the web UI's routes, and the command line around them.

pub mod config;
mod docs;
mod first_pages;
mod guard;
mod problem;
pub mod rest;
mod serve;
mod site;
mod sse;

pub use serve::{Running, ServeError, start};
