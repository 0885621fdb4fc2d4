//! Deleting: what depends on it is named, and its name is typed where anything does.

use domain::{problem::Problem, site::Dependents};
use leptos::prelude::*;

use crate::components::erased::Erase;
use crate::{
    browser,
    components::{
        icon::{icon, lu},
        problem::{failed, hint},
    },
    request::Request,
};

/// The body and foot of a dialog that deletes something.
pub(crate) fn delete(
    noun: &'static str,
    name: String,
    dependents: Dependents,
    request: Request,
    confirmed: impl Fn() + Send + Sync + 'static,
    cancelled: impl Fn() + Send + Sync + 'static,
) -> AnyView {
    let typed = RwSignal::new(String::new());
    let anything = !dependents.app_instances.is_empty() || dependents.services > 0;
    let blocked = dependents.running_deployments > 0;
    let ready = {
        let name = name.clone();
        move || !blocked && (!anything || typed.with(|typed| typed.trim() == name))
    };
    let listed = dependents
        .app_instances
        .iter()
        .take(20)
        .map(|instance| view! { <li class="mono">{instance.clone()}</li> })
        .collect_view();
    let more = dependents.app_instances.len().saturating_sub(20);
    let problem = request.problem;
    browser::settle_focus(true);
    view! {
        <form
            class="contents"
            on:submit=move |event| {
                event.prevent_default();
                confirmed();
            }
        >
            <div class="dialog-body space-y-3">
                {move || problem.get().map(|problem: Problem| failed(&problem))}
                {blocked
                    .then(|| hint(
                        "is-warning",
                        format!(
                            "Syncs that use it are running ({}). Wait for them to end, or cancel them.",
                            dependents.running_deployments,
                        ),
                    ))}
                <p>
                    "Nothing that runs is touched: Lockstep only forgets the "{noun}" "
                    <strong>{name.clone()}</strong>"."
                </p>
                {anything
                    .then(|| {
                        view! {
                            <p>
                                "With it go "
                                <strong>{dependents.app_instances.len()}</strong>
                                " bound namespaces with "
                                <strong>{dependents.services}</strong>
                                " observed services:"
                            </p>
                            <ul class="list-disc max-h-48 overflow-auto pl-5">
                                {listed}
                                {(more > 0).then(|| view! { <li>{format!("and {more} more")}</li> })}
                            </ul>
                            <div class="field">
                                <label for="typed-name">
                                    "Type " <strong>{name.clone()}</strong> " to confirm"
                                </label>
                                <input
                                    id="typed-name"
                                    class="input w-full"
                                    autocomplete="off"
                                    autofocus
                                    prop:value=move || typed.get()
                                    on:input=move |event| typed.set(event_target_value(&event))
                                />
                            </div>
                        }
                    })}
            </div>
            <div class="dialog-foot">
                <button type="button" class="btn" on:click=move |_| cancelled()>"Cancel"</button>
                <button
                    type="submit"
                    class="btn btn-error"
                    disabled=move || !ready() || request.pending.get()
                >
                    {icon(lu::LuTrash2)}
                    "Delete "{noun}
                </button>
            </div>
        </form>
    }
    .erase()
}
