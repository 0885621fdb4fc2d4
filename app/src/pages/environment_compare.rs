//! Two environments side by side, field by field; or the same one in two of its clusters.

use std::collections::BTreeSet;

use domain::{
    app_instance::AppInstance,
    compare::{ComparedField, Comparison},
    environment::Environment,
    id::{ClusterId, EnvironmentId},
    variable::ComparedVariable,
};
use leptos::prelude::*;
use leptos_router::hooks::{use_navigate, use_query_map};

use crate::components::erased::Erase;
use crate::{
    api,
    components::{
        empty::{empty, nothing, skeleton},
        filters::{parsed, value},
        pager::with_query,
    },
    live,
    request::{answer, show},
};

/// What is chosen from: values and what they are called.
type Options = Vec<(String, String)>;

#[component]
pub(crate) fn Compare(environment: EnvironmentId) -> impl IntoView {
    let query = use_query_map();
    let with = Memo::new(move |_| query.with(|query| parsed::<EnvironmentId>(query, "with")));
    let cluster =
        move |name: &'static str| Memo::new(move |_| query.with(|query| parsed::<ClusterId>(query, name)));
    let (here, there) = (cluster("cluster"), cluster("withCluster"));
    let bound = || live::tick(|news| news.of_kind("app_instance.") || news.of_kind("environment."));
    let environments = answer(|| (), bound(), |()| api::environment::list());
    let own = answer(|| (), bound(), move |()| api::app_instance::list(Some(environment)));
    let others = answer(
        move || with.get(),
        bound(),
        |with| async move {
            match with {
                Some(with) => api::app_instance::list(Some(with)).await,
                None => Ok(Vec::new()),
            }
        },
    );
    let sides = move |all: Vec<Environment>| {
        let named = |one: Environment| {
            let itself = if one.id == environment { " (itself, across its clusters)" } else { "" };
            (one.id.to_string(), format!("{}{itself}", one.name))
        };
        let options = all.into_iter().map(named).collect();
        choose(environment, "Compare with", "with", "Choose an environment…", options)
    };
    let of_clusters = move |label, name| {
        move |found: Vec<AppInstance>| match clusters(found) {
            found if found.len() < 2 => nothing(),
            found => choose(environment, label, name, "All its clusters", found),
        }
    };
    let concerns = move |news: &live::News| {
        news.of_environment(environment) || with.get_untracked().is_some_and(|with| news.of_environment(with))
    };
    let compared = answer(
        move || (here.get(), with.get(), there.get()),
        live::tick_of_rows(concerns),
        move |(here, with, there)| async move {
            match with {
                Some(with) => api::revision::compare(environment, here, with, there).await.map(Some),
                None => Ok(None),
            }
        },
    );
    let table = |found: Option<Comparison>| match found {
        None => empty(
            "Two environments side by side",
            "Choose another one to see, service by service, which fields differ, and so variables and settings; or this one, to compare two of its clusters.",
            (),
        ),
        Some(found)
            if found.services.is_empty() && found.variables.is_empty() && found.settings.is_empty() =>
        {
            empty("No difference", &format!("All {} services are the same in both.", found.same), ())
        }
        Some(found) => view(&found),
    };
    view! {
        <div class="mb-3 flex flex-wrap items-center gap-x-4 gap-y-2">
            {show(own, nothing, of_clusters("In", "cluster"))} {show(environments, nothing, sides)}
            {show(others, nothing, of_clusters("there in", "withCluster"))}
        </div>
        {show(compared, skeleton, table)}
    }
    .erase()
}

/// The clusters of app instances, by name.
fn clusters(instances: Vec<AppInstance>) -> Options {
    let found: BTreeSet<_> =
        instances.into_iter().map(|one| (one.cluster, one.cluster_id.to_string())).collect();
    found.into_iter().map(|(name, id)| (id, name)).collect()
}

/// A choice that is kept in the address.
fn choose(
    environment: EnvironmentId,
    label: &'static str,
    name: &'static str,
    none: &'static str,
    options: Options,
) -> AnyView {
    let query = use_query_map();
    let go = StoredValue::new(use_navigate());
    let chosen = move |event| {
        let chosen = Some(event_target_value(&event)).filter(|chosen| !chosen.is_empty());
        let query = query.with_untracked(|query| with_query(query, &[(name, chosen)]));
        go.with_value(|go| go(&format!("/environments/{environment}{query}"), Default::default()));
    };
    let options = options.into_iter().map(|(id, words)| {
        let this = id.clone();
        let selected = move || query.with(|query| value(query, name).as_ref() == Some(&this));
        view! { <option value=id selected=selected>{words}</option> }
    });
    view! {
        <label class="flex items-center gap-2">
            <span>{label}</span>
            <select class="select select-sm w-56" on:change=chosen>
                <option value="">{none}</option>
                {options.collect_view()}
            </select>
        </label>
    }
    .erase()
}

fn view(found: &Comparison) -> AnyView {
    let of_services = found.services.iter().map(|service| {
        rows(&service.name, &format!("{} · {}", service.application, service.kind), &service.fields)
    });
    let of_services = of_services.collect_view();
    let variables: Vec<ComparedField> = found.variables.iter().map(variable).collect();
    let rows =
        view! { {of_services} {rows("Variables", "", &variables)} {rows("Settings", "", &found.settings)} };
    let words = format!("{} services differ, {} are the same", found.services.len(), found.same);
    view! {
        <p class="muted mb-2">{words}</p>
        <div class="surface">
            <div class="table-frame" tabindex="0" role="group" aria-label="What differs">
                <table class="data-table">
                    <thead>
                        <tr>
                            <th scope="col">"Service"</th>
                            <th scope="col">"Field"</th>
                            <th scope="col">{found.left_name.clone()}</th>
                            <th scope="col">{found.right_name.clone()}</th>
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </div>
        </div>
    }
    .erase()
}

/// A variable like any other field; of a secret no more than whether there is one.
fn variable(variable: &ComparedVariable) -> ComparedField {
    let side = |there: bool, value: &Option<String>| {
        there.then(|| value.clone().unwrap_or_else(|| "secret, with a value of its own".to_owned()))
    };
    ComparedField {
        field: variable.name.clone(),
        left: side(variable.in_left, &variable.left),
        right: side(variable.in_right, &variable.right),
    }
}

fn rows(name: &str, more: &str, fields: &[ComparedField]) -> AnyView {
    let count = fields.len();
    let value = |value: &Option<String>| match value {
        Some(value) => view! { <code class="mono">{value.clone()}</code> }.erase(),
        None => view! { <span class="muted">"not there"</span> }.erase(),
    };
    let several = count > 1;
    let rows = fields.iter().enumerate().map(|(n, field)| {
        let name = (n == 0).then(|| {
            view! {
                <th scope="rowgroup" rowspan=count.to_string() class="wrap" class:align-top=several>
                    <span class="font-medium">{name.to_owned()}</span>
                    <span class="muted px-2 text-xs">{more.to_owned()}</span>
                </th>
            }
        });
        view! {
            <tr>
                {name}
                <td class="muted">{field.field.clone()}</td>
                <td class="wrap">{value(&field.left)}</td>
                <td class="wrap">{value(&field.right)}</td>
            </tr>
        }
    });
    rows.collect_view().into_any()
}
