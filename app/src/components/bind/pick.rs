//! Choosing namespaces by ticking them, or all that match a pattern.

use std::collections::BTreeMap;

use domain::{
    cluster::{Cluster, Namespace},
    environment::Environment,
    id::{ClusterId, EnvironmentId},
    pattern,
};
use leptos::prelude::*;

use super::draft::{Draft, Drafts};
use crate::components::erased::Erase;
use crate::{
    api,
    components::{empty::skeleton, problem::note},
    request::Request,
};

/// One cluster's namespaces at a time, for one environment; what is ticked adds up.
#[component]
pub(crate) fn Pick(
    /// The environments to choose from.
    environments: Vec<Environment>,
    /// The managed clusters.
    clusters: Vec<Cluster>,
    /// What has been chosen.
    drafts: Drafts,
    /// The environment to begin with.
    first: Option<EnvironmentId>,
) -> impl IntoView {
    let request = Request::new();
    let environment = RwSignal::new(first);
    let cluster = RwSignal::new(clusters.first().map(|cluster| cluster.id));
    let namespaces = RwSignal::new(None::<Vec<Namespace>>);
    let search = RwSignal::new(String::new());
    let select_pattern = RwSignal::new(String::new());
    let all = StoredValue::new(clusters.clone());
    let names = StoredValue::new(environments.clone());
    let current = move |id: ClusterId| all.with_value(|all| all.iter().find(|one| one.id == id).cloned());
    let look = move |id: ClusterId| {
        namespaces.set(None);
        if let Some(found) = current(id) {
            request.send(api::cluster::namespaces(found.site_id, id.to_string()), move |list| {
                namespaces.set(Some(list))
            });
        }
    };
    cluster.get_untracked().into_iter().for_each(look);
    let set = move |namespace: &Namespace, on: bool| {
        let (Some(cluster), Some(environment)) =
            (cluster.get_untracked().and_then(current), environment.get_untracked())
        else {
            return;
        };
        let draft = Draft::new(&cluster, namespace, environment);
        drafts.update(|drafts| {
            if on {
                drafts.insert(draft.key(), draft)
            } else {
                drafts.remove(&draft.key())
            };
        });
    };
    let fits = move |namespace: &Namespace| search.with(|text| namespace.name.contains(text.trim()));
    let tick_matching = move || {
        let pattern = select_pattern.get_untracked();
        for namespace in namespaces.get_untracked().unwrap_or_default() {
            if namespace.environment.is_none() && pattern::matches(pattern.trim(), &namespace.name) {
                set(&namespace, true);
            }
        }
    };
    // Which environment a ticked namespace is meant for.
    let meant = move |name: &str| {
        let key = format!("{}/{name}", cluster.get()?);
        drafts.with(|drafts| drafts.get(&key).map(|draft| draft.environment))
    };
    let one = move |namespace: Namespace| {
        let bound = namespace.environment.clone();
        let name = StoredValue::new(namespace.name.clone());
        let words = move || {
            let id = name.with_value(|name| meant(name))?;
            names.with_value(|names| {
                names.iter().find(|one| one.id == id).map(|one| format!("→ {}", one.name))
            })
        };
        let words = match &bound {
            Some(environment) => {
                view! { <span class="muted text-xs">{format!("already in {environment}")}</span> }.erase()
            }
            None => view! { <span class="muted text-xs">{words}</span> }.erase(),
        };
        view! {
            <li>
                <label class="choice">
                    <input
                        type="checkbox"
                        class="checkbox checkbox-sm"
                        disabled=bound.is_some()
                        prop:checked=move || name.with_value(|name| meant(name)).is_some()
                        on:change=move |event| set(&namespace, event_target_checked(&event))
                    />
                    <span class="mono">{name.get_value()}</span>
                    {words}
                </label>
            </li>
        }
    };
    let list = move || {
        let mut projects = BTreeMap::<String, Vec<Namespace>>::new();
        for namespace in namespaces.get()?.into_iter().filter(fits) {
            projects.entry(namespace.project.clone().unwrap_or_default()).or_default().push(namespace);
        }
        if projects.is_empty() {
            return Some(view! { <p class="muted">"No namespace matches."</p> }.erase());
        }
        let groups = projects.into_iter().map(|(project, namespaces)| {
            let title = if project.is_empty() { "No project".to_owned() } else { project };
            let free: Vec<Namespace> =
                namespaces.iter().filter(|namespace| namespace.environment.is_none()).cloned().collect();
            let names: Vec<String> = free.iter().map(|namespace| namespace.name.clone()).collect();
            let none_free = names.is_empty();
            let all = move || !names.is_empty() && names.iter().all(|name| meant(name).is_some());
            let rows = namespaces.into_iter().map(one).collect_view();
            view! {
                <fieldset>
                    <legend>
                        <label class="choice muted text-xs">
                            <input
                                type="checkbox"
                                class="checkbox checkbox-xs"
                                disabled=none_free
                                prop:checked=all
                                on:change=move |event| {
                                    let on = event_target_checked(&event);
                                    free.iter().for_each(|namespace| set(namespace, on));
                                }
                            />
                            {title}
                        </label>
                    </legend>
                    <ul class="pick-list">{rows}</ul>
                </fieldset>
            }
        });
        Some(groups.collect_view().into_any())
    };
    // A token for some namespaces only may use them, and not list them.
    let named = RwSignal::new(String::new());
    let add = move || {
        let name = named.get_untracked().trim().to_owned();
        if !name.is_empty() {
            let suggested_application = pattern::suggest_application(&name);
            set(&Namespace { name, project: None, environment: None, suggested_application }, true);
            named.set(String::new());
        }
    };
    let by_name = move || {
        view! {
            <span class="joined">
                <input
                    class="input input-sm mono w-48"
                    aria-label="A namespace by name"
                    placeholder="namespace"
                    prop:value=move || named.get()
                    on:input=move |event| named.set(event_target_value(&event))
                />
                <button type="button" class="btn btn-sm" on:click=move |_| add()>"Add by name"</button>
            </span>
        }
    };
    let environment_options = environments.iter().map(|one| {
        let id = one.id;
        view! { <option value=id.to_string() prop:selected=move || environment.get() == Some(id)>{one.name.clone()}</option> }
    });
    let cluster_options = clusters.iter().map(|one| {
        view! { <option value=one.id.to_string()>{format!("{} · {}", one.site_name, one.name)}</option> }
    });
    view! {
        <div class="flex flex-wrap items-center gap-2">
            <label class="select select-sm w-auto">
                <span class="label">"Into"</span>
                <select on:change=move |event| environment.set(event_target_value(&event).parse().ok())>
                    {environment_options.collect_view()}
                </select>
            </label>
            <label class="select select-sm w-auto">
                <span class="label">"Cluster"</span>
                <select on:change=move |event| {
                    cluster.set(event_target_value(&event).parse().ok());
                    cluster.get_untracked().into_iter().for_each(look);
                }>{cluster_options.collect_view()}</select>
            </label>
            <input
                type="search"
                class="input input-sm w-48"
                aria-label="Search namespaces"
                placeholder="Search namespaces"
                prop:value=move || search.get()
                on:input=move |event| search.set(event_target_value(&event))
            />
            <span class="joined">
                <input
                    class="input input-sm mono w-32"
                    aria-label="Pattern"
                    placeholder="*-dev"
                    prop:value=move || select_pattern.get()
                    on:input=move |event| select_pattern.set(event_target_value(&event))
                />
                <button type="button" class="btn btn-sm" on:click=move |_| tick_matching()>"Tick matching"</button>
            </span>
        </div>
        {note(request.problem)}
        {move || request.problem.with(Option::is_some).then(by_name)}
        {move || request.pending.get().then(skeleton)}
        {list}
    }
    .erase()
}
