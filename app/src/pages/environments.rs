//! Environments: their order, colours and what they hold.

use std::collections::BTreeSet;

use domain::{
    cluster::Cluster,
    environment::{Environment as Found, EnvironmentEdit, EnvironmentQuery},
    id::EnvironmentId,
    list::Page,
    site::Dependents,
};
use leptos::prelude::*;
use leptos_router::{hooks::use_query_map, params::ParamsMap};

use crate::components::erased::Erase;
use crate::{
    api,
    components::{
        action_bar::{Action, ActionBar},
        confirm,
        deploy_form::DeployForm,
        dialog::Dialog,
        empty::{empty, nothing, skeleton},
        env,
        environment_form::{EnvironmentForm, create_standard},
        filters::{self, FilterForm, parsed, value},
        icon::{icon, lu},
        pager::{pager, sort_head},
        problem::note,
        status,
    },
    live::{self, News},
    pages::{environments_batch, head},
    request::{Request, answer, ready, show},
};

/// What the dialogs are about.
#[derive(Clone, Copy)]
struct Dialogs {
    editing: RwSignal<bool>,
    deleting: RwSignal<bool>,
    freezing: RwSignal<bool>,
    deploying: RwSignal<bool>,
    subject: RwSignal<Option<Found>>,
    dependents: RwSignal<Option<Dependents>>,
    request: Request,
}

impl Dialogs {
    fn new() -> Self {
        let [editing, deleting, freezing, deploying] = [(); 4].map(|()| RwSignal::new(false));
        let (subject, dependents) = (RwSignal::new(None), RwSignal::new(None));
        Self { editing, deleting, freezing, deploying, subject, dependents, request: Request::new() }
    }

    fn edit(self, subject: Option<Found>) {
        self.subject.set(subject);
        self.editing.set(true);
    }

    /// One is told in full what goes with it; of several it is told in numbers.
    fn delete(self, chosen: Vec<Found>) {
        let [only] = chosen.as_slice() else {
            self.dependents.set(None);
            return self.deleting.set(true);
        };
        let id = only.id;
        self.subject.set(Some(only.clone()));
        self.request.send(api::environment::dependents(id), move |dependents| {
            self.dependents.set(Some(dependents));
            self.deleting.set(true);
        });
    }

    fn shift(self, environment: &Found, to: i32) {
        let edit =
            EnvironmentEdit { position: Some(to), version: Some(environment.version), ..Default::default() };
        self.request.send(api::environment::edit(environment.id, edit), |_| live::look_again());
    }
}

/// What the address asks for, and which page of it.
fn asked(query: &ParamsMap) -> (EnvironmentQuery, Option<u32>) {
    let [prefix, cluster, sort] = ["q", "cluster", "sort"].map(|name| value(query, name));
    (EnvironmentQuery { cluster, prefix, sort }, parsed(query, "page"))
}

/// The list of environments.
#[component]
pub(crate) fn Environments() -> impl IntoView {
    let query = use_query_map();
    let asked = Memo::new(move |_| query.with(asked));
    let environments = answer(
        move || asked.get(),
        live::tick_of_rows(News::of_inventory),
        |(query, page)| api::environment::page(query, page),
    );
    let clusters = answer(|| (), live::tick(News::of_inventory), |()| api::cluster::all_managed());
    let by_cluster = |all: Vec<Cluster>| {
        let options = all.into_iter().map(|one| (one.id.to_string(), one.name)).collect();
        filters::select("Cluster", "cluster", options)
    };
    let all = RwSignal::new(Vec::<Found>::new());
    Effect::new(move |_| all.set(ready(environments).map(|page| page.items).unwrap_or_default()));
    let picked = RwSignal::new(BTreeSet::<EnvironmentId>::new());
    let chosen = Memo::new(move |_| {
        picked.with(|picked| {
            all.with(|all| all.iter().filter(|one| picked.contains(&one.id)).cloned().collect::<Vec<_>>())
        })
    });
    let dialogs = Dialogs::new();
    Effect::new(move |_| {
        if query.with(|query| query.get("new")).is_some() {
            dialogs.edit(None);
        }
    });
    let list = move |found: Page<Found>| {
        // In another order, or of some, there is no left and right.
        let (asked, _) = asked.get_untracked();
        let in_order = asked == EnvironmentQuery::default();
        match (found.total, in_order) {
            (0, true) => none(dialogs),
            (0, false) => {
                let clear = view! { <a class="btn" href="/environments">"Clear filters"</a> };
                empty("Nothing matches", "No environment fits these filters.", clear)
            }
            _ => table(&found, in_order, picked, dialogs),
        }
    };
    let stored = Callback::new(move |()| dialogs.editing.set(false));
    let title = Signal::derive(move || {
        dialogs.subject.with(|subject| match subject {
            Some(subject) => format!("Edit {}", subject.name),
            None => "New environment".to_owned(),
        })
    });
    let to = Signal::derive(move || {
        let name = dialogs.subject.with(|subject| subject.as_ref().map(|one| one.name.clone()));
        format!("Deploy to {}", name.unwrap_or_default())
    });
    let selected = Signal::derive(move || {
        chosen.with(|chosen| match chosen.as_slice() {
            [] => "Nothing selected".to_owned(),
            [one] => one.name.clone(),
            many => format!("{} selected", many.len()),
        })
    });
    let delete = move || match (dialogs.subject.get_untracked(), dialogs.dependents.get_untracked()) {
        (Some(subject), Some(dependents)) => delete_one(subject, dependents, dialogs.deleting),
        _ => environments_batch::delete(chosen.get_untracked(), dialogs.deleting),
    };
    view! {
        {head("Environments", "The stages your software passes through, from left to right.", ())}
        {note(dialogs.request.problem)}
        <FilterForm path="/environments">
            {filters::search("Name begins with")} {show(clusters, nothing, by_cluster)}
        </FilterForm>
        <ActionBar selected actions=actions(chosen, dialogs) />
        {show(environments, skeleton, list)}
        <Dialog open=dialogs.editing title>
            {move || view! { <EnvironmentForm environment=dialogs.subject.get() done=stored /> }}
        </Dialog>
        <Dialog open=dialogs.deploying title=to class="sheet">
            {move || dialogs.subject.get_untracked().map(|one| view! { <DeployForm environment=one.id open=dialogs.deploying /> })}
        </Dialog>
        <Dialog open=dialogs.freezing title="Freeze">
            {move || environments_batch::freeze(chosen.get_untracked(), dialogs.freezing)}
        </Dialog>
        <Dialog open=dialogs.deleting title="Delete">
            {delete}
        </Dialog>
    }
    .erase()
}

fn actions(chosen: Memo<Vec<Found>>, dialogs: Dialogs) -> Vec<Action> {
    let one = move || chosen.with_untracked(|chosen| chosen.first().cloned());
    let nothing = move || chosen.with(Vec::is_empty).then_some("Select an environment first.");
    let several = move || (chosen.with(Vec::len) > 1).then_some("Select one only.");
    let empty = move || {
        let empty = chosen.with(|chosen| chosen.first().is_some_and(|one| one.services == 0));
        empty.then_some("Nothing runs there yet: bind namespaces first.")
    };
    let deploy = move |()| {
        dialogs.subject.set(one());
        dialogs.deploying.set(true);
    };
    let only = Signal::derive(move || nothing().or_else(several));
    let any = Signal::derive(nothing);
    vec![
        Action::new(
            "c",
            "Create",
            lu::LuPlus,
            Signal::stored(None),
            Callback::new(move |()| dialogs.edit(None)),
        ),
        Action::new("u", "Update", lu::LuPencil, only, Callback::new(move |()| dialogs.edit(one()))),
        Action::new(
            "d",
            "Deploy",
            lu::LuRocket,
            Signal::derive(move || only.get().or_else(empty)),
            Callback::new(deploy),
        ),
        Action::new("f", "Freeze", lu::LuSnowflake, any, Callback::new(move |()| dialogs.freezing.set(true))),
        Action::new(
            "x",
            "Delete",
            lu::LuTrash2,
            any,
            Callback::new(move |()| dialogs.delete(chosen.get_untracked())),
        ),
    ]
}

fn delete_one(subject: Found, dependents: Dependents, open: RwSignal<bool>) -> AnyView {
    let (id, request) = (subject.id, Request::new());
    confirm::delete(
        "environment",
        subject.name,
        dependents,
        request,
        move || {
            request.send(api::environment::delete(id), move |()| {
                open.set(false);
                live::look_again();
            });
        },
        move || open.set(false),
    )
}

fn table(
    found: &Page<Found>,
    in_order: bool,
    picked: RwSignal<BTreeSet<EnvironmentId>>,
    dialogs: Dialogs,
) -> AnyView {
    let first = u64::from(found.page.saturating_sub(1)) * u64::from(found.page_size);
    let row = |(at, one): (u64, &Found)| {
        let moves = in_order.then(|| moves(one, at, at + 1 == found.total, dialogs));
        row(one, moves, picked)
    };
    let rows = (first..).zip(&found.items).map(row).collect_view();
    let all: BTreeSet<EnvironmentId> = found.items.iter().map(|one| one.id).collect();
    let every = all.clone();
    view! {
        <div class="surface">
            <div class="table-frame" tabindex="0" role="group" aria-label="Environments">
                <table class="data-table">
                    <thead>
                        <tr>
                            <th scope="col" class="w-8">
                                <input
                                    type="checkbox"
                                    class="checkbox checkbox-xs"
                                    aria-label="Select all"
                                    prop:checked=move || picked.with(|picked| picked.is_superset(&every))
                                    on:change=move |event| {
                                        let on = event_target_checked(&event);
                                        picked.set(if on { all.clone() } else { BTreeSet::new() });
                                    }
                                />
                            </th>
                            {sort_head("name", "Environment")}
                            <th scope="col">"Description"</th>
                            <th scope="col" class="num">"Namespaces"</th>
                            <th scope="col" class="num">"Services"</th>
                            <th scope="col" class="num">"Unhealthy"</th>
                            <th scope="col" class="num">"Revision"</th>
                            {in_order.then(|| view! { <th scope="col" class="w-20">"Order"</th> })}
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </div>
            {pager(found.total, found.page, found.page_size, "environment")}
        </div>
    }
    .erase()
}

fn none(dialogs: Dialogs) -> AnyView {
    let request = Request::new();
    let buttons = view! {
        <button
            type="button"
            class="btn btn-primary"
            disabled=move || request.pending.get()
            on:click=move |_| create_standard(request, || ())
        >
            "Create Development, Staging and Production"
        </button>
        <button type="button" class="btn" on:click=move |_| dialogs.edit(None)>"Create one"</button>
        {note(request.problem)}
    };
    empty(
        "No environments yet",
        "An environment is a stage such as Development, Staging or Production. Their order says what is compared with what: each with its neighbour to the left.",
        buttons,
    )
}

fn row(one: &Found, moves: Option<AnyView>, picked: RwSignal<BTreeSet<EnvironmentId>>) -> AnyView {
    let (id, name) = (one.id, &one.name);
    let pick = move |event| {
        let on = event_target_checked(&event);
        picked.update(|picked| match on {
            true => drop(picked.replace(id)),
            false => drop(picked.take(&id)),
        });
    };
    view! {
        <tr>
            <td>
                <input
                    type="checkbox"
                    class="checkbox checkbox-xs"
                    aria-label=format!("Select {name}")
                    prop:checked=move || picked.with(|picked| picked.contains(&id))
                    on:change=pick
                />
            </td>
            <th scope="row">
                <a class="link-hover inline-flex items-center gap-2" href=format!("/environments/{}", one.id)>
                    {env::chip(name, &one.color)}
                </a>
            </th>
            <td>
                <span class="truncate-cell block" title=one.description.clone()>{one.description.clone()}</span>
            </td>
            <td class="num">{one.app_instances}</td>
            <td class="num">{one.services}</td>
            <td class="num">{status::unhealthy(one.unhealthy)}</td>
            <td class="num">{one.latest_revision}</td>
            {moves}
        </tr>
    }
    .erase()
}

/// The ways of an environment to the left and to the right; it stands at this place.
fn moves(one: &Found, at: u64, is_last: bool, dialogs: Dialogs) -> AnyView {
    let step = |to: i32, open: bool, way: &'static str, sign| {
        let environment = one.clone();
        view! {
            <button
                type="button"
                class="btn btn-ghost btn-xs btn-square"
                aria-label=format!("Move {} to the {way}", one.name)
                disabled=!open
                on:click=move |_| dialogs.shift(&environment, to)
            >
                {icon(sign)}
            </button>
        }
    };
    let at = i32::try_from(at).unwrap_or(i32::MAX);
    view! {
        <td>
            {step(at - 1, at > 0, "left", lu::LuArrowUp)}
            {step(at.saturating_add(1), !is_last, "right", lu::LuArrowDown)}
        </td>
    }
    .erase()
}
