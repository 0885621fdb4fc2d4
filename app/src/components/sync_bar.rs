//! The bar that brings what is selected from one environment to another.

use domain::{
    id::{DeploymentId, EnvironmentId, ServiceId},
    matrix::Column,
    service::ServiceQuery,
    sync::{Matching, SyncRequest},
};
use leptos::prelude::*;

use crate::components::{
    dialog::lazily,
    empty::nothing,
    erased::{Erase, dynamic, flag, maybe, text},
    icon::{icon, lu},
    pager::count,
    selection::{All, Pick, Selection},
    sync_flow::SyncFlow,
};
use crate::pages::lazy::Part;

/// The services that a source environment has of what is selected.
fn services(picks: &[(String, Pick)], source: EnvironmentId) -> Vec<ServiceId> {
    picks
        .iter()
        .map(|(_, pick)| pick)
        .filter(|pick| pick.from.is_none_or(|from| from == source))
        .flat_map(|pick| &pick.cells)
        .filter(|cell| cell.environment == source)
        .flat_map(|cell| cell.services.iter().copied())
        .collect()
}

/// Where a sync of the selection would most likely come from.
fn likely_source(picks: &[(String, Pick)], columns: &[Column]) -> Option<EnvironmentId> {
    let is_picked_from = |column: &&Column| picks.iter().any(|(_, pick)| pick.from == Some(column.id));
    if let Some(column) = columns.iter().find(is_picked_from) {
        return Some(column.id);
    }
    // Of a whole row: what stands left of the first environment that is out of step.
    let before_difference = |pick: &Pick| {
        let differing = pick.cells.iter().position(|cell| cell.differs)?;
        pick.cells[..differing]
            .iter()
            .rev()
            .find(|cell| !cell.services.is_empty())
            .map(|cell| cell.environment)
    };
    let first_with_any =
        |pick: &Pick| pick.cells.iter().find(|cell| !cell.services.is_empty()).map(|cell| cell.environment);
    let mut rows = picks.iter().map(|(_, pick)| pick);
    rows.clone().find_map(before_difference).or_else(|| rows.find_map(first_with_any))
}

/// The right neighbour of a source; the left one of the last.
fn likely_target(columns: &[Column], source: EnvironmentId) -> Option<EnvironmentId> {
    let at = columns.iter().position(|column| column.id == source)?;
    let right = columns.get(at + 1);
    right.or_else(|| columns[..at].last()).map(|column| column.id)
}

/// The bar at the bottom while anything is selected.
#[component]
pub(crate) fn SyncBar(
    /// What is selected.
    selection: Selection,
    /// The environments, from left to right.
    columns: Signal<Vec<Column>>,
    /// All that match, where they can be picked at once.
    offer: Signal<Option<All>>,
) -> impl IntoView {
    let any = Memo::new(move |_| !selection.is_empty());
    maybe(move || any.get().then(|| lazily(Part::SyncBar(selection, columns, offer), nothing)))
}

/// What the bar holds: how many services, from where, to where.
#[component]
pub(crate) fn Bar(
    /// What is selected.
    selection: Selection,
    /// The environments, from left to right.
    columns: Signal<Vec<Column>>,
    /// All that match, where they can be picked at once.
    offer: Signal<Option<All>>,
) -> impl IntoView {
    let flow = expect_context::<SyncFlow>();
    let chosen_source = RwSignal::new(None::<EnvironmentId>);
    let chosen_target = RwSignal::new(None::<EnvironmentId>);
    let source = Signal::derive(move || {
        let likely = move || match selection.all() {
            Some(All { matching: Matching::Services(ServiceQuery { env: Some(env), .. }), .. }) => Some(env),
            Some(_) => columns.with(|columns| columns.first().map(|column| column.id)),
            None => selection.with(|picks| columns.with(|columns| likely_source(picks, columns))),
        };
        chosen_source.get().or_else(likely)
    });
    let target = Signal::derive(move || {
        let source = source.get()?;
        let likely = move || columns.with(|columns| likely_target(columns, source));
        chosen_target.get().filter(|target| *target != source).or_else(likely)
    });
    let found = Signal::derive(move || match source.get() {
        Some(source) => selection.with(|picks| services(picks, source)),
        None => Vec::new(),
    });
    let clear = move || {
        selection.clear();
        chosen_source.set(None);
        chosen_target.set(None);
    };
    // What was selected is on its way once its sync has started.
    Effect::new(move |before: Option<Option<DeploymentId>>| {
        let started = flow.started();
        if before.is_some_and(|before| before != started) {
            clear();
        }
        started
    });
    let start = move |_| {
        if let (Some(source), Some(target)) = (source.get_untracked(), target.get_untracked()) {
            flow.sync(SyncRequest {
                source_environment_id: source,
                target_environment_id: target,
                service_ids: found.get_untracked(),
                target_app_instances: Vec::new(),
                matching: untrack(|| selection.all()).map(|all| all.matching),
            });
        }
    };
    let words = move || {
        if let Some(all) = selection.all() {
            return format!("All {} that match selected", count(all.rows));
        }
        let (rows, services) = (selection.len(), found.with(Vec::len));
        let plural = if services == 1 { "" } else { "s" };
        if services == 0 {
            format!("{} selected, none of them here", count(rows as u64))
        } else {
            format!("{} service{plural} selected", count(services as u64))
        }
    };
    let pick_all = move || {
        let all = offer.get().filter(|_| selection.all().is_none())?;
        let words = format!("Select all {} that match", count(all.rows));
        Some(
            view! {
                <button type="button" class="link link-primary" on:click=move |_| selection.set_all(all.clone())>
                    {words}
                </button>
            }
            .erase(),
        )
    };
    let nothing_to_sync =
        move || (found.with(Vec::is_empty) && selection.all().is_none()) || target.get().is_none();
    view! {
            <section class="sync-bar" aria-label="Selection">
                <strong role="status">{text(words)}</strong>
                {maybe(pick_all)}
                {environment_select("From", columns, source, chosen_source, Signal::stored(None))}
                <span class="muted">{icon(lu::LuArrowRight)}</span>
                {environment_select("To", columns, target, chosen_target, source)}
                <button
                    type="button"
                    class="btn btn-primary btn-sm"
                    disabled=flag(nothing_to_sync)
                    on:click=start
                >
                    {icon(lu::LuRefreshCw)}
                    "Sync…"
                </button>
                <button type="button" class="btn btn-ghost btn-sm" on:click=move |_| clear()>"Clear"</button>
            </section>
    }
    .erase()
}

/// A field to choose an environment.
fn environment_select(
    label: &'static str,
    columns: Signal<Vec<Column>>,
    value: Signal<Option<EnvironmentId>>,
    chosen: RwSignal<Option<EnvironmentId>>,
    without: Signal<Option<EnvironmentId>>,
) -> AnyView {
    let options = move || {
        let left_out = without.get();
        let offered = columns.get().into_iter().filter(|column| Some(column.id) != left_out);
        offered
            .map(|column| {
                let id = column.id;
                view! {
                    <option value=id.to_string() prop:selected=flag(move || value.get() == Some(id))>{column.name}</option>
                }
                .erase()
            })
            .collect_view()
            .into_any()
    };
    view! {
        <label class="select select-sm w-auto">
            <span class="label">{label}</span>
            <select aria-label=label on:change=move |event| chosen.set(event_target_value(&event).parse().ok())>{dynamic(options)}</select>
        </label>
    }
    .erase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::components::selection::PickCell;

    fn environment(n: u8) -> EnvironmentId {
        format!("00000000-0000-0000-0000-0000000000{n:02}").parse().unwrap()
    }

    fn columns() -> Vec<Column> {
        (1..=3).map(|n| Column { id: environment(n), name: n.to_string(), color: String::new() }).collect()
    }

    fn pick(differs: [bool; 3], from: Option<EnvironmentId>) -> Vec<(String, Pick)> {
        let service: ServiceId = "00000000-0000-0000-0000-000000000099".parse().unwrap();
        let cells = (1..=3).zip(differs).map(|(n, differs)| PickCell {
            environment: environment(n),
            services: vec![service],
            differs,
        });
        vec![("row".to_owned(), Pick { cells: cells.collect(), from })]
    }

    #[test]
    fn a_row_comes_from_the_left_of_its_first_difference() {
        assert_eq!(likely_source(&pick([false, false, true], None), &columns()), Some(environment(2)));
        assert_eq!(likely_source(&pick([false, false, false], None), &columns()), Some(environment(1)));
    }

    #[test]
    fn a_cell_is_its_own_source() {
        let picks = pick([false, true, false], Some(environment(3)));
        assert_eq!(likely_source(&picks, &columns()), Some(environment(3)));
        assert_eq!(services(&picks, environment(3)).len(), 1);
        assert!(services(&picks, environment(1)).is_empty());
    }

    #[test]
    fn the_target_is_the_neighbour() {
        assert_eq!(likely_target(&columns(), environment(1)), Some(environment(2)));
        assert_eq!(likely_target(&columns(), environment(3)), Some(environment(2)));
    }
}
