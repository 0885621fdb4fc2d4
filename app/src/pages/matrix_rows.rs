//! The rows of the matrix as HTML, written on the server only.

use domain::matrix::{Cell, CellInstance, Column, Matrix, MatrixRow};

use crate::components::{
    html::{Html, html},
    row_parts::{differs, mark, stale, tick, versions},
};

/// A page's rows: one per workload, with a cell for each environment.
pub(crate) fn write(matrix: &Matrix) -> String {
    let mut out = Html::default();
    for row in &matrix.rows {
        line(&mut out, row, matrix);
    }
    out.into_string()
}

fn line(out: &mut Html, row: &MatrixRow, Matrix { environments: columns, at, .. }: &Matrix) {
    html!(out, "<tr data-key='{}'><th scope='row'>", row.id);
    // Nothing can be done about what was.
    let is_now = at.is_none();
    if is_now {
        tick(out, &format!("Select {}", row.name), []);
    }
    html!(out, "<a class='name link-hover' href='{}' title='{}'>{}</a>", services(row), row.name, row.name);
    html!(out, "<span class='muted of'>{} · {}</span>", row.application, row.kind);
    if row.out_of_step {
        html!(out, "<span class='sr-only'>out of step</span>");
    }
    html!(out, "</th>");
    let mut left = None;
    for (column, cell) in columns.iter().zip(&row.cells) {
        one_cell(out, (row, column, is_now), cell, left);
        if !cell.instances.is_empty() {
            left = Some(column.name.as_str());
        }
    }
    html!(out, "</tr>");
}

/// The address of a row's services.
fn services(row: &MatrixRow) -> String {
    let mut query = leptos_router::params::ParamsMap::new();
    query.insert("q", row.name.clone());
    query.insert("kind", row.kind.to_string());
    format!("/services{}", query.to_query_string())
}

fn one_cell(
    out: &mut Html,
    (row, column, is_now): (&MatrixRow, &Column, bool),
    cell: &Cell,
    left: Option<&str>,
) {
    if cell.instances.is_empty() {
        html!(out, "<td class='absent'><span role='img' aria-label='not there'>–</span></td>");
        return;
    }
    let words = left.filter(|_| cell.differs).map(|left| format!("differs from {left}"));
    match &words {
        Some(words) => html!(out, "<td class='differs' title='{}'>", words),
        None => html!(out, "<td>"),
    }
    let services = cell.instances.iter().map(|instance| instance.service_id);
    if is_now {
        tick(out, &format!("Select {} in {}", row.name, column.name), services);
    }
    let several = cell.instances.len() > 1;
    for (n, found) in cell.instances.iter().enumerate() {
        let stale = found.stale_since.is_some();
        // What stands alone needs no box of its own.
        let boxed = several || stale;
        if boxed {
            html!(out, "<div class='one-of{}'>", if stale { " stale" } else { "" });
        }
        instance(out, found, is_now, several);
        if let Some(words) = words.as_deref().filter(|_| n == 0) {
            differs(out, words);
        }
        if boxed {
            html!(out, "</div>");
        }
    }
    html!(out, "</td>");
}

fn instance(out: &mut Html, found: &CellInstance, is_now: bool, several: bool) {
    if is_now {
        let replicas = format!("{} of {} available", found.available_replicas, found.replicas);
        mark(out, &found.status, found.reason.as_ref().unwrap_or(&replicas));
    }
    versions(out, &found.containers);
    if several {
        html!(out, "<span class='muted place' title='{}'>{}</span>", found.cluster, found.namespace);
    }
    if let Some(since) = found.stale_since {
        stale(out, since);
    }
}
