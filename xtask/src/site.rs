//! `cargo xtask build`: the style sheet, the WASM and the server, put together into one directory that runs anywhere.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::shell::{cargo, command, root, run, say, target};
use crate::tools;

/// Options of `cargo xtask build`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Optimises, and compresses the site's files beforehand
    #[arg(long)]
    pub(crate) release: bool,
}

/// Where the finished directory stands.
pub(crate) fn dist() -> PathBuf {
    root().join("target/dist/lockstep")
}

/// Builds everything and gives out the finished directory.
pub(crate) fn build(release: bool) -> Result<PathBuf> {
    tools::setup()?;
    css()?;
    let profile = if release { "release" } else { "debug" };
    say(format!("building the site and the server ({profile})"));
    if release {
        tools::rust_src()?;
        run(&mut small_front())?;
        run(&mut cargo(&["leptos", "build", "--split", "--release", "--server-only"]))?;
    } else {
        run(&mut cargo(&["leptos", "build", "--split"]))?;
    }
    assemble(&target().join(profile), release)
}

/// The command that builds the WASM as small as it gets: with a standard library of its own, and panics that end at
/// once without words (docs/adr/0017). Both are for nightly compilers; the variable allows them to ours, which is pinned.
fn small_front() -> Command {
    let mut leptos = cargo(&["leptos", "build", "--split", "--release", "--frontend-only"]);
    leptos
        .args(["--lib-cargo-args=-Zbuild-std=std", "--lib-cargo-args=-Zbuild-std-features=optimize_for_size"])
        .env("RUSTC_BOOTSTRAP", "1")
        .env("RUSTFLAGS", "-Zunstable-options -Cpanic=immediate-abort");
    leptos
}

/// The command that makes the style sheet; `dev` adds `--watch`.
pub(crate) fn tailwind() -> Command {
    let mut command = command("tailwindcss");
    command.args(["-i", "style/input.css", "-o", "style/output.css", "--minify"]);
    command
}

/// Makes the style sheet.
pub(crate) fn css() -> Result<()> {
    say("making the style sheet");
    run(&mut tailwind())
}

/// Builds the stand-in for a Rancher server and gives out its program.
pub(crate) fn build_standin(release: bool) -> Result<PathBuf> {
    say("building the stand-in");
    build_beside(release, &["--bin", "standin"])?;
    Ok(target().join(if release { "release" } else { "debug" }).join("standin"))
}

/// Builds other programs than the server.
///
/// `server` is named too, and built as cargo-leptos builds it (`always-erase-components` in Cargo.toml), so that all share one
/// set of compiled dependencies: cargo chooses a dependency's features by the packages that are named.
pub(crate) fn build_beside(release: bool, programs: &[&str]) -> Result<()> {
    let mut build = cargo(&["build", "-p", "server", "-p", "standin"]);
    if release {
        build.arg("--release");
    }
    run(build.args(programs).env("RUSTFLAGS", "--cfg erase_components"))
}

/// Puts the finished directory together beside the old one, then takes the old one's place.
fn assemble(built: &Path, compress: bool) -> Result<PathBuf> {
    let dist = dist();
    let new = dist.with_extension("new");
    remove(&new)?;
    fs::create_dir_all(&new)?;
    for name in ["lockstep", "hash.txt"] {
        copy(&built.join(name), &new.join(name))?;
    }
    copy_tree(&root().join("target/site"), &new.join("site"))?;
    let settings = root().join("Leptos.toml");
    let settings =
        fs::read_to_string(&settings).with_context(|| format!("{} cannot be read", settings.display()))?;
    fs::write(new.join("Leptos.toml"), with_site_root(&settings, "site"))?;
    if compress {
        let (plain, brotli) = compress_tree(&new.join("site/pkg"))?;
        say(format!("compressed {} kB to {} kB", plain / 1000, brotli / 1000));
    }
    remove(&dist)?;
    fs::rename(&new, &dist)?;
    say(format!("done: {}", dist.strip_prefix(root()).unwrap_or(&dist).display()));
    Ok(dist)
}

/// `Leptos.toml` for the finished directory, where the site stands beside the program.
fn with_site_root(settings: &str, site_root: &str) -> String {
    let line = |line: &str| match line.split_once('=') {
        Some((key, _)) if key.trim() == "site-root" => format!("site-root = \"{site_root}\"\n"),
        _ => format!("{line}\n"),
    };
    settings.lines().map(line).collect()
}

fn remove(directory: &Path) -> Result<()> {
    if directory.exists() {
        fs::remove_dir_all(directory)
            .with_context(|| format!("{} cannot be removed", directory.display()))?;
    }
    Ok(())
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::copy(from, to).with_context(|| format!("{} cannot be copied", from.display()))?;
    Ok(())
}

fn copy_tree(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from).with_context(|| format!("{} cannot be read", from.display()))? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_tree(&entry.path(), &target)?;
        } else {
            copy(&entry.path(), &target)?;
        }
    }
    Ok(())
}

/// Writes `file.br` and `file.gz` beside each file, and gives out how many bytes there were and are with brotli.
fn compress_tree(directory: &Path) -> Result<(usize, usize)> {
    let mut sum = (0, 0);
    let entries =
        fs::read_dir(directory).with_context(|| format!("{} cannot be read", directory.display()))?;
    // Listed before the first sibling is written, so that no sibling is met.
    for entry in entries.collect::<Result<Vec<_>, _>>()? {
        let path = entry.path();
        let (plain, small) =
            if entry.file_type()?.is_dir() { compress_tree(&path)? } else { compress(&path)? };
        sum = (sum.0 + plain, sum.1 + small);
    }
    Ok(sum)
}

fn compress(path: &Path) -> Result<(usize, usize)> {
    let plain = fs::read(path)?;
    let small = brotli(&plain)?;
    fs::write(sibling(path, "br"), &small)?;
    let mut gzip =
        flate2::write::GzEncoder::new(File::create(sibling(path, "gz"))?, flate2::Compression::best());
    gzip.write_all(&plain)?;
    gzip.finish()?;
    Ok((plain.len(), small.len()))
}

/// What brotli makes of these bytes at its best.
pub(crate) fn brotli(plain: &[u8]) -> Result<Vec<u8>> {
    let mut small = Vec::new();
    brotli::CompressorWriter::new(&mut small, 1 << 16, 11, 22).write_all(plain)?;
    Ok(small)
}

/// `a.js` with `br` is `a.js.br`.
pub(crate) fn sibling(path: &Path, extension: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(extension);
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_site_root_is_changed() {
        let settings = "[package.metadata.leptos]\nsite-root = \"target/site\"\nsite-pkg-dir = \"pkg\"\n";
        let expected = "[package.metadata.leptos]\nsite-root = \"site\"\nsite-pkg-dir = \"pkg\"\n";
        assert_eq!(with_site_root(settings, "site"), expected);
    }

    #[test]
    fn every_file_gets_both_siblings() {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir(directory.path().join("snippets")).unwrap();
        let file = directory.path().join("snippets/a.js");
        fs::write(&file, "let a = 1;\n".repeat(200)).unwrap();
        let (plain, small) = compress_tree(directory.path()).unwrap();
        assert_eq!(plain, 2200);
        assert!(small < 100);
        assert_eq!(fs::read(sibling(&file, "br")).unwrap().len(), small);
        let mut text = String::new();
        let gzip = File::open(sibling(&file, "gz")).unwrap();
        std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(gzip), &mut text).unwrap();
        assert_eq!(text.len(), plain);
    }
}
