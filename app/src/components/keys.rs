//! Keys that work on every page.

use leptos::{ev, prelude::*};
use leptos_router::{NavigateOptions, hooks::use_navigate};

use crate::components::erased::Erase;
use crate::{
    browser,
    components::dialog::{Dialog, lazily, waiting},
    pages::lazy::Part,
};

/// Where `g` and a letter go.
const PLACES: &[(&str, &str, &str)] = &[
    ("m", "/", "Version matrix"),
    ("c", "/clusters", "Clusters"),
    ("e", "/environments", "Environments"),
    ("v", "/services", "Services"),
    ("d", "/deployments", "Deployments"),
    ("s", "/sites", "Sites"),
];

/// Listens to keys, and shows them when `?` is pressed.
#[component]
pub(crate) fn Keys(
    /// Whether the list of keys is shown.
    open: RwSignal<bool>,
) -> impl IntoView {
    let navigate = use_navigate();
    let after_g = StoredValue::new(false);
    Effect::new(move |_| {
        let navigate = navigate.clone();
        let handle = window_event_listener(ev::keydown, move |event| {
            let modified = event.ctrl_key() || event.meta_key() || event.alt_key();
            if modified || browser::is_typing(&event) || browser::dialog_open() {
                return;
            }
            let key = event.key();
            if after_g.get_value() {
                after_g.set_value(false);
                if let Some((_, path, _)) = PLACES.iter().find(|(letter, ..)| *letter == key) {
                    event.prevent_default();
                    navigate(path, NavigateOptions::default());
                    return;
                }
            }
            match key.as_str() {
                "/" => {
                    event.prevent_default();
                    browser::focus("[data-search]");
                }
                "?" => open.set(true),
                "g" => after_g.set_value(true),
                _ => {}
            }
        });
        on_cleanup(move || handle.remove());
    });
    view! { <Dialog open title="Keys">{lazily(Part::Keys, waiting)}</Dialog> }.erase()
}

/// The keys, as the dialog lists them.
pub(crate) fn list() -> AnyView {
    let places = || {
        PLACES
            .iter()
            .map(|(key, _, name)| view! { <dt><kbd class="kbd kbd-sm">"g"</kbd>" "<kbd class="kbd kbd-sm">{*key}</kbd></dt> <dd>{*name}</dd> })
            .collect_view()
    };
    view! {
        <div class="dialog-body">
                <dl class="keys">
                    <dt><kbd class="kbd kbd-sm">"/"</kbd></dt>
                    <dd>"Search this page"</dd>
                    {places()}
                    <dt><kbd class="kbd kbd-sm">"Space"</kbd></dt>
                    <dd>"Select the row or cell in focus"</dd>
                    <dt><kbd class="kbd kbd-sm">"Esc"</kbd></dt>
                    <dd>"Close a dialog"</dd>
                    <dt><kbd class="kbd kbd-sm">"?"</kbd></dt>
                    <dd>"Show this list"</dd>
                </dl>
            </div>
    }
    .erase()
}
