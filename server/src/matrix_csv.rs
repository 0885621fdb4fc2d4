//! The version matrix for spreadsheets, as CSV (RFC 4180).

use domain::{
    matrix::{Cell, Matrix},
    service::Container,
};

/// One line for each row, with a column for each environment and its versions.
pub(crate) fn write(matrix: &Matrix) -> Vec<u8> {
    let mut csv = csv::Writer::from_writer(Vec::new());
    let mut write = |cells: &mut dyn Iterator<Item = String>| {
        csv.write_record(cells.map(String::into_bytes))
            .expect("a vector takes every record of the same length");
    };
    let names = matrix.environments.iter().map(|column| words(&column.name));
    let heads = ["application", "kind", "workload", "out of step"].map(str::to_owned);
    write(&mut heads.into_iter().chain(names));
    for row in &matrix.rows {
        let out_of_step = if row.out_of_step { "yes" } else { "no" };
        let heads = [words(&row.application), row.kind.to_string(), words(&row.name), out_of_step.to_owned()];
        write(&mut heads.into_iter().chain(row.cells.iter().map(|cell| words(&versions(cell)))));
    }
    csv.into_inner().expect("a vector takes everything")
}

/// What a cell's instances run, each version once.
fn versions(cell: &Cell) -> String {
    let mut versions: Vec<String> = Vec::new();
    for instance in &cell.instances {
        let version = match instance.containers.as_slice() {
            [only] => only.image_ref().version(),
            several => several.iter().map(named).collect::<Vec<_>>().join(", "),
        };
        if !versions.contains(&version) {
            versions.push(version);
        }
    }
    versions.join("; ")
}

fn named(container: &Container) -> String {
    format!("{} {}", container.name, container.image_ref().version())
}

/// Words that no spreadsheet takes for a formula.
fn words(words: &str) -> String {
    if words.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{words}") } else { words.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_is_a_formula() {
        assert_eq!(words("=HYPERLINK(\"x\")"), "'=HYPERLINK(\"x\")");
        assert_eq!(words("1.4.0"), "1.4.0");
    }
}
