//! A table whose rows the server writes: they are put in place as they come, ticked, and told how long ago things were.

mod patch;

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use domain::{
    id::{EnvironmentId, ServiceId},
    matrix::Column,
    sync::Matching,
};
use leptos::{ev, html, prelude::*};
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlInputElement};

use crate::components::{
    erased::{Erase, flag},
    selection::{All, Pick, PickCell, Selection, picked},
    time,
};
use patch::{children, each, key};

/// The rows of one table, and what is ticked in them.
#[derive(Clone, Copy)]
pub(crate) struct Rows {
    body: NodeRef<html::Tbody>,
    selection: Selection,
    columns: Signal<Vec<Column>>,
    /// Every row of the page is ticked.
    all: RwSignal<bool>,
}

impl Rows {
    /// Follows what the server writes, where it is not in the document already.
    pub(crate) fn new(
        selection: Selection,
        columns: Signal<Vec<Column>>,
        written: impl Fn() -> Option<String> + 'static,
    ) -> Self {
        let rows = Self { body: NodeRef::new(), selection, columns, all: RwSignal::new(false) };
        let now = time::now();
        Effect::new(move |_| {
            if let (Some(body), Some(written)) = (rows.body.get(), written()) {
                let fresh = body.clone_node().ok().and_then(|body| body.dyn_into::<Element>().ok());
                let Some(fresh) = fresh else { return };
                fresh.set_inner_html(&written);
                untrack(|| {
                    let all = rows.mark(&fresh);
                    rows.tell_times(&fresh, now);
                    patch::put(&body, &fresh);
                    rows.all.set(all);
                });
            }
        });
        Effect::new(move |_| {
            if let Some(body) = rows.body.get() {
                rows.all.set(rows.mark(&body));
            }
        });
        Effect::new(move |_| {
            if let Some(body) = rows.body.get() {
                rows.tell_times(&body, now);
            }
        });
        rows
    }

    /// The table: its head, and the rows as the server writes them into the page.
    pub(crate) fn table(
        self,
        label: &'static str,
        class: &'static str,
        head: AnyView,
        written: Option<String>,
    ) -> AnyView {
        // In the browser the rows are put in place when they have come.
        let written = if cfg!(feature = "ssr") { written.unwrap_or_default() } else { String::new() };
        view! {
            <div class=format!("table-frame {class}-frame") tabindex="0" role="group" aria-label=label>
                <table
                    class=format!("data-table {class}")
                    on:change=move |event| self.ticked(&event)
                    on:pointerover=|event| name_time(&event)
                >
                    <thead>
                        <tr>{head}</tr>
                    </thead>
                    <tbody node_ref=self.body inner_html=written></tbody>
                </table>
            </div>
        }
        .erase()
    }

    /// All `total` rows that match, once every row of the page is picked and there are more than these.
    pub(crate) fn offer(
        self,
        matching: impl Fn() -> Matching + Send + Sync + 'static,
        total: impl Fn() -> Option<u64> + Send + Sync + 'static,
    ) -> Signal<Option<All>> {
        let matching = Memo::new(move |_| matching());
        Effect::new(move |_| {
            matching.track();
            self.selection.filter_changed();
        });
        Signal::derive(move || {
            let shown = self.body.get().filter(|_| self.all.get())?.child_element_count();
            let rows = total().filter(|rows| *rows > u64::from(shown))?;
            Some(All { matching: matching.get(), rows })
        })
    }

    /// A checkbox that picks every row of the page.
    pub(crate) fn tick_all(self) -> AnyView {
        let all = self.all;
        view! {
            <input
                type="checkbox"
                class="checkbox checkbox-xs tick-all"
                aria-label="Select all on this page"
                prop:checked=flag(move || all.get())
                on:change=move |event| self.pick_all(event_target_checked(&event))
            />
        }
        .erase()
    }

    fn pick_all(self, on: bool) {
        let Some(body) = self.body.get_untracked() else { return };
        let rows = children(&body).map(|row| (key(&row), self.pick(&row, 0))).collect();
        self.selection.set(rows, on);
    }

    fn ticked(self, event: &ev::Event) {
        let input = event.target().and_then(|target| target.dyn_into::<HtmlInputElement>().ok());
        let Some(input) = input.filter(|input| input.class_list().contains("tick")) else { return };
        let Some(row) = input.closest("tr[data-key]").ok().flatten() else { return };
        let cell = children(&row).position(|cell| cell.contains(Some(&input))).unwrap_or_default();
        // Of all that match only this page stays picked when one of them is let go.
        if untrack(|| self.selection.all()).is_some() {
            self.pick_all(true);
        }
        self.selection.set(vec![(key(&row), self.pick(&row, cell))], input.checked());
    }

    /// What ticking a row's cell picks; its first cell stands for the whole row.
    fn pick(self, row: &Element, cell: usize) -> Pick {
        let cells = children(row).collect::<Vec<_>>();
        if let Some(environment) = environment_of(row) {
            let services = cells.first().map(services_of).unwrap_or_default();
            let only = PickCell { environment, services, differs: false };
            return Pick { cells: vec![only], from: Some(environment) };
        }
        self.columns.with_untracked(|columns| {
            let all = columns.iter().zip(&cells[1..]).map(|(column, cell)| PickCell {
                environment: column.id,
                services: services_of(cell),
                differs: cell.class_list().contains("differs"),
            });
            Pick { cells: all.collect(), from: cell.checked_sub(1).and_then(|at| Some(columns.get(at)?.id)) }
        })
    }

    /// Ticks what is selected, and says whether all rows are.
    fn mark(self, rows: &Element) -> bool {
        let columns = self.columns.read();
        let all_match = self.selection.all().is_some();
        self.selection.with(|picks| {
            let mut all = rows.child_element_count() > 0;
            for row in children(rows) {
                let whole = environment_of(&row);
                let pick = match all_match {
                    true => Some(whole),
                    false => picked(picks, &key(&row)).map(|pick| pick.from),
                };
                for (at, cell) in children(&row).enumerate() {
                    let from =
                        at.checked_sub(1).and_then(|at| columns.get(at)).map(|column| column.id).or(whole);
                    let tick = cell.query_selector("input.tick").ok().flatten();
                    if let Some(tick) = tick.and_then(|tick| tick.dyn_into::<HtmlInputElement>().ok()) {
                        tick.set_checked(pick == Some(from));
                    }
                }
                let selected = pick == Some(whole);
                all &= selected;
                let _ = match selected {
                    true => row.set_attribute("aria-selected", "true"),
                    false => row.remove_attribute("aria-selected"),
                };
            }
            all
        })
    }

    /// Says how long ago the times of rows are.
    fn tell_times(self, rows: &Element, now: Signal<Option<DateTime<Utc>>>) {
        let Some(now) = now.get() else { return };
        for element in each(rows, "time") {
            if let Some(at) = time::of(&element) {
                element.set_text_content(Some(&time::relative(at, now)));
            }
        }
    }
}

/// Whether any row on the page is of something of such a name.
pub(crate) fn show(names: &HashSet<String>) -> bool {
    let page = document().document_element();
    page.is_some_and(|page| {
        each(&page, "tr[data-key] .name")
            .any(|name| name.text_content().is_some_and(|name| names.contains(&name)))
    })
}

/// The environment that a row belongs to, where it belongs to one.
fn environment_of(row: &Element) -> Option<EnvironmentId> {
    row.get_attribute("data-env")?.parse().ok()
}

/// The services behind a cell's checkbox.
fn services_of(cell: &Element) -> Vec<ServiceId> {
    let tick = cell.query_selector("input.tick").ok().flatten();
    let services = tick.and_then(|tick| tick.get_attribute("value")).unwrap_or_default();
    services.split_whitespace().filter_map(|id| id.parse().ok()).collect()
}

/// The exact time of what the pointer comes to, where it is one.
fn name_time(event: &ev::PointerEvent) {
    let element = event.target().and_then(|target| target.dyn_into::<Element>().ok());
    let unnamed = element.filter(|element| element.tag_name() == "TIME" && !element.has_attribute("title"));
    if let Some(element) = unnamed
        && let Some(at) = time::of(&element)
    {
        let _ = element.set_attribute("title", &time::local(at));
    }
}
