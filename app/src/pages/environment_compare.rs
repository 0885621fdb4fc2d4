//! Two environments side by side, field by field.

use domain::{
    compare::{ComparedService, Comparison},
    environment::Environment,
    id::EnvironmentId,
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
            "Choose another one to see, service by service, which fields differ.",
            (),
        ),
        Some(found) if found.services.is_empty() => {
            empty("No difference", &format!("All {} services are the same in both.", found.same), ())
        }
        Some(found) => view(&found),
    };
    view! { {show(environments, nothing, chooser)} {show(compared, skeleton, table)} }.erase()
}

fn view(found: &Comparison) -> AnyView {
    let rows = found.services.iter().map(rows).collect_view();
    let words = format!("{} differ, {} are the same", found.services.len(), found.same);
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

fn rows(service: &ComparedService) -> AnyView {
    let count = service.fields.len();
    let value = |value: &Option<String>| match value {
        Some(value) => view! { <code class="mono">{value.clone()}</code> }.erase(),
        None => view! { <span class="muted">"not there"</span> }.erase(),
    };
    let rows = service.fields.iter().enumerate().map(|(n, field)| {
        let name = (n == 0).then(|| {
            view! {
                <th scope="rowgroup" rowspan=count.to_string() class="wrap align-top">
                    <span class="font-medium">{service.name.clone()}</span>
                    <span class="muted px-2 text-xs">{format!("{} · {}", service.application, service.kind)}</span>
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
