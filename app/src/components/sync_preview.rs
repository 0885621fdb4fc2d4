//! The exact diff that is confirmed: per service and container the version now and the one to come.

use std::collections::BTreeSet;

use domain::{
    app_instance::AppInstance,
    id::{AppInstanceId, ServiceId},
    sync::{ContainerChange, Preview, PreviewItem},
};
use leptos::prelude::*;

use crate::components::erased::Erase;
use crate::components::{
    icon::{icon, lu},
    status,
    tag::tag,
};

/// What can be chosen in a preview.
#[derive(Clone, Copy)]
pub(crate) struct Ticks {
    /// Positions of items that were unticked.
    pub(crate) left_out: RwSignal<BTreeSet<usize>>,
    /// The target's app instances, for pairings by hand.
    pub(crate) instances: RwSignal<Option<Vec<AppInstance>>>,
    /// Pairs a service with an app instance by hand.
    pub(crate) pair: Callback<(ServiceId, Option<AppInstanceId>)>,
}

/// The preview as a table: what changes first, then what does not, with the reason.
pub(crate) fn view(preview: &Preview, ticks: Ticks) -> AnyView {
    let mut items: Vec<(usize, &PreviewItem)> = preview.items.iter().enumerate().collect();
    items.sort_by_key(|(at, item)| (!item.will_change(), *at));
    let changing = preview.changes().count();
    let rest = preview.items.len() - changing;
    let undo = preview.undo_of.is_some();
    let rows = items.into_iter().map(|(at, item)| {
        let by_hand = preview.paired_by_hand(item.service_id);
        row(at, item, undo, by_hand, ticks)
    });
    let rows = rows.collect_view();
    let summary = match rest {
        0 => format!("{changing} to change"),
        _ => format!("{changing} to change · {rest} left as they are"),
    };
    view! {
        <div class="flex flex-wrap items-center gap-2">
            <strong>{preview.source_name.clone()}</strong>
            {icon(lu::LuArrowRight)}
            <span class="sr-only">"to"</span>
            <strong>{preview.target_name.clone()}</strong>
            <span class="muted">{summary}</span>
        </div>
        <p class="muted text-xs">
            "Only the version moves. Repository, replicas and everything else of the target stay as they are."
        </p>
        <div class="table-frame" tabindex="0" role="group" aria-label="What would change">
            <table class="data-table">
                <thead>
                    <tr>
                        <th scope="col" class="w-8"><span class="sr-only">"Bring along"</span></th>
                        <th scope="col">"Service"</th>
                        <th scope="col">"Now"</th>
                        <th scope="col" class="if-roomy"><span class="sr-only">"becomes"</span></th>
                        <th scope="col">"To come"</th>
                        <th scope="col">"Where"</th>
                        <th scope="col" class="num">"Replicas"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
    }
    .erase()
}

fn row(at: usize, item: &PreviewItem, undo: bool, by_hand: bool, ticks: Ticks) -> AnyView {
    let service = item.service_id;
    let changes = item.will_change();
    let tick = move |event| {
        let ticked = event_target_checked(&event);
        ticks.left_out.update(|left_out| {
            if ticked {
                left_out.remove(&at)
            } else {
                left_out.insert(at)
            };
        });
    };
    let ticked = move || changes && !ticks.left_out.with(|left_out| left_out.contains(&at));
    let warnings = item.warnings.iter().map(|warning| {
        let look = status::severity(&warning.severity);
        view! {
            <li class=format!("warning {}", look.class)>
                {icon(look.icon)}
                <span><span class="font-medium">{look.word}": "</span>{warning.message.clone()}</span>
            </li>
        }
    });
    let warnings = warnings.collect_view();
    let name = view! {
        <span class="font-medium">{item.name.clone()}</span>
        <span class="muted block text-xs">{format!("{} · {}", item.application, item.kind)}</span>
    };
    let (place, replicas) = match &item.target {
        Some(target) => (
            view! {
                <span class="block">{target.namespace.clone()}</span>
                <span class="muted block text-xs">{target.cluster.clone()}</span>
                {(!undo).then(|| another(service, by_hand, ticks))}
            }
            .erase(),
            target.replicas.to_string(),
        ),
        None if undo => (().into_any(), String::new()),
        None => (pairing(item.service_id, ticks), String::new()),
    };
    view! {
        <tr class:left-out=!changes>
            <td>
                <input
                    type="checkbox"
                    class="checkbox checkbox-sm"
                    aria-label=format!("Bring {} along", item.name)
                    disabled=!changes || undo
                    prop:checked=ticked
                    on:change=tick
                />
            </td>
            <th scope="row" class="wrap">
                {name}
            </th>
            <td>{versions(&item.containers, |change| (&change.from_version, &change.from))}</td>
            <td class="if-roomy muted">{icon(lu::LuArrowRight)}</td>
            <td>{versions(&item.containers, |change| (&change.to_version, &change.to))}</td>
            <td class="wrap">{place}</td>
            <td class="num">{replicas}</td>
        </tr>
        {(!item.warnings.is_empty())
            .then(|| {
                view! {
                    <tr class="warnings">
                        <td></td>
                        <td colspan="6" class="wrap">
                            <ul class="space-y-1">{warnings}</ul>
                        </td>
                    </tr>
                }
            })}
    }
    .erase()
}

fn versions(containers: &[ContainerChange], of: impl Fn(&ContainerChange) -> (&String, &String)) -> AnyView {
    let named = containers.len() > 1;
    containers
        .iter()
        .map(|change| {
            let (version, image) = of(change);
            let name = named.then(|| view! { <span class="muted">{format!("{} ", change.name)}</span> });
            view! { <span class="block" class:muted=!change.moves()>{name}{tag(version, image)}</span> }
        })
        .collect_view()
        .into_any()
}

/// The way to another target than the one that was found; from one chosen by hand it leads back.
fn another(service: ServiceId, by_hand: bool, ticks: Ticks) -> AnyView {
    let choosing = RwSignal::new(false);
    let begin = move |_| match by_hand {
        true => ticks.pair.run((service, None)),
        false => choosing.set(true),
    };
    let label = if by_hand { "Pair by name" } else { "Choose another" };
    let several = move || ticks.instances.with(|all| all.as_ref().is_some_and(|all| all.len() > 1));
    (move || match choosing.get() {
        true => Some(pairing(service, ticks)),
        false => (by_hand || several()).then(|| {
            view! {
                <button type="button" class="link link-hover muted text-xs" on:click=begin>
                    {label}
                </button>
            }
            .erase()
        }),
    })
    .into_any()
}

/// A field to choose a target by hand.
fn pairing(service: ServiceId, ticks: Ticks) -> AnyView {
    let options = move || {
        let option = |instance: AppInstance| {
            view! {
                <option value=instance.id.to_string()>
                    {format!("{} ({})", instance.namespace, instance.cluster)}
                </option>
            }
        };
        ticks.instances.get().unwrap_or_default().into_iter().map(option).collect_view()
    };
    view! {
        <select
            class="select select-sm w-48"
            aria-label="Bring it to"
            on:change=move |event| ticks.pair.run((service, event_target_value(&event).parse().ok()))
        >
            <option value="">"Choose a target…"</option>
            {options}
        </select>
    }
    .erase()
}
