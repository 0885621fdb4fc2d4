//! Two environments side by side, field by field.

use domain::{
    compare::{ComparedField, Comparison},
    environment::Environment,
    id::EnvironmentId,
    variable::ComparedVariable,
};
use leptos::prelude::*;
use leptos_router::hooks::{use_navigate, use_query_map};

use crate::components::erased::Erase;
use crate::{
    api,
    components::{
        empty::{empty, nothing, skeleton},
        filters::parsed,
    },
    live,
    request::{answer, show},
};

#[component]
pub(crate) fn Compare(environment: EnvironmentId) -> impl IntoView {
    let query = use_query_map();
    let with = Memo::new(move |_| query.with(|query| parsed::<EnvironmentId>(query, "with")));
    let environments =
        answer(|| (), live::tick(|news| news.of_kind("environment.")), |()| api::environment::list());
    let chooser = move |all: Vec<Environment>| {
        let go = StoredValue::new(use_navigate());
        let chosen = move |event| {
            let other = event_target_value(&event);
            let to = format!("/environments/{environment}?tab=compare&with={other}");
            go.with_value(|go| go(&to, Default::default()));
        };
        let options = all.into_iter().filter(|one| one.id != environment).map(|one| {
            let selected = move || with.get() == Some(one.id);
            view! { <option value=one.id.to_string() selected=selected>{one.name}</option> }
        });
        view! {
            <label class="mb-3 flex items-center gap-2">
                <span>"Compare with"</span>
                <select class="select select-sm w-56" on:change=chosen>
                    <option value="">"Choose an environment…"</option>
                    {options.collect_view()}
                </select>
            </label>
        }
        .erase()
    };
    let concerns = move |news: &live::News| {
        news.of_environment(environment) || with.get_untracked().is_some_and(|with| news.of_environment(with))
    };
    let compared = answer(
        move || with.get(),
        live::tick_of_rows(concerns),
        move |with| async move {
            match with {
                Some(with) => api::revision::compare(environment, with).await.map(Some),
                None => Ok(None),
            }
        },
    );
    let table = |found: Option<Comparison>| match found {
        None => empty(
            "Two environments side by side",
            "Choose another one to see, service by service, which fields differ, and so variables and settings.",
            (),
        ),
        Some(found)
            if found.services.is_empty() && found.variables.is_empty() && found.settings.is_empty() =>
        {
            empty("No difference", &format!("All {} services are the same in both.", found.same), ())
        }
        Some(found) => view(&found),
    };
    view! { {show(environments, nothing, chooser)} {show(compared, skeleton, table)} }.erase()
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
    let rows = fields.iter().enumerate().map(|(n, field)| {
        let name = (n == 0).then(|| {
            view! {
                <th scope="rowgroup" rowspan=count.to_string() class="wrap align-top">
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
