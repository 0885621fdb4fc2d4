//! The drivers, tried from outside: on the stand-in, on a real cluster where `KUBECONFIG` names one, and on servers
//! that answer as none should.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod answers;
mod canned;
mod stand_in;
mod suite;
mod target;
