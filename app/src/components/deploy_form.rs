//! Choosing what to deploy: versions, service by service. What it comes to is seen before it is confirmed.

use std::collections::BTreeMap;

use domain::{
    deploy::{DeployRequest, VersionChoice},
    id::{EnvironmentId, ServiceId},
    list::Page,
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

/// Versions that were typed, by service.
type Chosen = RwSignal<BTreeMap<ServiceId, String>>;

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
        let versions = chosen.get_untracked().into_iter().map(|(service_id, version)| ServiceVersion {
            service_id,
            version,
            container: None,
        });
        let versions = versions.collect();
        open.set(false);
        flow.deploy(DeployRequest::of_versions(environment, versions));
    };
    let search = move |event| {
        page.set(1);
        text.set(event_target_value(&event));
    };
    let button = move || match chosen.with(BTreeMap::len) {
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
                <button type="submit" class="btn btn-primary" disabled=move || chosen.with(BTreeMap::is_empty)>
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
    let rows = found.items.iter().map(|choice| row(choice, chosen)).collect_view();
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
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
        {pager}
    }
    .erase()
}

fn row(choice: &VersionChoice, chosen: Chosen) -> AnyView {
    let id = choice.service_id;
    let list = format!("versions-{id}");
    let options = choice.known.iter().map(|version| view! { <option value=version.clone()></option> });
    let options = options.collect_view();
    let typed = move |event| {
        let version = event_target_value(&event).trim().to_owned();
        chosen.update(|chosen| match version.is_empty() {
            true => drop(chosen.remove(&id)),
            false => drop(chosen.insert(id, version)),
        });
    };
    let value = move || chosen.with(|chosen| chosen.get(&id).cloned().unwrap_or_default());
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
        </tr>
    }
    .erase()
}
