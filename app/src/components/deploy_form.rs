//! Choosing what to deploy: versions, service by service, and replicas where revisions say how many. What it comes to is seen
//! before it is confirmed.

use std::collections::{BTreeMap, BTreeSet};

use domain::{
    deploy::{DeployRequest, VersionChoice},
    id::{EnvironmentId, ServiceId},
    list::Page,
    replicas::{MAX_REPLICAS, ServiceReplicas},
    revision::ServiceVersion,
};
use leptos::prelude::*;

use crate::components::erased::Erase;
use crate::{
    api,
    components::{
        empty::skeleton,
        icon::{icon, lu},
        pager::count,
        sync_flow::SyncFlow,
        tag::tag,
    },
    request::{answer, show},
};

/// What was typed, by service.
#[derive(Clone, Copy, Default)]
struct Chosen {
    versions: RwSignal<BTreeMap<ServiceId, String>>,
    replicas: RwSignal<BTreeMap<ServiceId, u32>>,
}

impl Chosen {
    /// How many services it is about.
    fn count(self) -> usize {
        let (versions, replicas) = (self.versions.read(), self.replicas.read());
        versions.keys().chain(replicas.keys()).collect::<BTreeSet<_>>().len()
    }

    fn request(self, environment: EnvironmentId) -> DeployRequest {
        let version = |(service_id, version)| ServiceVersion { service_id, version, container: None };
        let versions = self.versions.get_untracked().into_iter().map(version).collect();
        let scaled = |(service_id, replicas)| ServiceReplicas { service_id, replicas };
        let replicas = self.replicas.get_untracked().into_iter().map(scaled).collect();
        DeployRequest { replicas, ..DeployRequest::of_versions(environment, versions) }
    }
}

/// Body and foot of the dialog.
#[component]
pub(crate) fn DeployForm(
    /// Where to.
    environment: EnvironmentId,
    /// The dialog, which is left for the preview.
    open: RwSignal<bool>,
) -> impl IntoView {
    let flow = expect_context::<SyncFlow>();
    let (text, page, chosen) = (RwSignal::new(String::new()), RwSignal::new(1_u32), Chosen::default());
    let choices = answer(
        move || (text.get(), page.get()),
        RwSignal::new(0),
        move |(text, page)| api::deploy::choices(environment, text, page),
    );
    let preview = move || {
        open.set(false);
        flow.deploy(chosen.request(environment));
    };
    let search = move |event| {
        page.set(1);
        text.set(event_target_value(&event));
    };
    let button = move || match chosen.count() {
        0 => "Choose a version".to_owned(),
        1 => "Preview 1 service".to_owned(),
        many => format!("Preview {many} services"),
    };
    view! {
        <form
            class="contents"
            on:submit=move |event| {
                event.prevent_default();
                preview();
            }
        >
            <div class="dialog-body space-y-3">
                <label class="input input-sm w-full">
                    {icon(lu::LuSearch)}
                    <span class="sr-only">"Search services"</span>
                    <input type="search" placeholder="Search services" autofocus autocomplete="off" on:input=search />
                </label>
                {show(choices, skeleton, move |found| table(&found, chosen, page))}
                <p class="muted text-xs">
                    "A tag, a digest or a whole image reference. Nothing is changed before you have seen the preview."
                </p>
            </div>
            <div class="dialog-foot">
                <button type="button" class="btn" on:click=move |_| open.set(false)>"Cancel"</button>
                <button type="submit" class="btn btn-primary" disabled=move || chosen.count() == 0>
                    {button}
                </button>
            </div>
        </form>
    }
    .erase()
}

fn table(found: &Page<VersionChoice>, chosen: Chosen, page: RwSignal<u32>) -> AnyView {
    if found.total == 0 {
        return view! { <p class="muted py-6 text-center">"No service matches."</p> }.erase();
    }
    let scales = found.items.iter().any(|choice| choice.replicas.is_some());
    let rows = found.items.iter().map(|choice| row(choice, chosen, scales)).collect_view();
    let (number, pages) = (found.page, found.pages());
    let step = move |label: &'static str, sign, to: u32, there: bool| {
        view! {
            <button
                type="button"
                class="btn btn-ghost btn-sm"
                aria-label=label
                disabled=!there
                on:click=move |_| page.set(to)
            >
                {icon(sign)}
            </button>
        }
    };
    let pager = (pages > 1).then(|| {
        view! {
            <nav class="pager" aria-label="Pages of services">
                <span>{format!("{} services", count(found.total))}</span>
                <span class="flex items-center gap-1">
                    {step("Previous page", lu::LuChevronLeft, number.saturating_sub(1), number > 1)}
                    <span>{format!("Page {number} of {pages}")}</span>
                    {step("Next page", lu::LuChevronRight, number + 1, number < pages)}
                </span>
            </nav>
        }
    });
    view! {
        <div class="table-frame" tabindex="0" role="group" aria-label="Services and versions">
            <table class="data-table">
                <thead>
                    <tr>
                        <th scope="col">"Service"</th>
                        <th scope="col" class="if-roomy">"Where"</th>
                        <th scope="col">"Now"</th>
                        <th scope="col">"To come"</th>
                        {scales.then(|| view! { <th scope="col">"Replicas"</th> })}
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
        {pager}
    }
    .erase()
}

fn row(choice: &VersionChoice, chosen: Chosen, scales: bool) -> AnyView {
    let id = choice.service_id;
    let list = format!("versions-{id}");
    let options = choice.known.iter().map(|version| view! { <option value=version.clone()></option> });
    let options = options.collect_view();
    let typed = move |event| {
        let version = event_target_value(&event).trim().to_owned();
        chosen.versions.update(|chosen| match version.is_empty() {
            true => drop(chosen.remove(&id)),
            false => drop(chosen.insert(id, version)),
        });
    };
    let value = move || chosen.versions.with(|chosen| chosen.get(&id).cloned().unwrap_or_default());
    view! {
        <tr class="h-11">
            <th scope="row" class="wrap">{choice.name.clone()}</th>
            <td class="if-roomy">
                {choice.namespace.clone()} <span class="muted text-xs">{format!(" · {}", choice.cluster)}</span>
            </td>
            <td>{tag(&choice.version, &choice.version)}</td>
            <td>
                <input
                    class="input input-sm mono w-36"
                    list=list.clone()
                    autocomplete="off"
                    spellcheck="false"
                    placeholder="as it is"
                    aria-label=format!("Version of {} to deploy", choice.name)
                    prop:value=value
                    on:input=typed
                />
                <datalist id=list>{options}</datalist>
            </td>
            {scales.then(|| view! { <td>{choice.replicas.map(|now| replicas(choice, now, chosen.replicas))}</td> })}
        </tr>
    }
    .erase()
}

fn replicas(choice: &VersionChoice, now: u32, chosen: RwSignal<BTreeMap<ServiceId, u32>>) -> AnyView {
    let id = choice.service_id;
    let typed = move |event| {
        let number = event_target_value(&event).parse().ok();
        chosen.update(|chosen| match number {
            None => drop(chosen.remove(&id)),
            Some(number) => drop(chosen.insert(id, number)),
        });
    };
    let value = move || chosen.with(|chosen| chosen.get(&id).map(ToString::to_string).unwrap_or_default());
    view! {
        <input
            class="input input-sm num w-20"
            type="number"
            min="0"
            max=MAX_REPLICAS
            placeholder=now
            aria-label=format!("Replicas of {}", choice.name)
            prop:value=value
            on:input=typed
        />
    }
    .erase()
}
