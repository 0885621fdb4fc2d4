//! Environments: their order, colours and what they hold.

use domain::{
    environment::{Environment as Found, EnvironmentEdit},
    site::Dependents,
};
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use crate::components::erased::Erase;
use crate::{
    api,
    components::{
        confirm,
        dialog::Dialog,
        empty::{empty, skeleton},
        env,
        environment_form::{EnvironmentForm, create_standard},
        icon::{icon, lu},
        problem::note,
    },
    live::{self, News},
    pages::head,
    request::{Request, answer, show},
};

/// What the dialogs are about.
#[derive(Clone, Copy)]
struct Dialogs {
    editing: RwSignal<bool>,
    deleting: RwSignal<bool>,
    subject: RwSignal<Option<Found>>,
    dependents: RwSignal<Option<Dependents>>,
    moving: Request,
    asking: Request,
}

impl Dialogs {
    fn edit(self, subject: Option<Found>) {
        self.subject.set(subject);
        self.editing.set(true);
    }

    fn delete(self, subject: Found) {
        let id = subject.id;
        self.subject.set(Some(subject));
        self.asking.send(api::environment::dependents(id), move |dependents| {
            self.dependents.set(Some(dependents));
            self.deleting.set(true);
        });
    }

    fn shift(self, environment: &Found, to: i32) {
        let edit =
            EnvironmentEdit { position: Some(to), version: Some(environment.version), ..Default::default() };
        self.moving.send(api::environment::edit(environment.id, edit), |_| live::look_again());
    }
}

/// The list of environments.
#[component]
pub(crate) fn Environments() -> impl IntoView {
    let query = use_query_map();
    let environments = answer(|| (), live::tick_of_rows(News::of_inventory), |()| api::environment::list());
    let dialogs = Dialogs {
        editing: RwSignal::new(false),
        deleting: RwSignal::new(false),
        subject: RwSignal::new(None),
        dependents: RwSignal::new(None),
        moving: Request::new(),
        asking: Request::new(),
    };
    let deleting = Request::new();
    Effect::new(move |_| {
        if query.with(|query| query.get("new")).is_some() {
            dialogs.edit(None);
        }
    });
    let list = move |found: Vec<Found>| {
        if found.is_empty() {
            return none(dialogs);
        }
        let last = found.len().saturating_sub(1);
        let rows = found.iter().enumerate().map(|(at, one)| row(one, at, last, dialogs)).collect_view();
        view! {
            <div class="table-frame" tabindex="0" role="group" aria-label="Environments">
                <table class="data-table">
                    <thead>
                        <tr>
                            <th scope="col" class="w-20">"Order"</th>
                            <th scope="col">"Environment"</th>
                            <th scope="col">"Description"</th>
                            <th scope="col" class="num">"Namespaces"</th>
                            <th scope="col" class="num">"Services"</th>
                            <th scope="col" class="num">"Unhealthy"</th>
                            <th scope="col" class="num">"Revision"</th>
                            <th scope="col"><span class="sr-only">"Actions"</span></th>
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </div>
        }
        .erase()
    };
    let new = view! {
        <button type="button" class="btn btn-primary btn-sm" on:click=move |_| dialogs.edit(None)>
            {icon(lu::LuPlus)}
            "New environment"
        </button>
    };
    let stored = Callback::new(move |()| dialogs.editing.set(false));
    let title = Signal::derive(move || {
        dialogs.subject.with(|subject| match subject {
            Some(subject) => format!("Edit {}", subject.name),
            None => "New environment".to_owned(),
        })
    });
    let confirm = move || {
        let (subject, dependents) = (dialogs.subject.get()?, dialogs.dependents.get()?);
        let id = subject.id;
        Some(confirm::delete(
            "environment",
            subject.name,
            dependents,
            deleting,
            move || {
                deleting.send(api::environment::delete(id), move |()| {
                    dialogs.deleting.set(false);
                    live::look_again();
                });
            },
            move || dialogs.deleting.set(false),
        ))
    };
    view! {
        {head("Environments", "The stages your software passes through, from left to right.", new)}
        {note(dialogs.moving.problem)} {note(dialogs.asking.problem)}
        {show(environments, skeleton, list)}
        <Dialog open=dialogs.editing title>
            {move || view! { <EnvironmentForm environment=dialogs.subject.get() done=stored /> }}
        </Dialog>
        <Dialog open=dialogs.deleting title="Delete environment">
            {confirm}
        </Dialog>
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

fn row(one: &Found, at: usize, last: usize, dialogs: Dialogs) -> AnyView {
    let (earlier, later, edited, deleted) = (one.clone(), one.clone(), one.clone(), one.clone());
    let name = &one.name;
    view! {
        <tr>
            <td>
                <button
                    type="button"
                    class="btn btn-ghost btn-xs btn-square"
                    aria-label=format!("Move {name} to the left")
                    disabled=at == 0
                    on:click=move |_| dialogs.shift(&earlier, at as i32 - 1)
                >
                    {icon(lu::LuArrowUp)}
                </button>
                <button
                    type="button"
                    class="btn btn-ghost btn-xs btn-square"
                    aria-label=format!("Move {name} to the right")
                    disabled=at == last
                    on:click=move |_| dialogs.shift(&later, at as i32 + 1)
                >
                    {icon(lu::LuArrowDown)}
                </button>
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
            <td class="num">
                {if one.unhealthy > 0 {
                    view! { <span class="state is-warning">{icon(lu::LuTriangleAlert)} {one.unhealthy}</span> }.erase()
                } else {
                    view! { <span class="muted">"0"</span> }.erase()
                }}
            </td>
            <td class="num">{one.latest_revision}</td>
            <td class="num">
                <button
                    type="button"
                    class="btn btn-ghost btn-xs btn-square"
                    aria-label=format!("Edit {name}")
                    on:click=move |_| dialogs.edit(Some(edited.clone()))
                >
                    {icon(lu::LuPencil)}
                </button>
                <button
                    type="button"
                    class="btn btn-ghost btn-xs btn-square"
                    aria-label=format!("Delete {name}")
                    on:click=move |_| dialogs.delete(deleted.clone())
                >
                    {icon(lu::LuTrash2)}
                </button>
            </td>
        </tr>
    }
    .erase()
}
