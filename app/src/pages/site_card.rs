//! One site with its state, its clusters, and what can be done with it.

use domain::{
    cluster::{Cluster, WatchState},
    site::{Site, SiteKind},
};
use leptos::prelude::*;

use super::sites::Dialogs;
use crate::components::erased::Erase;
use crate::{
    api,
    components::{
        empty::nothing,
        icon::{Icon, icon, lu},
        problem::hint,
        status, time, token,
    },
    live::{self, News},
    request::{answer, show},
};

/// A site as a card.
pub(super) fn view(site: &Site, dialogs: Dialogs) -> AnyView {
    let kind = match &site.kind {
        SiteKind::Rancher => "Rancher",
        SiteKind::Kubernetes => "Kubernetes",
        SiteKind::Local => "The server's machine",
        SiteKind::Unknown(word) => word,
    };
    let local = site.kind == SiteKind::Local;
    let state = if !site.active {
        view! { <span class="state is-quiet">{icon(lu::LuCirclePause)} "Switched off"</span> }
    } else if site.problem.is_some() {
        view! { <span class="state is-error">{icon(lu::LuCircleX)} "Trouble"</span> }
    } else {
        view! { <span class="state is-success">{icon(lu::LuCircleCheck)} {if local { "Available" } else { "Connected" }}</span> }
    };
    let facts = [
        site.server_version.as_ref().map(|version| format!("version {version}")),
        site.signed_in_as.as_ref().map(|who| format!("signed in as {who}")),
    ];
    let facts: Vec<String> = facts.into_iter().flatten().collect();
    let action = |label: &'static str, sign: Icon, act: fn(Dialogs, &Site)| {
        let site = site.clone();
        view! {
            <button type="button" class="btn btn-ghost btn-sm" on:click=move |_| act(dialogs, &site)>
                {icon(sign)}
                {label}
                <span class="sr-only">{format!(" {}", site.name)}</span>
            </button>
        }
    };
    view! {
        <article class="surface p-4">
            <div class="flex flex-wrap items-center gap-x-3 gap-y-1">
                <h2>{site.name.clone()}</h2>
                <span class="badge badge-sm">{kind.to_owned()}</span>
                {state}
                <span class="ml-auto flex flex-wrap">
                    {if local {
                        action("New cluster", lu::LuPlus, Dialogs::make_cluster).into_any()
                    } else {
                        action("Test", lu::LuActivity, Dialogs::test).into_any()
                    }}
                    {action("Clusters", lu::LuServer, Dialogs::choose)}
                    {action("Edit", lu::LuPencil, Dialogs::edit)}
                    {action(if site.active { "Switch off" } else { "Switch on" }, lu::LuPower, Dialogs::switch)}
                    {(!local).then(|| action("Delete", lu::LuTrash2, Dialogs::delete))}
                </span>
            </div>
            <p class="muted mono text-xs">{site.url.clone()}</p>
            <p class="muted text-xs">{facts.join(" · ")}</p>
            <div class="mt-2 space-y-2">
                {site.problem.clone().map(|problem| hint("is-error", problem))} {site.token_expires_at.map(token::expiry)}
            </div>
            {clusters(site)}
        </article>
    }
    .erase()
}

fn clusters(site: &Site) -> AnyView {
    let id = site.id;
    let clusters = answer(move || id, live::tick(News::of_sites), api::cluster::list);
    let none = match site.kind {
        SiteKind::Local => "Nothing runs here yet: make a cluster, and services in it.",
        _ => "No cluster is managed yet: choose some under Clusters.",
    };
    let list = move |found: Vec<Cluster>| {
        let managed: Vec<&Cluster> = found.iter().filter(|cluster| cluster.managed).collect();
        if managed.is_empty() {
            return hint("is-info", none);
        }
        view! { <ul class="clusters" aria-label="Managed clusters">{managed.into_iter().map(cluster).collect_view()}</ul> }.erase()
    };
    show(clusters, nothing, list)
}

fn cluster(one: &Cluster) -> AnyView {
    let status::Look { class, icon: sign, word } = status::cluster(one);
    let said = word.clone();
    let message = one.message.clone().filter(|_| one.watch == WatchState::Live || class == "is-warning");
    let since = one
        .stale_since
        .filter(|_| one.watch != WatchState::Idle)
        .map(|since| view! { <span class="muted text-xs">" since " {time::ago(since)}</span> });
    view! {
        <li>
            <span class=format!("state {class}")>{icon(sign)} <span class="sr-only">{said}</span></span>
            <span class="font-medium">{one.name.clone()}</span>
            <span class="muted text-xs">{one.kubernetes_version.clone()}</span>
            <span class="muted text-xs" aria-hidden="true">{word}</span>
            {since}
            {message.map(|message| view! { <p class="muted text-xs">{message}</p> })}
        </li>
    }
    .erase()
}
