//! The table: each figure with its bound.

use std::fs;

use anyhow::Result;
use serde_json::{Value, json};

use crate::shell::output;

/// How a figure is written.
#[derive(Clone, Copy)]
pub(super) enum Unit {
    Milliseconds,
    /// Milliseconds of which there are few.
    Fraction,
    Seconds,
    Megabytes,
    Kilobytes,
    Times,
    Count,
}

/// Which side of its bound a figure is to be on.
#[derive(Clone, Copy)]
pub(super) enum Bound {
    AtMost(f64),
    AtLeast(f64),
    /// Told for what it says of another row.
    None,
}

struct Row {
    group: &'static str,
    name: String,
    figure: f64,
    unit: Unit,
    bound: Bound,
}

/// All rows so far.
#[derive(Default)]
pub(super) struct Report(Vec<Row>);

impl Report {
    /// Adds a row, and says it at once.
    pub(super) fn row(
        &mut self,
        group: &'static str,
        name: impl Into<String>,
        figure: f64,
        unit: Unit,
        bound: Bound,
    ) {
        let row = Row { group, name: name.into(), figure, unit, bound };
        crate::shell::say(format!("{group}: {} {} ({})", row.name, row.shown(), row.verdict()));
        self.0.push(row);
    }

    /// The table on standard output, as Markdown or as JSON.
    pub(super) fn print(&self, as_json: bool) -> Result<()> {
        let machine = machine();
        if as_json {
            let rows: Vec<Value> = self.0.iter().map(Row::json).collect();
            println!("{}", serde_json::to_string_pretty(&json!({ "machine": machine, "rows": rows }))?);
            return Ok(());
        }
        println!("\n{machine}\n");
        println!("| | what | figure | bound | |\n|---|---|---:|---:|---|");
        for row in &self.0 {
            println!(
                "| {} | {} | {} | {} | {} |",
                row.group,
                row.name,
                row.shown(),
                row.bound_shown(),
                row.verdict()
            );
        }
        Ok(())
    }
}

impl Row {
    fn passes(&self) -> Option<bool> {
        match self.bound {
            Bound::AtMost(bound) => Some(self.figure <= bound),
            Bound::AtLeast(bound) => Some(self.figure >= bound),
            Bound::None => None,
        }
    }

    fn verdict(&self) -> &'static str {
        match self.passes() {
            Some(true) => "pass",
            Some(false) => "**miss**",
            None => "",
        }
    }

    fn shown(&self) -> String {
        self.unit.show(self.figure)
    }

    fn bound_shown(&self) -> String {
        match self.bound {
            Bound::AtMost(bound) => format!("≤ {}", self.unit.show(bound)),
            Bound::AtLeast(bound) => format!("≥ {}", self.unit.show(bound)),
            Bound::None => String::new(),
        }
    }

    fn json(&self) -> Value {
        let (at_most, at_least) = match self.bound {
            Bound::AtMost(bound) => (Some(bound), None),
            Bound::AtLeast(bound) => (None, Some(bound)),
            Bound::None => (None, None),
        };
        json!({
            "group": self.group, "name": self.name, "figure": self.figure, "unit": self.unit.word(),
            "atMost": at_most, "atLeast": at_least, "passes": self.passes(),
        })
    }
}

impl Unit {
    fn word(self) -> &'static str {
        match self {
            Unit::Milliseconds | Unit::Fraction => "ms",
            Unit::Seconds => "s",
            Unit::Megabytes => "MB",
            Unit::Kilobytes => "kB",
            Unit::Times => "×",
            Unit::Count => "",
        }
    }

    fn show(self, figure: f64) -> String {
        let digits = match self {
            Unit::Times | Unit::Fraction => 2,
            Unit::Milliseconds | Unit::Seconds | Unit::Kilobytes => 1,
            Unit::Megabytes | Unit::Count => 0,
        };
        format!("{figure:.digits$} {}", self.word()).trim_end().to_owned()
    }
}

/// What the figures were taken on.
fn machine() -> String {
    let cpu = fs::read_to_string("/proc/cpuinfo").ok().and_then(|text| {
        let line = text.lines().find(|line| line.starts_with("model name"))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    });
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let system = output(crate::shell::command("uname").arg("-sr")).unwrap_or_default();
    format!("{} with {cores} cores, {}", cpu.as_deref().unwrap_or("an unknown processor"), system.trim())
}
