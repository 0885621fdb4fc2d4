//! `cargo xtask budget`: what a browser loads before it can work with the first page.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::process::{Group, free_address};
use crate::rest::Client;
use crate::shell::{command, say};
use crate::site::{brotli, dist, sibling};

/// The most that the first visit may load, as it goes over the wire with brotli: 250 kB less what a page full of rows and
/// the headers add to the empty page that is weighed here.
const LIMIT: usize = 236_000;

/// One file of the first visit.
struct Weight {
    name: String,
    plain: usize,
    gzip: usize,
    brotli: usize,
}

/// Starts what `build --release` built, asks for the first page, and weighs it with all that it names.
pub(crate) fn run() -> Result<()> {
    let dist = dist();
    if !dist.join("lockstep").is_file() {
        bail!("there is nothing to weigh yet: run `cargo xtask build --release` first");
    }
    say("weighing the first visit");
    let html = first_page(&dist)?;
    let mut weights = vec![page_weight(&html)?];
    for name in named_files(&html) {
        weights.push(file_weight(&dist.join("site"), &name)?);
    }
    for kind in [".wasm", ".js", ".css"] {
        if !weights.iter().any(|weight| weight.name.ends_with(kind)) {
            bail!("the first page names no {kind} file: either it does not hydrate, or this cannot read it");
        }
    }
    print(&weights);
    let total: usize = weights.iter().map(|weight| weight.brotli).sum();
    if total > LIMIT {
        bail!("the first visit loads {}, and the most is {}", kilobytes(total), kilobytes(LIMIT));
    }
    Ok(())
}

/// The first page of a server that has no data yet.
fn first_page(dist: &Path) -> Result<String> {
    let data = tempfile::tempdir()?;
    let address = free_address()?;
    let mut group = Group::default();
    let mut server = command(dist.join("lockstep"));
    server
        .current_dir(dist)
        .arg("serve")
        .arg("--addr")
        .arg(address.to_string())
        .arg("--data-dir")
        .arg(data.path());
    group.start("lockstep", &mut server)?;
    let client = Client::new(address);
    group.wait_until("lockstep", || client.is_ready())?;
    client.page("/")
}

/// The site's own files that a page names, such as `pkg/lockstep.abc.wasm`. Files that are loaded later, when
/// something needs them, are not among them.
fn named_files(html: &str) -> BTreeSet<String> {
    let ends = |c: char| {
        matches!(c, '"' | '\'' | '`' | '<' | '>' | '(' | ')' | '\\' | '?' | '#') || c.is_whitespace()
    };
    let starts = html.match_indices("/pkg/").chain(html.match_indices("/fonts/"));
    starts
        .filter_map(|(at, _)| html[at + 1..].split(ends).next())
        .filter(|name| name.contains('.'))
        .map(str::to_owned)
        .collect()
}

fn page_weight(html: &str) -> Result<Weight> {
    let plain = html.as_bytes();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    gzip.write_all(plain)?;
    let (gzip, brotli) = (gzip.finish()?.len(), brotli(plain)?.len());
    Ok(Weight { name: "the page".to_owned(), plain: plain.len(), gzip, brotli })
}

/// A file's size, as it is and as its compressed siblings; a file without siblings, such as a font, goes as it is.
fn file_weight(site: &Path, name: &str) -> Result<Weight> {
    let path = site.join(name);
    let size = |path: &Path| fs::metadata(path).map(|file| file.len() as usize);
    let plain =
        size(&path).with_context(|| format!("the page names {name}, which the site does not have"))?;
    let small = |extension| size(&sibling(&path, extension)).unwrap_or(plain);
    Ok(Weight { name: name.to_owned(), plain, gzip: small("gz"), brotli: small("br") })
}

fn print(weights: &[Weight]) {
    let row = |name: &str, plain: usize, gzip: usize, brotli: usize| {
        println!("  {name:<48} {:>9} {:>9} {:>9}", kilobytes(plain), kilobytes(gzip), kilobytes(brotli));
    };
    println!("  {:<48} {:>9} {:>9} {:>9}", "", "plain", "gzip", "brotli");
    for weight in weights {
        row(&weight.name, weight.plain, weight.gzip, weight.brotli);
    }
    let sum = |size: fn(&Weight) -> usize| weights.iter().map(size).sum();
    row("together", sum(|weight| weight.plain), sum(|weight| weight.gzip), sum(|weight| weight.brotli));
    println!("  {:<48} {:>29}", "the most", kilobytes(LIMIT));
}

fn kilobytes(bytes: usize) -> String {
    format!("{}.{} kB", bytes / 1000, bytes % 1000 / 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_names_its_files_once_each() {
        let html = r#"<link rel="preload" href="/fonts/inter.woff2"><link href="/pkg/a.1.css">
            <script>import("/pkg/a.2.js").then(m => m.default({ path: '/pkg/a.3.wasm?v=1' }))</script>
            <link rel="modulepreload" href="/pkg/a.2.js"><a href="/pkg/">no file</a>"#;
        let named: Vec<_> = named_files(html).into_iter().collect();
        assert_eq!(named, ["fonts/inter.woff2", "pkg/a.1.css", "pkg/a.2.js", "pkg/a.3.wasm"]);
    }

    #[test]
    fn sizes_are_in_thousands_of_bytes() {
        assert_eq!(kilobytes(299_960), "299.9 kB");
    }
}
