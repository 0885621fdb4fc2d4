//! `cargo xtask dev`: everything rebuilt on every change.

use std::net::SocketAddr;

use anyhow::Result;

use crate::demo::STANDIN_TOKEN;
use crate::process::{Group, require_free};
use crate::shell::{cargo, command, root, say};
use crate::{site, tools};

/// Options of `cargo xtask dev`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Where Lockstep listens
    #[arg(long, default_value = "127.0.0.1:3000")]
    addr: SocketAddr,
    /// Where the stand-in listens
    #[arg(long, default_value = "127.0.0.1:8440")]
    standin_addr: SocketAddr,
}

/// Runs Tailwind, the stand-in and `cargo leptos watch` until Ctrl-C.
pub(crate) fn run(args: &Args) -> Result<()> {
    require_free(args.addr, "--addr")?;
    require_free(args.standin_addr, "--standin-addr")?;
    tools::setup()?;
    // Once before the watch, so that the first build finds a style sheet.
    site::css()?;
    let standin = site::build_standin(false)?;

    let mut group = Group::default();
    // Without `always` it would stop at once, for it has no terminal to read from.
    group.start("tailwindcss", site::tailwind().arg("--watch=always"))?;
    group.start("the stand-in", command(standin).arg("--addr").arg(args.standin_addr.to_string()))?;
    let address = args.addr.to_string();
    let mut watch = cargo(&["leptos", "watch", "--split", "--", "serve", "--addr", &address, "--data-dir"]);
    watch.arg(root().join("target/dev-data")).env("LEPTOS_SITE_ADDR", &address);
    group.start("cargo leptos watch", &mut watch)?;
    say(format!(
        "when built: http://{address}, and a stand-in at http://{} ({STANDIN_TOKEN})",
        args.standin_addr
    ));
    group.wait()?;
    say("stopped");
    Ok(())
}
