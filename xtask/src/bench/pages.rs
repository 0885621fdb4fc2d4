//! Lists and the matrix: how quick, at what load, against plain handlers, and with ten times as many services.

use std::net::SocketAddr;

use anyhow::{Result, ensure};

use super::Programs;
use super::fleet::{Fleet, HUNDRED_THOUSAND};
use super::load::{Load, Rate, send};
use super::report::{Bound, Report, Unit};
use crate::process::{Group, free_address};
use crate::rest::Client;
use crate::shell::{command, say};

/// The rate that pages are to hold at.
const RATE: u32 = 300;
/// The rate of server-rendered pages: a browser asks for one when it comes, and for data from then on.
const RENDERED: u32 = 30;
/// What everybody opens.
const FIRST_PAGES: [&str; 2] = ["/api/services?pageSize=50", "/api/matrix?pageSize=50"];

/// A page, and how much longer it may take with ten times as many services.
struct Asked {
    name: &'static str,
    path: String,
    tenfold: f64,
}

/// Filtered, searched and sorted, early and late pages: in every way that the UI asks.
fn asked(fleet: &Fleet) -> Vec<Asked> {
    let (first, last) = (&fleet.environments[0], &fleet.environments[2]);
    let page = |name, tenfold, path: String| Asked { name, path: format!("/api/{path}"), tenfold };
    vec![
        page("services", 1.5, "services?pageSize=50".to_owned()),
        page("services, by version, page 3", 1.5, "services?pageSize=50&sort=tag&page=3".to_owned()),
        page(
            "services of an environment, backwards, page 20",
            1.5,
            format!("services?pageSize=50&env={first}&sort=-name&page=20"),
        ),
        page("services of an environment, total", 3.0, format!("services?pageSize=50&env={last}")),
        page(
            "services by status, latest first, total",
            3.0,
            "services?pageSize=50&status=running&sort=-changed".to_owned(),
        ),
        page("services by a text of few", 3.0, "services?pageSize=50&q=app-017".to_owned()),
        page("services by a text of many", 3.0, "services?pageSize=50&q=service-0001".to_owned()),
        page("matrix", 1.5, "matrix?pageSize=50".to_owned()),
        page("matrix by name, page 10", 1.5, "matrix?pageSize=50&sort=name&page=10".to_owned()),
        page("matrix, out of step, total", 3.0, "matrix?pageSize=50&outOfStep=true".to_owned()),
        page("matrix of an application, total", 3.0, "matrix?pageSize=15&application=app-042".to_owned()),
        page("matrix by a text of few", 3.0, "matrix?pageSize=15&q=app-017".to_owned()),
        page("matrix by a text of many", 3.0, "matrix?pageSize=50&q=service-0001".to_owned()),
    ]
}

fn urls(address: SocketAddr, paths: impl Iterator<Item = String>) -> Vec<String> {
    paths.map(|path| format!("http://{address}{path}")).collect()
}

/// The pages at 10,000 services.
pub(super) fn measure(programs: &Programs, fleet: &Fleet, report: &mut Report) -> Result<()> {
    let asked = asked(fleet);
    let paths = || asked.iter().map(|page| page.path.clone());
    let mix = send(&urls(fleet.address, paths()), &Rate::PerSecond(RATE), true)?;
    let group = "pages, 10,000 services";
    report.row(
        group,
        format!("p95 at {RATE} requests a second"),
        mix.p95,
        Unit::Milliseconds,
        Bound::AtMost(20.0),
    );
    let sizes = asked.iter().map(|page| {
        let alone = send(&[format!("{}{}", fleet.origin(), page.path)], &Rate::Alone(5), true)?;
        Ok(alone.bytes / 1000.0)
    });
    let largest = sizes.collect::<Result<Vec<f64>>>()?.into_iter().fold(0.0, f64::max);
    report.row(group, "largest page on the wire", largest, Unit::Kilobytes, Bound::AtMost(50.0));
    against_plain(programs, fleet, &asked, report)?;
    against_memory(programs, fleet, report)?;
    let rendered = [
        "/",
        "/?outOfStep=true",
        "/?q=app-017",
        "/?sort=name&page=10",
        "/services",
        "/services?q=service-0001",
        "/services?status=running&sort=-changed",
        "/services?sort=tag&page=3",
    ];
    let rendered = urls(fleet.address, rendered.into_iter().map(str::to_owned));
    let rendered = send(&rendered, &Rate::PerSecond(RENDERED), true)?;
    report.row(
        group,
        format!("server-rendered, p95 at {RENDERED} requests a second"),
        rendered.p95,
        Unit::Milliseconds,
        Bound::AtMost(60.0),
    );
    Ok(())
}

/// Alternates between both, so that a slow moment of the machine hits either.
fn alternate(ours: &[String], theirs: &[String]) -> Result<f64> {
    let mut ratios = Vec::new();
    for _ in 0..3 {
        let theirs = send(theirs, &Rate::Full(16), false)?.per_second;
        ratios.push(send(ours, &Rate::Full(16), false)?.per_second / theirs);
    }
    ratios.sort_by(f64::total_cmp);
    Ok(ratios[1])
}

fn against_plain(programs: &Programs, fleet: &Fleet, asked: &[Asked], report: &mut Report) -> Result<()> {
    let address = free_address()?;
    let mut group = Group::default();
    let mut plain = command(&programs.yardstick);
    plain.args(["plain", "--addr"]).arg(address.to_string()).arg("--database").arg(fleet.database());
    group.start("the plain handlers", &mut plain)?;
    let (ours, theirs) = (fleet.client(), Client::new(address));
    group.wait_until("the plain handlers", || theirs.page(FIRST_PAGES[0]).is_ok())?;
    for page in asked {
        ensure!(
            ours.page(&page.path)? == theirs.page(&page.path)?,
            "the plain handler answers other bytes to {}",
            page.path
        );
    }
    let searched =
        asked.iter().map(|page| page.path.clone()).filter(|path| !FIRST_PAGES.contains(&path.as_str()));
    let searched: Vec<String> = searched.collect();
    let ratio =
        alternate(&urls(fleet.address, searched.iter().cloned()), &urls(address, searched.iter().cloned()))?;
    report.row(
        "pages, 10,000 services",
        "throughput of plain handlers with the same SQL",
        ratio,
        Unit::Times,
        Bound::AtLeast(0.7),
    );
    Ok(())
}

fn against_memory(programs: &Programs, fleet: &Fleet, report: &mut Report) -> Result<()> {
    let address = free_address()?;
    let mut group = Group::default();
    let mut memory = command(&programs.yardstick);
    memory.args(["memory", "--addr"]).arg(address.to_string()).arg("--origin").arg(fleet.origin());
    group.start("the handler from memory", memory.args(FIRST_PAGES))?;
    let client = Client::new(address);
    group.wait_until("the handler from memory", || client.page(FIRST_PAGES[0]).is_ok())?;
    let paths = || FIRST_PAGES.into_iter().map(str::to_owned);
    let ratio = alternate(&urls(fleet.address, paths()), &urls(address, paths()))?;
    report.row(
        "pages, 10,000 services",
        "first pages: throughput of a handler from memory",
        ratio,
        Unit::Times,
        Bound::AtLeast(0.5),
    );
    Ok(())
}

/// Each page alone, with 10,000 and with 100,000 services.
pub(super) fn tenfold(programs: &Programs, report: &mut Report) -> Result<()> {
    let small = Fleet::start(programs, super::fleet::TEN_THOUSAND)?;
    let before = alone(&small)?;
    drop(small);
    let large = Fleet::start(programs, HUNDRED_THOUSAND)?;
    report.row(
        "memory",
        "100,000 services, 300,000 pods",
        large.resident()?,
        Unit::Megabytes,
        Bound::AtMost(1000.0),
    );
    let after = alone(&large)?;
    for ((page, before), after) in asked(&large).iter().zip(before).zip(after) {
        say(format!("{}: {:.2} ms, then {:.2} ms", page.name, before.p50, after.p50));
        report.row(
            "pages, 100,000 against 10,000 services",
            page.name,
            after.p50 / before.p50,
            Unit::Times,
            Bound::AtMost(page.tenfold),
        );
    }
    Ok(())
}

fn alone(fleet: &Fleet) -> Result<Vec<Load>> {
    asked(fleet)
        .iter()
        .map(|page| send(&[format!("{}{}", fleet.origin(), page.path)], &Rate::Alone(400), false))
        .collect()
}
