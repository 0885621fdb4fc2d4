//! Clusters: where everything runs, what hangs on each, and whether it may be deployed to.

use std::time::Duration;

use domain::{
    cluster::{ClusterEdit, ClusterSummary},
    id::ClusterId,
    site::SiteKind,
};
use leptos::prelude::*;

use crate::components::erased::Erase;
use crate::{
    api,
    components::{
        action_bar::{Action, ActionBar},
        capacity,
        cluster_edit::EditCluster,
        cluster_form::MakeCluster,
        dialog::Dialog,
        empty::{empty, skeleton},
        env,
        icon::{icon, lu},
        pager::counted,
        problem::{hint, note},
        status, time,
    },
    live::{self, News},
    pages::head,
    request::{Request, answer, ready, show},
};

/// So many environments of a cluster are shown; there may be thousands.
pub(super) const SHOWN: usize = 12;

/// How often it is looked how much of each cluster is taken: there is no news of that.
pub(super) const AGAIN: Duration = Duration::from_secs(10);

#[component]
pub(crate) fn Clusters() -> impl IntoView {
    let tick = time::every(AGAIN, live::tick_of_rows(News::of_inventory));
    let clusters = answer(|| (), tick, |()| api::cluster::summaries());
    let all = RwSignal::new(Vec::<ClusterSummary>::new());
    Effect::new(move |_| all.set(ready(clusters).unwrap_or_default()));
    let chosen = RwSignal::new(None::<ClusterId>);
    let subject = Memo::new(move |_| {
        let chosen = chosen.get()?;
        all.with(|all| all.iter().find(|one| one.cluster.id == chosen).cloned())
    });
    let [making, editing, deleting] = [(); 3].map(|()| RwSignal::new(false));
    let cordoning = Request::new();
    let selected = Signal::derive(move || match subject.get() {
        Some(one) => one.cluster.name,
        None => "Nothing selected".to_owned(),
    });
    let actions = actions(subject, making, editing, deleting, cordoning);
    let list = move |found: Vec<ClusterSummary>| match found.is_empty() {
        true => empty(
            "No clusters yet",
            "Connect a site and choose which of its clusters are managed, or make one on the server's own machine.",
            view! { <a class="btn btn-primary" href="/sites">"To the sites"</a> },
        ),
        false => table(&found, chosen),
    };
    let done = move |open: RwSignal<bool>| Callback::new(move |()| open.set(false));
    let artifacts = view! {
        <a class="btn btn-sm" href="/clusters/artifacts">
            {icon(lu::LuPackage)}
            "Artifacts"
        </a>
    };
    view! {
        {head("Clusters", "Where everything runs, and what hangs on it.", artifacts)}
        {note(cordoning.problem)}
        <ActionBar selected actions />
        {show(clusters, skeleton, list)}
        <Dialog open=making title="New cluster">
            <MakeCluster site=None done=done(making) />
        </Dialog>
        <Dialog open=editing title="Edit cluster">
            {move || subject.get_untracked().map(|one| view! { <EditCluster cluster=one.cluster done=done(editing) /> })}
        </Dialog>
        <Dialog open=deleting title="Delete cluster">
            {move || subject.get_untracked().map(|one| delete(one, deleting, chosen))}
        </Dialog>
    }
    .erase()
}

fn actions(
    subject: Memo<Option<ClusterSummary>>,
    making: RwSignal<bool>,
    editing: RwSignal<bool>,
    deleting: RwSignal<bool>,
    cordoning: Request,
) -> Vec<Action> {
    let nothing = move || subject.with(Option::is_none).then_some("Select a cluster first.");
    let cordon = move |()| {
        let Some(one) = subject.get_untracked() else { return };
        let edit = ClusterEdit {
            cordoned: Some(!one.cluster.cordoned),
            version: Some(one.cluster.version),
            ..Default::default()
        };
        cordoning.send(api::cluster::edit(one.cluster.id, edit), |_| live::look_again());
    };
    let cordoned = move || subject.with(|one| one.as_ref().is_some_and(|one| one.cluster.cordoned));
    let not_local = move || {
        let local = subject.with(|one| one.as_ref().is_none_or(|one| one.site_kind == SiteKind::Local));
        (!local).then_some(
            "Only clusters of the server's own machine are deleted here: leave it out on the Sites page.",
        )
    };
    let open = |open: RwSignal<bool>| Callback::new(move |()| open.set(true));
    let any = Signal::derive(nothing);
    vec![
        Action::new("c", "Create", lu::LuPlus, Signal::stored(None), open(making)),
        Action::new("u", "Update", lu::LuPencil, any, open(editing)),
        Action {
            key: "o",
            label: Signal::derive(move || if cordoned() { "Uncordon" } else { "Cordon" }),
            icon: lu::LuBan,
            off: any,
            run: Callback::new(cordon),
        },
        Action::new(
            "x",
            "Delete",
            lu::LuTrash2,
            Signal::derive(move || nothing().or_else(not_local)),
            open(deleting),
        ),
    ]
}

fn table(found: &[ClusterSummary], chosen: RwSignal<Option<ClusterId>>) -> AnyView {
    let rows = found.iter().map(|one| row(one, chosen)).collect_view();
    view! {
        <div class="surface">
            <div class="table-frame" tabindex="0" role="group" aria-label="Clusters">
                <table class="data-table">
                    <thead>
                        <tr>
                            <th scope="col" class="w-8"><span class="sr-only">"Select"</span></th>
                            <th scope="col">"Cluster"</th>
                            <th scope="col">"Status"</th>
                            <th scope="col">"Environments"</th>
                            <th scope="col">"Capacity"</th>
                            <th scope="col" class="num">"Services"</th>
                            <th scope="col" class="num">"Unhealthy"</th>
                            <th scope="col" class="if-roomy">"Site"</th>
                            <th scope="col" class="if-roomy">"Last contact"</th>
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </div>
        </div>
    }
    .erase()
}

fn row(one: &ClusterSummary, chosen: RwSignal<Option<ClusterId>>) -> AnyView {
    let cluster = &one.cluster;
    let id = cluster.id;
    let labels = cluster.labels.iter().map(|(key, value)| {
        let words = if value.is_empty() { key.clone() } else { format!("{key}={value}") };
        view! { <span class="badge badge-sm mr-1">{words}</span> }
    });
    let environments = one.environments.iter().take(SHOWN).map(|environment| {
        let title = counted(environment.services, "service");
        view! {
            <a class="link-hover mr-3" href=format!("/environments/{}", environment.id) title=title>
                {env::chip(&environment.name, &environment.color)}
            </a>
        }
    });
    view! {
        <tr>
            <td>
                <input
                    type="radio"
                    class="radio radio-sm"
                    name="cluster"
                    aria-label=format!("Select {}", cluster.name)
                    prop:checked=move || chosen.get() == Some(id)
                    on:change=move |_| chosen.set(Some(id))
                />
            </td>
            <th scope="row" class="wrap">
                <a class="link-hover font-medium mr-2" href=format!("/clusters/{id}")>{cluster.name.clone()}</a>
                {labels.collect_view()}
            </th>
            <td>
                {status::cluster(cluster).view()}
                {cluster.cordoned.then(|| view! { <span class="badge badge-sm ml-2">"cordoned"</span> })}
            </td>
            <td class="wrap">{environments.collect_view()} {others(one)}</td>
            <td>{capacity::small(cluster.capacity.as_ref())}</td>
            <td class="num">{one.services}</td>
            <td class="num">{status::unhealthy(one.unhealthy)}</td>
            <td class="if-roomy">{cluster.site_name.clone()}</td>
            <td class="if-roomy">{cluster.last_contact_at.map(time::ago)}</td>
        </tr>
    }
    .erase()
}

/// How many environments of a cluster are not shown.
fn hidden(one: &ClusterSummary) -> Option<usize> {
    one.environments.len().checked_sub(SHOWN).filter(|more| *more > 0)
}

/// The way to all environments of a cluster, where not all are shown.
pub(super) fn others(one: &ClusterSummary) -> Option<AnyView> {
    let more = hidden(one)?;
    let all = format!("/environments?cluster={}", one.cluster.id);
    Some(view! { <a class="link" href=all>{format!("and {more} more")}</a> }.erase())
}

/// What hangs on a cluster, and the button that deletes it where nothing does.
fn delete(one: ClusterSummary, open: RwSignal<bool>, chosen: RwSignal<Option<ClusterId>>) -> AnyView {
    let request = Request::new();
    let id = one.cluster.id;
    let mut names: Vec<String> =
        one.environments.iter().take(SHOWN).map(|environment| environment.name.clone()).collect();
    names.extend(hidden(&one).map(|more| format!("{more} more")));
    let in_use = (!names.is_empty()).then(|| {
        let words = format!(
            "{} have namespaces in it, with {}. Remove those first.",
            names.join(", "),
            counted(one.services, "service")
        );
        hint("is-warning", words)
    });
    let blocked = in_use.is_some();
    let confirm = move |_| {
        request.send(api::cluster::delete(id), move |()| {
            chosen.set(None);
            open.set(false);
            live::look_again();
        });
    };
    view! {
        <div class="dialog-body space-y-3">
            {note(request.problem)} {in_use}
            <p>"Deletes the cluster " <strong>{one.cluster.name}</strong> " of the server's own machine."</p>
        </div>
        <div class="dialog-foot">
            <button type="button" class="btn" on:click=move |_| open.set(false)>"Cancel"</button>
            <button
                type="button"
                class="btn btn-error"
                disabled=move || blocked || request.pending.get()
                on:click=confirm
            >
                {icon(lu::LuTrash2)}
                "Delete cluster"
            </button>
        </div>
    }
    .erase()
}
