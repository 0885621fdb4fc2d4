//! `cargo xtask demo`: Lockstep with services that run on this machine, to look at and to click through; with `--rancher`
//! beside a stand-in for a Rancher server.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use anyhow::Result;

use crate::process::{Group, require_free};
use crate::rest::{self, Client};
use crate::shell::{self, command, root, say};
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
    /// Ends what the demo before has left running and forgets its data
    #[arg(long)]
    fresh: bool,
    /// Shows a stand-in for a Rancher server instead of services on this machine
    #[arg(long)]
    rancher: bool,
    /// Begins with nothing beside a stand-in that is not connected, so that the wizard opens on the first visit
    #[arg(long, conflicts_with = "rancher")]
    empty: bool,
    /// Ends what the demo before has left running, forgets its data, and stops
    #[arg(long)]
    end: bool,
}

/// Builds, starts the programs, says what to open, and runs until Ctrl-C.
pub(crate) fn run(args: &Args) -> Result<()> {
    let stand_in = args.rancher || args.empty;
    let data = root().join(if stand_in { "target/demo-rancher" } else { "target/demo-data" });
    if args.end {
        return shell::run(lockstep(&site::dist(), "demo", &data).arg("--end"));
    }
    require_free(args.addr, "--addr")?;
    if stand_in {
        require_free(args.standin_addr, "--standin-addr")?;
    }
    let dist = site::build(true)?;
    if args.fresh {
        shell::run(lockstep(&dist, "demo", &data).arg("--end"))?;
    }

    let mut group = Group::default();
    if stand_in {
        // So that it may be forgotten too.
        fs::create_dir_all(&data)?;
        fs::write(data.join("demo"), "")?;
        let standin = site::build_standin(true)?;
        group.start("the stand-in", command(standin).arg("--addr").arg(args.standin_addr.to_string()))?;
    }
    let mut server = lockstep(&dist, if stand_in { "serve" } else { "demo" }, &data);
    group.start("lockstep", server.arg("--addr").arg(args.addr.to_string()))?;

    let client = Client::new(args.addr);
    group.wait_until("lockstep", || client.is_ready())?;
    let standin = format!("http://{}", args.standin_addr);
    if args.rancher
        && let Err(error) = rest::connect(&client, &standin, STANDIN_TOKEN)
    {
        say(format!("the stand-in could not be connected: {error:#}"));
    }
    println!();
    println!("  Open       http://{}", args.addr);
    if stand_in {
        println!("  Stand-in   {standin}   (a Rancher server, as far as Lockstep can tell)");
        println!("  Its token  {STANDIN_TOKEN}");
    }
    println!();
    if !stand_in {
        println!(
            "  Ctrl-C stops Lockstep. Its services go on, as they do when it crashes, and the next start finds"
        );
        println!("  them again; `cargo xtask demo --end` ends them.");
    }
    println!("  The data stays in {} until --fresh.", data.strip_prefix(root()).unwrap_or(&data).display());
    println!();
    group.wait()?;
    say("stopped");
    Ok(())
}

fn lockstep(dist: &Path, command_name: &str, data: &Path) -> Command {
    let mut lockstep = command(dist.join("lockstep"));
    lockstep.current_dir(dist).arg(command_name).arg("--data-dir").arg(data);
    lockstep
}
