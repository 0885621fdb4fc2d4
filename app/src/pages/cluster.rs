//! One cluster: what hangs on it, and, where it is of the server's own machine, its services.

use domain::{cluster::ClusterSummary, id::ClusterId, local_service::LocalService, site::SiteKind};
use leptos::prelude::*;
use leptos_router::hooks::use_params_map;

use crate::components::erased::Erase;
use crate::{
    api,
    components::{
        action_bar::{Action, ActionBar},
        capacity,
        dialog::Dialog,
        empty::{empty, nothing, skeleton},
        env,
        icon::{icon, lu},
        local_service::{Output, again, details},
        local_service_form::LocalServiceForm,
        pager::counted,
        problem::note,
        status, tag, time,
        traffic::Traffic,
    },
    live::{self, News},
    pages::{
        clusters::{AGAIN, SHOWN, others},
        not_found::NotFound,
    },
    request::{Request, answer, ready, show},
};

/// One cluster.
#[component]
pub(crate) fn Cluster() -> impl IntoView {
    let params = use_params_map();
    let id = Memo::new(move |_| {
        params.with(|params| params.get("id")).and_then(|id| id.parse::<ClusterId>().ok())
    });
    (move || match id.get() {
        Some(id) => view! { <Shown id /> }.erase(),
        None => view! { <NotFound /> }.erase(),
    })
    .into_any()
}

#[component]
fn Shown(id: ClusterId) -> impl IntoView {
    let tick = time::every(AGAIN, live::tick_of_rows(News::of_inventory));
    let clusters = answer(|| (), tick, |()| api::cluster::summaries());
    let found = move |all: Vec<ClusterSummary>| all.into_iter().find(|one| one.cluster.id == id);
    let head = move |all| found(all).map_or_else(|| view! { <NotFound /> }.erase(), |one| head(&one));
    // Drawn anew for another kind only, not with all news.
    let is_local = RwSignal::new(None);
    Effect::new(move |_| {
        let kind = ready(clusters).and_then(found).map(|one| one.site_kind == SiteKind::Local);
        if kind.is_some() && is_local.get_untracked() != kind {
            is_local.set(kind);
        }
    });
    view! {
        <p class="mb-3">
            <a class="link link-hover muted" href="/clusters">
                "← All clusters"
            </a>
        </p>
        {show(clusters, skeleton, head)}
        {move || match is_local.get() {
            Some(true) => view! { <Services cluster=id /> }.erase(),
            Some(false) => elsewhere(id),
            None => nothing(),
        }}
    }
    .erase()
}

fn head(one: &ClusterSummary) -> AnyView {
    let cluster = &one.cluster;
    let chips = one.environments.iter().take(SHOWN).map(|environment| {
        let services = counted(environment.services, "service");
        view! {
            <a class="link-hover mr-3 inline-flex items-center gap-1" href=format!("/environments/{}", environment.id)>
                {env::chip(&environment.name, &environment.color)}
                <span class="muted text-xs">{services}</span>
            </a>
        }
    });
    let version = cluster.kubernetes_version.clone().map(|version| format!(" · Kubernetes {version}"));
    view! {
        <leptos_meta::Title text=cluster.name.clone() />
        <header class="page-head">
            <div>
                <h1 class="flex items-center gap-3">
                    {cluster.name.clone()}
                    <span class="text-sm font-normal">{status::cluster(cluster).view()}</span>
                    {cluster.cordoned.then(|| view! { <span class="badge badge-sm">"cordoned"</span> })}
                </h1>
                <p class="muted">
                    {cluster.site_name.clone()} {version} " · " {counted(one.services, "service")} " · "
                    {match one.unhealthy {
                        0 => "all healthy".into_any(),
                        many => view! { <span class="state is-warning">{icon(lu::LuTriangleAlert)} {many} " unhealthy"</span> }.erase(),
                    }}
                    {cluster.last_contact_at.map(|at| view! { " · last contact " {time::ago(at)} })}
                </p>
                {cluster.message.clone().map(|message| view! { <p class="muted">{message}</p> })}
                <p class="mt-1">{chips.collect_view()} {others(one)}</p>
            </div>
        </header>
        {capacity::tiles(cluster.capacity.as_ref())}
    }
    .erase()
}

/// What runs in a cluster that Lockstep only observes is shown by environment.
fn elsewhere(id: ClusterId) -> AnyView {
    let to = view! {
        <a class="btn btn-primary" href=format!("/services?cluster={id}")>
            {icon(lu::LuBoxes)}
            "Its services"
        </a>
    };
    empty(
        "Its services are made with its own tools",
        "Lockstep shows what runs in its bound namespaces, and moves versions there.",
        to,
    )
}

#[component]
fn Services(cluster: ClusterId) -> impl IntoView {
    let services = answer(|| (), again(), move |()| api::local_service::list(cluster));
    // Drawn anew when something is new only: what has the focus keeps it.
    let found = Memo::new(move |_| ready(services));
    let all = RwSignal::new(Vec::<LocalService>::new());
    Effect::new(move |_| all.set(found.get().unwrap_or_default()));
    let chosen = RwSignal::new(None::<Place>);
    let subject = Memo::new(move |_| {
        let chosen = chosen.get()?;
        all.with(|all| all.iter().find(|one| place(one) == chosen).cloned())
    });
    // The one that is edited is the one that was chosen when the dialog was opened.
    let edited = RwSignal::new(None::<LocalService>);
    let [editing, deleting] = [(); 2].map(|()| RwSignal::new(false));
    let edit = move |service: Option<LocalService>| {
        edited.set(service);
        editing.set(true);
    };
    let off = Signal::derive(move || subject.with(Option::is_none).then_some("Select a service first."));
    let actions = vec![
        Action::new("c", "Create", lu::LuPlus, Signal::stored(None), Callback::new(move |()| edit(None))),
        Action::new("u", "Update", lu::LuPencil, off, Callback::new(move |()| edit(subject.get_untracked()))),
        Action::new("x", "Delete", lu::LuTrash2, off, Callback::new(move |()| deleting.set(true))),
    ];
    let selected = Signal::derive(move || match subject.get() {
        Some(one) => format!("{} in {}", one.name, one.namespace),
        None => "Nothing selected".to_owned(),
    });
    let list = move |found: Vec<LocalService>| match found.is_empty() {
        true => empty(
            "No services yet",
            "A service is a program that runs as processes of this machine, kept running and replaced version by version.",
            view! {
                <button type="button" class="btn btn-primary" on:click=move |_| edit(None)>
                    {icon(lu::LuPlus)}
                    "Make a service"
                </button>
            },
        ),
        false => table(&found, chosen),
    };
    let title = Signal::derive(move || match edited.get() {
        Some(one) => format!("Edit {}", one.name),
        None => "New service".to_owned(),
    });
    let done = Callback::new(move |()| editing.set(false));
    // Of those with a front door, by its place only: what is counted goes on when the service changes.
    let front =
        Memo::new(move |_| subject.with(|one| one.as_ref().filter(|one| one.spec.front_door).map(place)));
    let traffic = move || front.get().map(|place| view! { <Traffic cluster place /> });
    let output = move || {
        let place = chosen.get()?;
        Some(view! { <Output cluster place /> })
    };
    view! {
        <ActionBar selected actions />
        <Transition fallback=skeleton>{move || found.get().map(list)}</Transition>
        <div class="mt-4 space-y-4">{traffic} {details(subject)} {output}</div>
        <Dialog open=editing title>
            {move || view! { <LocalServiceForm cluster service=edited.get_untracked() done /> }}
        </Dialog>
        <Dialog open=deleting title="Delete service">
            {move || subject.get_untracked().map(|one| delete(cluster, one, deleting, chosen))}
        </Dialog>
    }
    .erase()
}

/// A namespace and a service in it.
type Place = (String, String);

fn place(service: &LocalService) -> Place {
    (service.namespace.clone(), service.name.clone())
}

fn table(found: &[LocalService], chosen: RwSignal<Option<Place>>) -> AnyView {
    let rows = found.iter().map(|one| row(one, chosen)).collect_view();
    view! {
        <div class="surface">
            <div class="table-frame" tabindex="0" role="group" aria-label="Services">
                <table class="data-table">
                    <thead>
                        <tr>
                            <th scope="col" class="w-8"><span class="sr-only">"Select"</span></th>
                            <th scope="col">"Service"</th>
                            <th scope="col">"Namespace"</th>
                            <th scope="col">"Version"</th>
                            <th scope="col">"Ready"</th>
                            <th scope="col">"Address"</th>
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </div>
        </div>
    }
    .erase()
}

fn row(one: &LocalService, chosen: RwSignal<Option<Place>>) -> AnyView {
    let (picked, picks) = (place(one), place(one));
    let ready = one.running.iter().filter(|replica| replica.ready).count();
    let wanted = usize::from(one.spec.replicas);
    let (class, sign) = match (one.removed, one.problem.is_some(), ready >= wanted) {
        (true, ..) => ("is-quiet", lu::LuTrash2),
        (_, true, _) => ("is-error", lu::LuCircleX),
        (_, _, true) => ("is-success", lu::LuCircleCheck),
        _ => ("is-info", lu::LuLoader),
    };
    let words = if one.removed { "is being removed".to_owned() } else { format!("{ready} of {wanted}") };
    let version = domain::image::ImageRef::parse(&one.spec.image).version();
    let address = one.address.clone().map(|address| {
        let shown = address.trim_start_matches("http://").to_owned();
        view! {
            <a class="link mono" href=address target="_blank" rel="noopener noreferrer">
                {shown}
            </a>
        }
    });
    view! {
        <tr>
            <td>
                <input
                    type="radio"
                    class="radio radio-sm"
                    name="local-service"
                    aria-label=format!("Select {}", one.name)
                    prop:checked=move || chosen.with(|chosen| chosen.as_ref() == Some(&picked))
                    on:change=move |_| chosen.set(Some(picks.clone()))
                />
            </td>
            <th scope="row">{one.name.clone()}</th>
            <td>{one.namespace.clone()}</td>
            <td>{tag::tag(&version, &one.spec.image)}</td>
            <td title=one.problem.clone()>
                <span class=format!("state {class}")>{icon(sign)} <span class="num">{words}</span></span>
            </td>
            <td>{address}</td>
        </tr>
    }
    .erase()
}

fn delete(
    cluster: ClusterId,
    one: LocalService,
    open: RwSignal<bool>,
    chosen: RwSignal<Option<Place>>,
) -> AnyView {
    let request = Request::new();
    let replicas = counted(one.running.len() as u64, "replica");
    let (namespace, name) = place(&one);
    let confirm = move |_| {
        request.send(api::local_service::delete(cluster, namespace.clone(), name.clone()), move |()| {
            chosen.set(None);
            open.set(false);
            live::look_again();
        });
    };
    view! {
        <div class="dialog-body space-y-3">
            {note(request.problem)}
            <p>"Stops " <strong>{one.name.clone()}</strong> " in " {one.namespace.clone()} " for good: its " {replicas} " and their output go."</p>
        </div>
        <div class="dialog-foot">
            <button type="button" class="btn" on:click=move |_| open.set(false)>"Cancel"</button>
            <button type="button" class="btn btn-error" autofocus disabled=move || request.pending.get() on:click=confirm>
                {icon(lu::LuTrash2)}
                "Delete service"
            </button>
        </div>
    }
    .erase()
}
