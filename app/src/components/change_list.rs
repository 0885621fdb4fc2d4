//! What differs between two contents of an environment, as a table.

use domain::revision::{ChangeKind, EntryChange};
use leptos::prelude::*;

use crate::components::erased::Erase;
use crate::components::tag::tag;

/// Workloads that differ, with the versions of both sides.
pub(crate) fn view(changes: &[EntryChange], before: &'static str, after: &'static str) -> AnyView {
    let rows = changes.iter().map(row).collect_view();
    view! {
        <div class="table-frame" tabindex="0" role="group" aria-label="What differs">
            <table class="data-table">
                <thead>
                    <tr>
                        <th scope="col">"Service"</th>
                        <th scope="col" class="if-roomy">"Namespace"</th>
                        <th scope="col">{before}</th>
                        <th scope="col">{after}</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
    }
    .erase()
}

fn row(change: &EntryChange) -> AnyView {
    let named = change.images.len() > 1;
    let side = |first: bool| {
        let images = change.images.iter().map(|image| {
            let (from, to) = image.versions();
            let (version, whole) = if first { (from, &image.from) } else { (to, &image.to) };
            let name = named.then(|| view! { <span class="muted">{format!("{} ", image.container)}</span> });
            let version = match whole {
                Some(whole) => tag(&version, whole),
                None => view! { <span class="muted">"–"</span> }.erase(),
            };
            view! { <span class="block">{name}{version}</span> }
        });
        let replicas = change.replicas.map(|replicas| {
            let count = if first { replicas.from } else { Some(replicas.to) };
            let count = count.map_or_else(|| "–".to_owned(), |count| count.to_string());
            view! { <span class="block">{format!("{count} replicas")}</span> }
        });
        (images.collect_view(), replicas)
    };
    let word = match change.change {
        ChangeKind::Added => Some("added"),
        ChangeKind::Removed => Some("removed"),
        _ => None,
    };
    let definition = change.definition.iter().map(|field| {
        view! { <span class="muted block text-xs">{field.to_string()}</span> }
    });
    let definition = definition.collect_view();
    view! {
        <tr>
            <th scope="row" class="wrap">
                <span class="font-medium">{change.name.clone()}</span>
                <span class="muted px-2 text-xs">{change.kind.to_string()}</span>
                {word.map(|word| view! { <span class="badge badge-sm">{word}</span> })}
                {definition}
            </th>
            <td class="if-roomy">{change.app_instance.clone()}</td>
            <td>{side(true)}</td>
            <td>{side(false)}</td>
        </tr>
    }
    .erase()
}
