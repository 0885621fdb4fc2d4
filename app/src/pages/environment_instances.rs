//! The namespaces bound to an environment.

use domain::{
    app_instance::{AppInstance, AppInstanceEdit},
    cluster::Cluster,
    environment::Environment,
    id::EnvironmentId,
};
use leptos::prelude::*;

use super::environment_move::{self, ways};
use crate::components::erased::Erase;
use crate::{
    api,
    components::{
        bind::Bind,
        conflict::conflict,
        dialog::Dialog,
        empty::{empty, skeleton},
        field::TextField,
        icon::{icon, lu},
        problem::note,
        time,
    },
    live::{self, News},
    request::{Request, answer, show},
};

/// The list of an environment's app instances.
#[component]
pub(crate) fn Instances(
    /// The environment.
    environment: EnvironmentId,
) -> impl IntoView {
    let bind = expect_context::<Bind>();
    let concerns = move |news: &News| news.of_environment(environment);
    let instances = answer(|| (), live::tick(concerns), move |()| api::app_instance::list(Some(environment)));
    let [editing, moving, unbinding] = [(); 3].map(|()| RwSignal::new(false));
    let local = RwSignal::new(Vec::<Cluster>::new());
    Effect::new(move || Request::new().send(api::cluster::local(), move |found| local.set(found)));
    let subject = RwSignal::new(None::<AppInstance>);
    let deleting = Request::new();
    let begin = move |open: RwSignal<bool>, one: &AppInstance| {
        subject.set(Some(one.clone()));
        deleting.clear();
        open.set(true);
    };
    let table = move |found: Vec<AppInstance>| {
        if found.is_empty() {
            let button = view! {
                <button type="button" class="btn btn-primary" on:click=move |_| bind.begin(Some(environment))>"Bind namespaces"</button>
            };
            return empty(
                "No namespaces bound",
                "An environment is made up of namespaces, in one cluster or in many.",
                button,
            );
        }
        let rows = found
            .into_iter()
            .map(|one| {
                let of = one.clone();
                let can_move = Memo::new(move |_| local.with(|all| !ways(&of, all).is_empty()));
                row(&one, can_move, Dialogs { editing, moving, unbinding }, begin)
            })
            .collect_view();
        view! {
            <div class="table-frame" tabindex="0" role="group" aria-label="Bound namespaces">
                <table class="data-table">
                    <thead>
                        <tr>
                            <th scope="col">"Namespace"</th>
                            <th scope="col">"Application"</th>
                            <th scope="col">"Cluster"</th>
                            <th scope="col">"Site"</th>
                            <th scope="col" class="num">"Services"</th>
                            <th scope="col">"Bound"</th>
                            <th scope="col"><span class="sr-only">"Actions"</span></th>
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </div>
        }
        .erase()
    };
    let unbind = move || {
        let one = subject.get()?;
        let id = one.id;
        Some(view! {
            <div class="dialog-body space-y-3">
                {note(deleting.problem)}
                <p>
                    "Lockstep forgets that " <strong>{one.namespace}</strong> " in " {one.cluster}
                    " belongs here. Nothing that runs in it is touched."
                </p>
            </div>
            <div class="dialog-foot">
                <button type="button" class="btn" on:click=move |_| unbinding.set(false)>"Cancel"</button>
                <button
                    type="button"
                    class="btn btn-error"
                    disabled=move || deleting.pending.get()
                    on:click=move |_| {
                        deleting.send(api::app_instance::delete(id), move |()| {
                            unbinding.set(false);
                            live::look_again();
                        });
                    }
                >
                    {icon(lu::LuUnlink)}
                    "Unbind"
                </button>
            </div>
        })
    };
    let done = Callback::new(move |()| editing.set(false));
    view! {
        {show(instances, skeleton, table)}
        <Dialog open=editing title="Edit binding">
            {move || subject.get().map(|instance| view! { <Edit instance done /> })}
        </Dialog>
        <Dialog open=moving title="Move to another cluster">
            {move || {
                let one = subject.get()?;
                let ways = local.with(|all| ways(&one, all));
                Some(environment_move::form(&one, ways, moving))
            }}
        </Dialog>
        <Dialog open=unbinding title="Unbind namespace">
            {unbind}
        </Dialog>
    }
    .erase()
}

/// What an app instance's buttons open.
#[derive(Clone, Copy)]
struct Dialogs {
    editing: RwSignal<bool>,
    moving: RwSignal<bool>,
    unbinding: RwSignal<bool>,
}

fn row(
    one: &AppInstance,
    can_move: Memo<bool>,
    dialogs: Dialogs,
    begin: impl Fn(RwSignal<bool>, &AppInstance) + Copy + Send + 'static,
) -> AnyView {
    let subject = StoredValue::new(one.clone());
    let button = move |opens: RwSignal<bool>, label: String, sign| {
        view! {
            <button
                type="button"
                class="btn btn-ghost btn-xs btn-square"
                aria-label=label.clone()
                title=label
                on:click=move |_| subject.with_value(|one| begin(opens, one))
            >
                {icon(sign)}
            </button>
        }
        .erase()
    };
    let namespace = one.namespace.clone();
    let moves = move || {
        can_move.get().then(|| {
            button(dialogs.moving, format!("Move {namespace} to another cluster"), lu::LuArrowRightLeft)
        })
    };
    let stale = one.stale_since.map(|since| {
        view! { <span class="state is-warning text-xs">{icon(lu::LuUnplug)} <span>"as of " {time::ago(since)}</span></span> }
    });
    view! {
        <tr>
            <th scope="row">{one.namespace.clone()} {(one.name != one.namespace).then(|| view! { <span class="muted">{format!(" ({})", one.name)}</span> })}</th>
            <td>{one.application.clone()}</td>
            <td><span class="flex items-center gap-2">{one.cluster.clone()} {stale}</span></td>
            <td>{one.site_name.clone()}</td>
            <td class="num">{one.services}</td>
            <td>{time::ago(one.created_at)}</td>
            <td class="num">
                {moves}
                {button(dialogs.editing, format!("Edit the binding of {}", one.namespace), lu::LuPencil)}
                {button(dialogs.unbinding, format!("Unbind {}", one.namespace), lu::LuUnlink)}
            </td>
        </tr>
    }
    .erase()
}

#[component]
fn Edit(instance: AppInstance, done: Callback<()>) -> impl IntoView {
    let (request, reading) = (Request::new(), Request::new());
    let name = RwSignal::new(instance.name.clone());
    let application = RwSignal::new(instance.application.clone());
    let environment = RwSignal::new(instance.environment_id);
    let version = RwSignal::new(instance.version);
    let environments = RwSignal::new(Vec::<Environment>::new());
    reading.send(api::environment::list(), move |list| environments.set(list));
    let id = instance.id;
    let store = move || {
        let edit = AppInstanceEdit {
            name: Some(name.get_untracked()),
            application: Some(application.get_untracked()),
            environment_id: Some(environment.get_untracked()),
            version: Some(version.get_untracked()),
            ..Default::default()
        };
        request.send(api::app_instance::edit(id, edit), move |_| {
            live::look_again();
            done.try_run(());
        });
    };
    let take = move |theirs: &AppInstance| {
        name.set(theirs.name.clone());
        application.set(theirs.application.clone());
        environment.set(theirs.environment_id);
        version.set(theirs.version);
    };
    let keep = move |theirs: &AppInstance| {
        version.set(theirs.version);
        store();
    };
    let words = |stored: &AppInstance| {
        format!("“{}”, application “{}”, in {}", stored.name, stored.application, stored.environment_name)
    };
    let options = move || {
        let option = |one: Environment| {
            view! {
                <option value=one.id.to_string() prop:selected=move || environment.get() == one.id>{one.name}</option>
            }
        };
        environments.get().into_iter().map(option).collect_view()
    };
    view! {
        <form
            class="contents"
            on:submit=move |event| {
                event.prevent_default();
                store();
            }
        >
            <div class="dialog-body space-y-3">
                {note(request.problem)} {note(reading.problem)} {conflict(request.problem, words, take, keep)}
                <TextField label="Application" form="instance" name="application" value=application
                    problem=request.problem required=true autofocus=true
                    hint="Pairs this namespace with those of other environments." />
                <TextField label="Name" form="instance" name="name" value=name problem=request.problem required=true />
                <div class="field">
                    <label for="instance-environment">"Environment"</label>
                    <select
                        id="instance-environment"
                        class="select w-full"
                        on:change=move |event| {
                            if let Ok(id) = event_target_value(&event).parse() {
                                environment.set(id);
                            }
                        }
                    >
                        {options}
                    </select>
                </div>
            </div>
            <div class="dialog-foot">
                <button type="submit" class="btn btn-primary" disabled=move || request.pending.get()>"Save"</button>
            </div>
        </form>
    }
    .erase()
}
