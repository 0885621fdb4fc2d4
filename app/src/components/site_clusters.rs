//! Choosing the clusters of a site to manage.

use std::collections::BTreeSet;

use domain::{
    cluster::{Cluster, ClusterState},
    id::{ClusterId, SiteId},
};
use leptos::prelude::*;

use crate::components::erased::Erase;
use crate::{
    api, browser,
    components::{
        empty::skeleton,
        icon::{icon, lu},
        problem::{hint, note},
    },
    live,
    request::Request,
};

/// A site's clusters, asked for now, to tick. Body and foot of a dialog.
#[component]
pub(crate) fn ChooseClusters(
    /// The site.
    site: SiteId,
    /// Called when the choice is stored.
    done: Callback<()>,
) -> impl IntoView {
    let (finding, storing) = (Request::new(), Request::new());
    let clusters = RwSignal::new(None::<Vec<Cluster>>);
    let ticked = RwSignal::new(BTreeSet::<ClusterId>::new());
    let search = RwSignal::new(String::new());
    let look = move || {
        finding.send(api::cluster::discover(site), move |found| {
            let chosen_before = found.iter().any(|cluster| cluster.managed);
            let tick = found.iter().filter(|cluster| match chosen_before {
                true => cluster.managed,
                false => cluster.state == ClusterState::Active,
            });
            ticked.set(tick.map(|cluster| cluster.id).collect());
            clusters.set(Some(found));
            browser::settle_focus(false);
        });
    };
    look();
    let shown = move || {
        let text = search.get().to_lowercase();
        let found = clusters.get().unwrap_or_default();
        found.into_iter().filter(|cluster| cluster.name.to_lowercase().contains(&text)).collect::<Vec<_>>()
    };
    let list = move || {
        let found = clusters.with(|clusters| clusters.as_ref().map(Vec::len))?;
        if found == 0 {
            return Some(hint("is-warning", "This site shows no clusters to this token."));
        }
        let rows = shown().into_iter().map(|cluster| row(cluster, ticked)).collect_view();
        Some(view! { <ul class="pick-list">{rows}</ul> }.erase())
    };
    let store = move || {
        let chosen = ticked.get_untracked().into_iter().collect();
        storing.send(api::cluster::manage(site, chosen), move |_| {
            live::look_again();
            done.try_run(());
        });
    };
    let many =
        Memo::new(move |_| clusters.with(|clusters| clusters.as_ref().is_some_and(|all| all.len() > 8)));
    view! {
        <form
            class="contents"
            on:submit=move |event| {
                event.prevent_default();
                store();
            }
        >
            <div class="dialog-body space-y-3">
                {note(finding.problem)} {note(storing.problem)}
                <p class="muted">"Only the clusters you choose are watched, and can be synced to."</p>
                {move || many.get().then(|| view! {
                    <input
                        type="search"
                        class="input input-sm w-full"
                        aria-label="Search clusters"
                        placeholder="Search clusters"
                        prop:value=move || search.get()
                        on:input=move |event| search.set(event_target_value(&event))
                    />
                })}
                {move || finding.pending.get().then(skeleton)} {list}
            </div>
            <div class="dialog-foot">
                <button type="button" class="btn mr-auto" disabled=move || finding.pending.get() on:click=move |_| look()>
                    {icon(lu::LuRefreshCw)}
                    "Ask again"
                </button>
                <button
                    type="submit"
                    class="btn btn-primary"
                    disabled=move || storing.pending.get() || clusters.with(Option::is_none)
                >
                    {move || match ticked.with(BTreeSet::len) {
                        1 => "Manage 1 cluster".to_owned(),
                        count => format!("Manage {count} clusters"),
                    }}
                </button>
            </div>
        </form>
    }
    .erase()
}

fn row(cluster: Cluster, ticked: RwSignal<BTreeSet<ClusterId>>) -> AnyView {
    let id = cluster.id;
    let unavailable = (cluster.state != ClusterState::Active).then(|| {
        let words = cluster.message.clone().unwrap_or_else(|| "The site cannot reach it.".to_owned());
        view! { <span class="state is-warning ml-2 text-xs" style="white-space: normal">{icon(lu::LuUnplug)} "Unavailable: " {words}</span> }
    });
    let version = cluster.kubernetes_version.unwrap_or_default();
    view! {
        <li>
            <label class="choice">
                <input
                    type="checkbox"
                    class="checkbox checkbox-sm"
                    prop:checked=move || ticked.with(|ticked| ticked.contains(&id))
                    on:change=move |event| {
                        let on = event_target_checked(&event);
                        ticked.update(|ticked| {
                            if on { ticked.insert(id) } else { ticked.remove(&id) };
                        });
                    }
                />
                <span>
                    <span class="font-medium">{cluster.name}</span>
                    <span class="muted text-xs">{format!(" {version}")}</span>
                    {unavailable}
                </span>
            </label>
        </li>
    }
    .erase()
}
