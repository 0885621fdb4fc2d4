//! Binding namespaces to environments: chosen by ticking or by pattern, previewed, then bound.

mod draft;
mod pick;
mod rules;

use std::collections::BTreeMap;

use domain::{app_instance::NewAppInstance, cluster::Cluster, environment::Environment, id::EnvironmentId};
use leptos::prelude::*;

use crate::components::erased::Erase;
use crate::{
    api,
    components::{
        dialog::{Dialog, lazily, waiting},
        env,
        icon::{icon, lu},
        problem::{hint, note},
        toast::Toasts,
    },
    live,
    pages::lazy::Part,
    request::Request,
};
use draft::{Draft, Drafts};
use pick::Pick;
use rules::Rules;

/// Opens the dialog from any page.
#[derive(Clone, Copy)]
pub(crate) struct Bind {
    open: RwSignal<bool>,
    environment: RwSignal<Option<EnvironmentId>>,
}

/// Provides [`Bind`].
pub(crate) fn provide() {
    provide_context(Bind { open: RwSignal::new(false), environment: RwSignal::new(None) });
}

impl Bind {
    /// Opens it, for one environment or for any.
    pub(crate) fn begin(self, environment: Option<EnvironmentId>) {
        self.environment.set(environment);
        self.open.set(true);
    }
}

/// How namespaces are chosen, and the preview of what was chosen.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Tab {
    Pick,
    Rules,
    Preview,
}

/// The dialog that binds namespaces.
#[component]
pub(crate) fn BindDialog() -> impl IntoView {
    let bind = expect_context::<Bind>();
    view! {
        <Dialog open=bind.open title="Bind namespaces" class="sheet">
            {lazily(Part::Bind, waiting)}
        </Dialog>
    }
    .erase()
}

/// What the dialog holds.
#[component]
pub(crate) fn Content() -> impl IntoView {
    let bind = expect_context::<Bind>();
    let toasts = expect_context::<Toasts>();
    let tab = RwSignal::new(Tab::Pick);
    let drafts: Drafts = RwSignal::new(BTreeMap::new());
    let (reading, reading_clusters, binding) = (Request::new(), Request::new(), Request::new());
    let environments = RwSignal::new(None::<Vec<Environment>>);
    let clusters = RwSignal::new(None::<Vec<Cluster>>);
    reading.send(api::environment::list(), move |list| environments.set(Some(list)));
    reading_clusters.send(api::cluster::all_managed(), move |list| clusters.set(Some(list)));

    let store = move || {
        let sent: Vec<Draft> = drafts.get_untracked().into_values().collect();
        let bindings = sent.iter().map(|draft| NewAppInstance {
            name: None,
            rancher_site_id: Some(draft.cluster.site_id),
            cluster: draft.cluster.id.to_string(),
            namespace: draft.namespace.clone(),
            environment_id: draft.environment,
            application: Some(draft.application.trim().to_owned()).filter(|name| !name.is_empty()),
        });
        binding.send(api::app_instance::create_many(bindings.collect()), move |results| {
            // What failed stays in the table with its reason; what was bound leaves it.
            let failed = sent.iter().zip(&results).filter_map(|(draft, result)| {
                let error = result.error.clone()?;
                Some((draft.key(), Draft { error: Some(error), ..draft.clone() }))
            });
            let failed: BTreeMap<String, Draft> = failed.collect();
            let bound = results.len() - failed.len();
            if bound > 0 {
                let plural = if bound == 1 { "" } else { "s" };
                toasts.done(format!("{bound} namespace{plural} bound"));
                live::look_again();
            }
            if failed.is_empty() {
                bind.open.set(false);
            }
            drafts.set(failed);
        });
    };
    let tab_button = move |this: Tab, label: &'static str| {
        view! {
            <button
                type="button"
                class="tab"
                class:tab-active=move || tab.get() == this
                aria-pressed=move || (tab.get() == this).to_string()
                on:click=move |_| tab.set(this)
            >
                {label}
            </button>
        }
    };
    let body = move || {
        let (environments, clusters) = (environments.get()?, clusters.get()?);
        Some(if environments.is_empty() {
            hint("is-warning", "There are no environments yet: create them first, on the Environments page.")
        } else if clusters.is_empty() {
            hint("is-warning", "No cluster is managed yet: choose some on the Sites page.")
        } else {
            match tab.get() {
                Tab::Pick => {
                    let first = bind.environment.get_untracked().or(environments.first().map(|one| one.id));
                    view! { <Pick environments clusters drafts first /> }.erase()
                }
                Tab::Rules => {
                    let found = Callback::new(move |()| tab.set(Tab::Preview));
                    view! { <Rules environments clusters drafts found /> }.erase()
                }
                Tab::Preview => preview(environments, drafts),
            }
        })
    };
    let count = Memo::new(move |_| drafts.with(BTreeMap::len));
    view! {
        <form
            class="contents"
            on:submit=move |event| {
                event.prevent_default();
                if tab.get_untracked() == Tab::Preview { store() } else { tab.set(Tab::Preview) }
            }
        >
            <div class="dialog-body space-y-3">
                <div role="group" class="tabs tabs-border" aria-label="How to choose">
                    {tab_button(Tab::Pick, "Pick namespaces")} {tab_button(Tab::Rules, "By pattern")}
                    {tab_button(Tab::Preview, "Preview")}
                </div>
                {note(reading.problem)} {note(reading_clusters.problem)} {note(binding.problem)} {body}
            </div>
            <div class="dialog-foot">
                <span class="muted mr-auto" role="status">{move || format!("{} chosen", count.get())}</span>
                <button type="button" class="btn" on:click=move |_| bind.open.set(false)>"Cancel"</button>
                <button
                    type="submit"
                    class="btn btn-primary"
                    disabled=move || count.get() == 0 || binding.pending.get()
                >
                    {move || match (tab.get(), count.get()) {
                        (Tab::Preview, 1) => "Bind 1 namespace".to_owned(),
                        (Tab::Preview, count) => format!("Bind {count} namespaces"),
                        _ => "Preview".to_owned(),
                    }}
                </button>
            </div>
        </form>
    }
    .erase()
}

/// What will be bound to what; the application's name can be changed.
fn preview(environments: Vec<Environment>, drafts: Drafts) -> AnyView {
    let row = move |draft: Draft| {
        let (key, edited) = (draft.key(), draft.key());
        let environment = environments.iter().find(|one| one.id == draft.environment);
        view! {
            <tr>
                <th scope="row">
                    {draft.namespace.clone()}
                    {draft.error.clone().map(|error| view! { <span class="block text-xs font-normal text-error">{error}</span> })}
                </th>
                <td>{format!("{} · {}", draft.cluster.site_name, draft.cluster.name)}</td>
                <td>{environment.map(|one| env::chip(&one.name, &one.color))}</td>
                <td>
                    <input
                        class="input input-sm w-40"
                        aria-label=format!("Application of {}", draft.namespace)
                        value=draft.application.clone()
                        on:change=move |event| {
                            let application = event_target_value(&event);
                            drafts.update(|drafts| {
                                if let Some(draft) = drafts.get_mut(&edited) {
                                    draft.application = application;
                                }
                            });
                        }
                    />
                </td>
                <td>
                    <button
                        type="button"
                        class="btn btn-ghost btn-sm btn-square"
                        aria-label=format!("Leave {} out", draft.namespace)
                        on:click=move |_| drafts.update(|drafts| {
                            drafts.remove(&key);
                        })
                    >
                        {icon(lu::LuX)}
                    </button>
                </td>
            </tr>
        }
        .erase()
    };
    view! {
        <p class="muted">"The application is what pairs namespaces across environments: give the same name to what belongs together."</p>
        <div class="table-frame" tabindex="0" role="group" aria-label="What will be bound">
            <table class="data-table">
                <thead>
                    <tr>
                        <th scope="col">"Namespace"</th>
                        <th scope="col">"Cluster"</th>
                        <th scope="col">"Environment"</th>
                        <th scope="col">"Application"</th>
                        <th scope="col"><span class="sr-only">"Leave out"</span></th>
                    </tr>
                </thead>
                <tbody>
                    <For
                        each=move || drafts.get().into_values()
                        key=|draft| (draft.key(), draft.error.clone())
                        children=row
                    />
                </tbody>
            </table>
        </div>
    }
    .erase()
}
