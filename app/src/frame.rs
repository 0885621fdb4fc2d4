//! What surrounds every page: navigation, state of the live stream, theme, and the dialogs that any page may open.

use leptos::{prelude::*, task::spawn_local};
use leptos_router::hooks::use_location;

use crate::{
    api::{self, ApiError},
    browser,
    components::{
        bind::BindDialog,
        erased::{Erase, attr, dynamic, maybe},
        icon::{Icon, icon, lu},
        keys::Keys,
        site_wizard::SiteWizard,
        sync_flow::{LiveSheet, SyncSheet},
        toast::ToastList,
    },
    live::{self, Live},
    pages::lazy,
};

/// Fetches what the other pages need at the first sign that somebody is there, before anyone asks for it.
fn preload_for_someone() {
    let listeners = StoredValue::new_local(Vec::new());
    let come = move || {
        let listeners = listeners.try_update_value(std::mem::take).unwrap_or_default();
        if !listeners.is_empty() {
            listeners.into_iter().for_each(WindowListenerHandle::remove);
            spawn_local(lazy::preload());
        }
    };
    let signs = ["pointermove", "pointerdown", "keydown", "focusin"];
    listeners.set_value(signs.map(|sign| window_event_listener_untyped(sign, move |_| come())).into());
}

/// The frame around the pages.
#[component]
pub(crate) fn Frame(
    /// The page.
    children: Children,
) -> impl IntoView {
    let keys = RwSignal::new(false);
    Effect::new(|_| preload_for_someone());
    view! {
        <div class="shell">
            <a class="skip-link" href="#main">"Skip to content"</a>
            <nav class="shell-nav" aria-label="Main">
                <a class="shell-brand" href="/">
                    <img src="/favicon.svg" alt="" width="20" height="20" />
                    "Lockstep"
                </a>
                <ul>
                    {link("/", "Matrix", lu::LuGrid3x3, None)}
                    {link("/clusters", "Clusters", lu::LuNetwork, None)}
                    {link("/environments", "Environments", lu::LuLayers, None)}
                    {link("/services", "Services", lu::LuBoxes, None)}
                    {link("/deployments", "Deployments", lu::LuHistory, None)}
                    {link("/sites", "Sites", lu::LuServer, Some(troubles()))}
                </ul>
                {running()}
                <div class="shell-foot">
                    {connection()}
                    <span class="ml-auto flex items-center gap-1">
                        <button
                            type="button"
                            class="btn btn-ghost btn-sm btn-square"
                            aria-label="Keys"
                            title="Keys (?)"
                            on:click=move |_| keys.set(true)
                        >
                            {icon(lu::LuKeyboard)}
                        </button>
                        {theme()}
                    </span>
                </div>
            </nav>
            <main class="shell-main" id="main" tabindex="-1">
                {children()}
            </main>
        </div>
        <SiteWizard />
        <BindDialog />
        <SyncSheet />
        <LiveSheet />
        <Keys open=keys />
        <ToastList />
    }
    .erase()
}

fn link(href: &'static str, name: &'static str, sign: Icon, notice: Option<AnyView>) -> AnyView {
    let path = use_location().pathname;
    let current = move || {
        let here = path.with(|path| {
            path == href || href != "/" && path.strip_prefix(href).is_some_and(|rest| rest.starts_with('/'))
        });
        here.then(|| "page".to_owned())
    };
    view! {
        <li>
            <a href=href aria-current=attr(current)>
                {icon(sign)}
                {name}
                {notice}
            </a>
        </li>
    }
    .erase()
}

/// A mark for sites that want looking after, with why.
fn troubles() -> AnyView {
    let troubles = fetched(live::tick(|news| news.of_kind("site.")), api::site::troubles);
    maybe(move || {
        let words = troubles.with(|troubles| troubles.join(". "));
        (!words.is_empty()).then(|| {
            let on_hover = words.clone();
            view! {
                <span class="state is-warning ml-auto" title=on_hover>
                    {icon(lu::LuTriangleAlert)}
                    <span class="sr-only">{words}</span>
                </span>
            }
            .erase()
        })
    })
}

/// What the server lists, fetched in the browser and again with each tick.
fn fetched<T: Send + Sync + 'static, F>(
    tick: RwSignal<u32>,
    fetch: impl Fn() -> F + Copy + 'static,
) -> RwSignal<Vec<T>>
where
    F: Future<Output = Result<Vec<T>, ApiError>> + 'static,
{
    let list = RwSignal::new(Vec::new());
    Effect::new(move |_| {
        tick.track();
        spawn_local(async move {
            if let Ok(found) = fetch().await {
                list.try_set(found);
            }
        });
    });
    list
}

/// Deployments under way, as the way back to them.
fn running() -> AnyView {
    let tick = live::tick(|news| news.of_kind("deployment.") || news.of_kind("task."));
    let running = fetched(tick, api::deployment::running);
    maybe(move || {
        let running = running.get();
        let first = running.first()?;
        let (href, words) = match running.len() {
            1 => (
                format!("/deployments/{}", first.id),
                format!("{} · {} of {}", first.target, first.done.0, first.done.1),
            ),
            count => ("/deployments?status=running".to_owned(), format!("{count} deployments running")),
        };
        Some(
            view! {
                <a class="running" href=href>
                    <span class="spinner" aria-hidden="true"></span>
                    <span class="truncate">{words}</span>
                </a>
            }
            .erase(),
        )
    })
}

/// Says when contact with the server is lost.
fn connection() -> AnyView {
    let lost = expect_context::<Live>().lost;
    view! {
        <span role="status" class="text-xs">
            {maybe(move || {
                lost.get()
                    .then(|| {
                        view! { <span class="state is-warning">{icon(lu::LuUnplug)} "Reconnecting…"</span> }
                            .erase()
                    })
            })}
        </span>
    }
    .erase()
}

/// Goes round through the system's theme, light and dark.
fn theme() -> AnyView {
    let theme = RwSignal::new(String::new());
    Effect::new(move |_| {
        let stored = browser::storage().and_then(|storage| storage.get_item("theme").ok().flatten());
        theme.set(stored.unwrap_or_default());
    });
    let turn = move |_| {
        let next = match theme.get_untracked().as_str() {
            "" => "light",
            "light" => "dark",
            _ => "",
        };
        theme.set(next.to_owned());
        if let Some(storage) = browser::storage() {
            let _ =
                if next.is_empty() { storage.remove_item("theme") } else { storage.set_item("theme", next) };
        }
        if let Some(root) = document().document_element() {
            let _ = match next {
                "light" => root.set_attribute("data-theme", "lockstep"),
                "dark" => root.set_attribute("data-theme", "lockstep-dark"),
                _ => root.remove_attribute("data-theme"),
            };
        }
    };
    let label = attr(move || {
        let label = match theme.get().as_str() {
            "light" => "Theme: light",
            "dark" => "Theme: dark",
            _ => "Theme: as the system",
        };
        Some(label.to_owned())
    });
    view! {
        <button
            type="button"
            class="btn btn-ghost btn-sm btn-square"
            aria-label=label
            title=label
            on:click=turn
        >
            {dynamic(move || match theme.get().as_str() {
                "light" => icon(lu::LuSun),
                "dark" => icon(lu::LuMoon),
                _ => icon(lu::LuMonitor),
            })}
        </button>
    }
    .erase()
}
