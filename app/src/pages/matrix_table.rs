//! The matrix itself: a row per workload, a column per environment.

use std::collections::HashMap;

use domain::{
    id::{EnvironmentId, ServiceId},
    matrix::{Cell, CellInstance, Column, Matrix, MatrixRow},
    service::Container,
};
use leptos::prelude::*;

use crate::components::{
    env,
    erased::{Erase, attr},
    icon::{icon, lu},
    pager::sort_head_after,
    selection::{Pick, PickCell, Selection, tick, tick_all},
    status, tag, time,
};

/// What ran when the page was last drawn, so that what has changed since can be shown to have.
#[derive(Clone, Copy)]
pub(crate) struct Before(StoredValue<HashMap<ServiceId, Vec<Container>>>);

impl Before {
    pub(crate) fn new() -> Self {
        Self(StoredValue::new(HashMap::new()))
    }

    /// Whether something else ran before; takes note of what runs now.
    fn changed(self, instance: &CellInstance) -> bool {
        let mut changed = false;
        self.0.update_value(|before| {
            let old = before.insert(instance.service_id, instance.containers.clone());
            changed = old.is_some_and(|old| old != instance.containers);
        });
        changed
    }
}

/// A page of the matrix.
pub(crate) fn view(matrix: &Matrix, selection: Selection, before: Before) -> AnyView {
    let heads = matrix.environments.iter().map(|column| {
        view! {
            <th scope="col" style=env::style(&column.color)>
                <a href=format!("/environments/{}", column.id)>{column.name.clone()}</a>
            </th>
        }
        .erase()
    });
    let heads = heads.collect_view();
    let rows =
        matrix.rows.iter().map(|row| line(row, &matrix.environments, selection, before)).collect_view();
    let picks = matrix.rows.iter().map(|row| (row.id.to_string(), pick(row, &matrix.environments, None)));
    let all = tick_all(selection, picks.collect());
    view! {
        <div class="table-frame matrix-frame" tabindex="0" role="group" aria-label="Version matrix">
            <table class="data-table matrix">
                <thead>
                    <tr>{sort_head_after(all, "name", "Workload")} {heads}</tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
    }
    .erase()
}

fn pick(row: &MatrixRow, columns: &[Column], from: Option<EnvironmentId>) -> Pick {
    let cells = columns.iter().zip(&row.cells).map(|(column, cell)| PickCell {
        environment: column.id,
        services: cell.instances.iter().map(|instance| instance.service_id).collect(),
        differs: cell.differs,
    });
    Pick { cells: cells.collect(), from }
}

fn line(row: &MatrixRow, columns: &[Column], selection: Selection, before: Before) -> AnyView {
    let key = row.id.to_string();
    let selected = move || selection.has(&key, None).then(|| "true".to_owned());
    let mut left: Option<&str> = None;
    let cells: Vec<AnyView> = columns
        .iter()
        .zip(&row.cells)
        .map(|(column, cell)| {
            let view = one_cell(row, columns, column, cell, left, selection, before);
            if !cell.instances.is_empty() {
                left = Some(&column.name);
            }
            view
        })
        .collect();
    view! {
        <tr aria-selected=attr(selected)>
            <th scope="row">
                <span class="flex items-center gap-2">
                    {tick(selection, row.id.to_string(), pick(row, columns, None), format!("Select {}", row.name))}
                    <a
                        class="link-hover truncate"
                        href=services_href(row)
                        title=row.name.clone()
                    >
                        {row.name.clone()}
                    </a>
                    <span class="muted text-xs font-normal max-sm:hidden">
                        {format!("{} · {}", row.application, row.kind)}
                    </span>
                    {row.out_of_step.then(|| view! { <span class="sr-only">"out of step"</span> }.erase())}
                </span>
            </th>
            {cells}
        </tr>
    }
    .erase()
}

fn services_href(row: &MatrixRow) -> String {
    let mut query = leptos_router::params::ParamsMap::new();
    query.insert("q", row.name.clone());
    query.insert("kind", row.kind.to_string());
    format!("/services{}", query.to_query_string())
}

fn one_cell(
    row: &MatrixRow,
    columns: &[Column],
    column: &Column,
    cell: &Cell,
    left: Option<&str>,
    selection: Selection,
    before: Before,
) -> AnyView {
    if cell.instances.is_empty() {
        return view! {
            <td class="absent">
                <span aria-hidden="true">"–"</span>
                <span class="sr-only">"not there"</span>
            </td>
        }
        .erase();
    }
    let several = cell.instances.len() > 1;
    let instances = cell.instances.iter().map(|found| instance(found, several, before.changed(found)));
    let instances = instances.collect_view();
    let label = format!("Select {} in {}", row.name, column.name);
    let differs = left.filter(|_| cell.differs).map(|left| format!("differs from {left}"));
    let on_hover = differs.clone();
    view! {
        <td class:differs=cell.differs title=on_hover>
            <span class="flex items-center gap-2">
                <span class="flex-1 py-1">{instances}</span>
                {differs
                    .map(|words| {
                        view! {
                            <span class="state is-warning">
                                {icon(lu::LuDiff)} <span class="sr-only">{words}</span>
                            </span>
                        }
                        .erase()
                    })}
                {tick(selection, row.id.to_string(), pick(row, columns, Some(column.id)), label)}
            </span>
        </td>
    }
    .erase()
}

fn instance(found: &CellInstance, several: bool, changed: bool) -> AnyView {
    let replicas = format!("{} of {} available", found.available_replicas, found.replicas);
    let reason = found.reason.clone().unwrap_or(replicas);
    let place = several.then(|| {
        view! { <span class="muted text-xs" title=found.cluster.clone()>{found.namespace.clone()}</span> }
            .erase()
    });
    let stale = found.stale_since.map(|since| {
        view! {
            <span class="state is-warning text-xs">
                {icon(lu::LuUnplug)} <span>"as of " {time::ago(since)}</span>
            </span>
        }
        .erase()
    });
    view! {
        <span class="flex items-center gap-2" class:stale=found.stale_since.is_some()>
            {status::service(&found.status).mark(Some(&reason))}
            <span>{tag::containers(&found.containers, changed)}</span>
            {place}
            {stale}
        </span>
    }
    .erase()
}
