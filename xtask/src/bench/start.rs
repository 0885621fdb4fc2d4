//! How soon a server is ready and everything fresh, and what memory it takes.

use anyhow::Result;

use super::fleet::Fleet;
use super::report::{Bound, Report, Unit};

/// Starts the server anew on what is stored.
pub(super) fn measure(fleet: &mut Fleet, report: &mut Report) -> Result<()> {
    fleet.stop();
    let ready = fleet.serve()?;
    report.row(
        "start",
        "start to ready",
        ready.as_secs_f64() * 1000.0,
        Unit::Milliseconds,
        Bound::AtMost(1000.0),
    );
    let fresh = fleet.wait_fresh()? + ready;
    report.row(
        "start",
        "until 10,000 services are fresh",
        fresh.as_secs_f64(),
        Unit::Seconds,
        Bound::AtMost(15.0),
    );
    report.row(
        "memory",
        "10,000 services, 30,000 pods",
        fleet.resident()?,
        Unit::Megabytes,
        Bound::AtMost(200.0),
    );
    Ok(())
}
