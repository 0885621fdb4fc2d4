//! Running other programs: where, with which environment, and what to say when they fail.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::process;

/// What `cargo run` sets for this program and must not reach the builds it starts: build scripts that watch these
/// variables would run again for each way of starting them.
const CARGO_RUN_PREFIXES: [&str; 5] =
    ["CARGO_BIN_", "CARGO_CRATE_", "CARGO_MANIFEST_", "CARGO_PKG_", "CARGO_PRIMARY_"];

/// Says what happens next.
pub(crate) fn say(line: impl AsRef<str>) {
    eprintln!("› {}", line.as_ref());
}

/// The checkout's root.
pub(crate) fn root() -> PathBuf {
    let manifest = env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    manifest.parent().map_or_else(|| manifest.clone(), Path::to_path_buf)
}

/// Where cargo puts what it builds.
pub(crate) fn target() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |dir| root().join(dir))
}

/// The directory of programs that npm installed for this checkout.
fn npm_bin() -> PathBuf {
    root().join("node_modules/.bin")
}

/// Where `cargo install` puts programs.
fn cargo_bin() -> Option<PathBuf> {
    env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| env::var_os("HOME").map(|home| Path::new(&home).join(".cargo")))
        .map(|home| home.join("bin"))
}

/// The search path: npm's programs first, then what `cargo install` installed, then the caller's.
fn search_path() -> OsString {
    let own = env::var_os("PATH").unwrap_or_default();
    let all = [npm_bin()].into_iter().chain(cargo_bin()).chain(env::split_paths(&own));
    env::join_paths(all).unwrap_or(own)
}

/// Finds a program as [`command`] would.
pub(crate) fn which(program: &str) -> Option<PathBuf> {
    env::split_paths(&search_path()).map(|dir| dir.join(program)).find(|file| file.is_file())
}

/// A command that runs in the checkout's root with the project's tools on its path.
pub(crate) fn command(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(program);
    command.current_dir(root()).env("PATH", search_path());
    for (name, _) in env::vars_os() {
        if name.to_str().is_some_and(|name| CARGO_RUN_PREFIXES.iter().any(|prefix| name.starts_with(prefix)))
        {
            command.env_remove(name);
        }
    }
    command
}

/// `cargo` with arguments.
pub(crate) fn cargo(args: &[&str]) -> Command {
    let mut command = command("cargo");
    command.args(args);
    command
}

/// Runs a command to its end, with its output on this terminal. Stops it when this program is asked to stop.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let shown = shown(command);
    let child = command
        .stdin(Stdio::null())
        .spawn()
        .with_context(|| format!("`{shown}` could not be started: is it installed?"))?;
    let status = process::wait(child)?;
    if !status.success() {
        bail!("`{shown}` failed ({status}); its messages are above");
    }
    Ok(())
}

/// Runs a command and gives out what it printed; its messages are part of the error when it fails.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let shown = shown(command);
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("`{shown}` could not be started: is it installed?"))?;
    if !output.status.success() {
        bail!("`{shown}` failed ({}): {}", output.status, String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Runs a command without showing anything, and tells whether it ended well.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .is_ok_and(|child| process::wait(child).is_ok_and(|status| status.success()))
}

/// Installs a Debian package, which only root may.
pub(crate) fn apt_install(package: &str) -> Result<()> {
    if !is_root() || which("apt-get").is_none() {
        bail!("{package} is missing: install it with your system's package manager, then run this again");
    }
    say(format!("installing {package} with apt-get"));
    // An outdated package list is no reason to stop: the package may be known already.
    succeeds(command("apt-get").args(["update", "-qq"]));
    run(command("apt-get").args(["install", "-y", "-qq", package]).env("DEBIAN_FRONTEND", "noninteractive"))
}

/// Whether this program runs as root.
pub(crate) fn is_root() -> bool {
    nix::unistd::Uid::effective().is_root()
}

fn shown(command: &Command) -> String {
    std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(|word| word.to_string_lossy())
        .collect::<Vec<_>>()
        .join(" ")
}
