//! The exact diff that is confirmed: per service and container the version now and the one to come.

use std::collections::BTreeSet;

use domain::{
    app_instance::AppInstance,
    id::{AppInstanceId, ServiceId},
    sync::{ContainerChange, Exception, PreviewItem, SyncRequest},
};
use leptos::prelude::*;

use crate::api::sync::{ITEMS, Shown};
use crate::components::erased::Erase;
use crate::components::{
    icon::{icon, lu},
    pager::count,
    status,
    tag::tag,
    variable_list,
};

/// What can be chosen in a preview.
#[derive(Clone, Copy)]
pub(crate) struct Ticks {
    /// What was unticked.
    pub(crate) left_out: RwSignal<BTreeSet<Exception>>,
    /// The target's app instances, for pairings by hand.
    pub(crate) instances: RwSignal<Option<Vec<AppInstance>>>,
    /// Pairs a service with an app instance by hand.
    pub(crate) pair: Callback<(ServiceId, Option<AppInstanceId>)>,
    /// Shows another page.
    pub(crate) turn: Callback<usize>,
}

/// The preview as a table: what changes first, then what does not, with the reason.
pub(crate) fn view(preview: &Shown, ticks: Ticks) -> AnyView {
    let undo = preview.undo_of.is_some();
    let within = preview.request.source_environment_id == preview.request.target_environment_id;
    let rows = preview.items.iter().map(|item| {
        let pairing = match within {
            true => Pairing::Fixed,
            false if paired_by_hand(&preview.request, item.service_id) => Pairing::ByHand,
            false => Pairing::ByName,
        };
        row(item, !undo, pairing, ticks)
    });
    let rows = rows.collect_view();
    let changing = preview.changing;
    let revision = preview.deploy.as_ref().and_then(|deploy| deploy.revision);
    let revision =
        revision.map(|number| view! { <span class="badge badge-sm">{format!("revision {number}")}</span> });
    let summary = match preview.total - changing {
        0 => format!("{} to change", count(changing as u64)),
        rest => format!("{} to change · {} left as they are", count(changing as u64), count(rest as u64)),
    };
    view! {
        <div class="flex flex-wrap items-center gap-2">
            {(!within).then(|| view! {
                <strong>{preview.source_name.clone()}</strong>
                {icon(lu::LuArrowRight)}
                <span class="sr-only">"to"</span>
            })}
            <strong>{preview.target_name.clone()}</strong>
            {revision}
            <span class="muted">{summary}</span>
            {(preview.total > ITEMS).then(|| pages(preview, ticks.turn))}
        </div>
        <p class="muted text-xs">
            "What is not shown here stays as it is."
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

/// Which items of how many, and the ways to the others.
fn pages(preview: &Shown, turn: Callback<usize>) -> AnyView {
    let (page, last) = (preview.page, preview.total.div_ceil(ITEMS) - 1);
    let first = page * ITEMS;
    let words = [first + 1, first + preview.items.len(), preview.total].map(|number| count(number as u64));
    let words = format!("{}–{} of {}", words[0], words[1], words[2]);
    let step = |to: Option<usize>, label: &'static str, sign| {
        view! {
            <button
                type="button"
                class="btn btn-ghost btn-sm"
                aria-label=label
                disabled=to.is_none()
                on:click=move |_| turn.run(to.unwrap_or_default())
            >
                {icon(sign)}
            </button>
        }
    };
    view! {
        <nav class="ml-auto flex items-center gap-1" aria-label="Pages of the preview">
            <span class="muted num">{words}</span>
            {step(page.checked_sub(1), "Previous page", lu::LuChevronLeft)}
            {step((page < last).then_some(page + 1), "Next page", lu::LuChevronRight)}
        </nav>
    }
    .erase()
}

/// Whether a service's target was chosen by hand.
fn paired_by_hand(request: &SyncRequest, service: ServiceId) -> bool {
    let mut pairs = request.service_ids.iter().zip(&request.target_app_instances);
    pairs.any(|(id, chosen)| *id == service && chosen.is_some())
}

/// How an item's target was found.
#[derive(Clone, Copy, PartialEq)]
enum Pairing {
    ByName,
    ByHand,
    /// There is no other.
    Fixed,
}

fn row(item: &PreviewItem, optional: bool, pairing: Pairing, ticks: Ticks) -> AnyView {
    let service = item.service_id;
    let changes = item.will_change();
    let this = Exception::of(item);
    let of_tick = this.clone();
    let tick = move |event| {
        let ticked = event_target_checked(&event);
        ticks.left_out.update(|left_out| {
            if ticked {
                left_out.remove(&of_tick)
            } else {
                left_out.insert(of_tick.clone())
            };
        });
    };
    let ticked = move || changes && !ticks.left_out.with(|left_out| left_out.contains(&this));
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
                <span class="muted block text-xs">
                    {item.original.as_ref().map(|original| format!("{} → ", original.cluster))} {target.cluster.clone()}
                </span>
                {(pairing != Pairing::Fixed).then(|| another(service, pairing == Pairing::ByHand, ticks))}
            }
            .erase(),
            item.scale.map_or(target.replicas.to_string(), |scale| format!("{} → {}", scale.from, scale.to)),
        ),
        None if pairing == Pairing::Fixed => (().into_any(), String::new()),
        None => (choose(item.service_id, ticks), String::new()),
    };
    view! {
        <tr class:left-out=!changes>
            <td>
                <input
                    type="checkbox"
                    class="checkbox checkbox-sm"
                    aria-label=format!("Bring {} along", item.name)
                    disabled=!changes || !optional || item.original.is_some()
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
        {(!item.variables.is_empty())
            .then(|| {
                view! {
                    <tr class="warnings">
                        <td></td>
                        <td colspan="6" class="wrap">
                            {variable_list::view(&item.variables)}
                        </td>
                    </tr>
                }
            })}
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
        true => Some(choose(service, ticks)),
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
fn choose(service: ServiceId, ticks: Ticks) -> AnyView {
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
