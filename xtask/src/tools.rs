//! The tools that a build needs: which, in which version, and how to get those that are missing.

use std::{fs, path::Path};

use anyhow::{Context, Result, bail};

use crate::shell::{cargo, command, output, root, run, say, target, which};

const CARGO_LEPTOS: &str = "0.3.10";
const CARGO_DENY: &str = "0.20.2";
const OHA: &str = "1.16.0";
const NODE: u32 = 20;
const WASM: &str = "wasm32-unknown-unknown";

/// Installs what a build needs and is missing.
pub(crate) fn setup() -> Result<()> {
    wasm_target()?;
    install("cargo-leptos", "cargo-leptos", CARGO_LEPTOS, Lock::Use, 4)?;
    // Its lock file names a withdrawn crate, so it is left aside.
    install("wasm-bindgen-cli", "wasm-bindgen", &wasm_bindgen_version()?, Lock::Ignore, 2)?;
    npm()
}

/// Installs the standard library's sources, which only a release of the WASM needs.
pub(crate) fn rust_src() -> Result<()> {
    let sysroot = output(command("rustc").args(["--print", "sysroot"]))?;
    let sources = Path::new(sysroot.trim()).join("lib/rustlib/src/rust/library");
    part_of_rust(&sources, "sources of the standard library", &["component", "add", "rust-src"])
}

/// Installs cargo-deny, which only `check` needs.
pub(crate) fn cargo_deny() -> Result<()> {
    install("cargo-deny", "cargo-deny", CARGO_DENY, Lock::Use, 4)
}

/// Installs oha, which only `bench` needs.
pub(crate) fn oha() -> Result<()> {
    install("oha", "oha", OHA, Lock::Use, 4)
}

/// Whether `cargo install` follows the lock file that the program was published with.
#[derive(Clone, Copy, PartialEq)]
enum Lock {
    Use,
    Ignore,
}

/// Installs a Rust program unless it is there in exactly this version.
fn install(package: &str, program: &str, version: &str, lock: Lock, minutes: u32) -> Result<()> {
    let found = installed_version(program);
    if found.as_deref() == Some(version) {
        return Ok(());
    }
    let instead = found.map_or_else(String::new, |found| format!(", in place of {found}"));
    say(format!("installing {package} {version}{instead} (about {minutes} minutes, once)"));
    let mut command = cargo(&["install", "--quiet", package, "--version", version]);
    if lock == Lock::Use {
        command.arg("--locked");
    }
    // A tool is built once and runs for seconds: the time goes into building it. Its target directory is kept until
    // it is built, so an interrupted installation goes on where it was.
    let scratch = target().join("tools");
    command
        .env("CARGO_TARGET_DIR", &scratch)
        .env("CARGO_PROFILE_RELEASE_LTO", "off")
        .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1")
        .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16");
    run(&mut command).with_context(|| format!("{package} {version} could not be installed"))?;
    if let Err(error) = fs::remove_dir_all(&scratch) {
        say(format!("{} could not be removed: {error}", scratch.display()));
    }
    if installed_version(program).as_deref() != Some(version) {
        bail!(
            "{package} {version} was installed, but another `{program}` comes first on PATH: remove that one"
        );
    }
    Ok(())
}

/// The version that a program on the path says it has: `wasm-bindgen 0.2.130` is `0.2.130`.
fn installed_version(program: &str) -> Option<String> {
    let path = which(program)?;
    let text = output(command(path).arg("--version")).ok()?;
    text.split_whitespace().nth(1).map(str::to_owned)
}

/// The compiler's standard library for WASM.
fn wasm_target() -> Result<()> {
    let directory = output(command("rustc").args(["--print", "target-libdir", "--target", WASM]))?;
    part_of_rust(Path::new(directory.trim()), &format!("target {WASM}"), &["target", "add", WASM])
}

/// Has rustup add what belongs to Rust, where its directory is not there.
fn part_of_rust(directory: &Path, name: &str, add: &[&str]) -> Result<()> {
    if directory.is_dir() {
        return Ok(());
    }
    say(format!("installing Rust's {name}"));
    run(command("rustup").args(add))
        .with_context(|| format!("Rust's {name} is missing: install it as your Rust was installed"))
}

/// The workspace's own version of wasm-bindgen, which its command-line tool must match exactly.
fn wasm_bindgen_version() -> Result<String> {
    let path = root().join("Cargo.lock");
    let lock = fs::read_to_string(&path).with_context(|| format!("{} cannot be read", path.display()))?;
    locked_version(&lock, "wasm-bindgen").context("Cargo.lock names no wasm-bindgen")
}

fn locked_version(lock: &str, package: &str) -> Option<String> {
    let name = format!("name = \"{package}\"");
    let mut lines = lock.lines().skip_while(|line| *line != name);
    lines.nth(1)?.strip_prefix("version = \"")?.strip_suffix('"').map(str::to_owned)
}

/// The npm packages of `package-lock.json`: Tailwind, daisyUI, wasm-opt, Playwright.
pub(crate) fn npm() -> Result<()> {
    let lock = root().join("package-lock.json");
    let lock = fs::read(&lock).with_context(|| format!("{} cannot be read", lock.display()))?;
    let stamp = root().join("node_modules/.installed-lock");
    if fs::read(&stamp).is_ok_and(|installed| installed == lock) {
        return Ok(());
    }
    require_node()?;
    say("installing the npm packages (seconds, once)");
    run(command("npm").args(["ci", "--no-audit", "--no-fund", "--loglevel=error"]))?;
    fs::write(&stamp, lock).with_context(|| format!("{} cannot be written", stamp.display()))
}

fn require_node() -> Result<()> {
    let needed = format!("Node.js {NODE} or newer is needed, with npm");
    let version = output(command("node").arg("--version"))
        .with_context(|| format!("{needed}: install the packages nodejs and npm"))?;
    let major = version.trim().trim_start_matches('v').split('.').next().and_then(|major| major.parse().ok());
    if major.is_none_or(|major: u32| major < NODE) {
        bail!("{needed}, and this is {}", version.trim());
    }
    if which("npm").is_none() {
        bail!("{needed}: install the package npm");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_locked_version_is_the_packages_own() {
        let lock = "[[package]]\nname = \"wasm-bindgen-macro\"\nversion = \"0.1.0\"\n\n\
                    [[package]]\nname = \"wasm-bindgen\"\nversion = \"0.2.130\"\n";
        assert_eq!(locked_version(lock, "wasm-bindgen").as_deref(), Some("0.2.130"));
        assert_eq!(locked_version(lock, "wasm"), None);
    }
}
