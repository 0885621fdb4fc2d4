//! `cargo xtask demo`: Lockstep beside a stand-in for a Rancher server, to look at and to click through.

use std::fs;
use std::net::SocketAddr;

use anyhow::{Context, Result};

use crate::process::{Group, require_free};
use crate::rest::{self, Client};
use crate::shell::{command, root, say};
use crate::site;

/// The token that the stand-in accepts.
pub(crate) const STANDIN_TOKEN: &str = "token-admin:stand-in-secret";

/// Options of `cargo xtask demo`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Where Lockstep listens
    #[arg(long, default_value = "127.0.0.1:3000")]
    addr: SocketAddr,
    /// Where the stand-in listens
    #[arg(long, default_value = "127.0.0.1:8440")]
    standin_addr: SocketAddr,
    /// Forgets the data of the demo before
    #[arg(long)]
    fresh: bool,
    /// Leaves the stand-in unconnected, so that the wizard opens on the first visit
    #[arg(long)]
    empty: bool,
}

/// Builds, starts both programs, says what to open, and runs until Ctrl-C.
pub(crate) fn run(args: &Args) -> Result<()> {
    require_free(args.addr, "--addr")?;
    require_free(args.standin_addr, "--standin-addr")?;
    let dist = site::build(true)?;
    let standin = site::build_standin(true)?;

    let data = root().join("target/demo-data");
    if args.fresh && data.exists() {
        say("forgetting the data of the demo before");
        fs::remove_dir_all(&data).with_context(|| format!("{} cannot be removed", data.display()))?;
    }

    let mut group = Group::default();
    group.start("the stand-in", command(standin).arg("--addr").arg(args.standin_addr.to_string()))?;
    let mut server = command(dist.join("lockstep"));
    server
        .current_dir(&dist)
        .arg("serve")
        .arg("--addr")
        .arg(args.addr.to_string())
        .arg("--data-dir")
        .arg(&data);
    group.start("lockstep", &mut server)?;

    let client = Client::new(args.addr);
    group.wait_until("lockstep", || client.is_ready())?;
    let standin = format!("http://{}", args.standin_addr);
    if !args.empty
        && let Err(error) = rest::connect(&client, &standin, STANDIN_TOKEN)
    {
        say(format!("the stand-in could not be connected: {error:#}"));
    }
    println!();
    println!("  Open       http://{}", args.addr);
    println!("  Stand-in   {standin}   (a Rancher server, as far as Lockstep can tell)");
    println!("  Its token  {STANDIN_TOKEN}");
    println!();
    println!("  Ctrl-C stops both. The data stays in target/demo-data until --fresh.");
    println!();
    group.wait()?;
    say("stopped");
    Ok(())
}
