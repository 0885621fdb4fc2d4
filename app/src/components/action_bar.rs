//! What can be done with what is selected, in one place that does not move; each action has a key.

use leptos::{ev, html, prelude::*};

use crate::components::erased::Erase;
use crate::{
    browser,
    components::icon::{Icon, icon},
};

/// One action.
#[derive(Clone, Copy)]
pub(crate) struct Action {
    /// The key, a letter.
    pub(crate) key: &'static str,
    pub(crate) label: Signal<&'static str>,
    pub(crate) icon: Icon,
    /// Why it cannot be done now.
    pub(crate) off: Signal<Option<&'static str>>,
    pub(crate) run: Callback<()>,
}

impl Action {
    /// One whose label stays.
    pub(crate) fn new(
        key: &'static str,
        label: &'static str,
        icon: Icon,
        off: Signal<Option<&'static str>>,
        run: Callback<()>,
    ) -> Self {
        Self { key, label: Signal::stored(label), icon, off, run }
    }

    fn press(self) {
        if self.off.get_untracked().is_none() {
            self.run.run(());
        }
    }
}

/// The bar.
#[component]
pub(crate) fn ActionBar(
    /// What is selected, in words.
    #[prop(into)]
    selected: Signal<String>,
    /// The actions, from left to right.
    actions: Vec<Action>,
) -> impl IntoView {
    let all = actions.clone();
    let bar = NodeRef::<html::Div>::new();
    Effect::new(move |_| {
        let all = all.clone();
        let handle = window_event_listener(ev::keydown, move |event| {
            let modified = event.ctrl_key() || event.meta_key() || event.alt_key();
            // A page may be made twice when it takes over from the server, of which one is in the document.
            let is_shown = bar.try_get_untracked().flatten().is_some_and(|bar| bar.is_connected());
            // What another listener took, such as the second of two keys, is not for here.
            let taken = event.default_prevented();
            if modified || taken || !is_shown || browser::is_typing(&event) || browser::dialog_open() {
                return;
            }
            if let Some(action) = all.iter().find(|action| action.key == event.key()) {
                event.prevent_default();
                action.press();
            }
        });
        on_cleanup(move || handle.remove());
    });
    let buttons = actions.into_iter().map(|action| {
        let off = action.off;
        view! {
            <button
                type="button"
                class="btn btn-sm"
                class:btn-off=move || off.get().is_some()
                aria-disabled=move || off.get().is_some().to_string()
                aria-keyshortcuts=action.key
                title=move || off.get()
                on:click=move |_| action.press()
            >
                {icon(action.icon)}
                {move || action.label.get()}
                <kbd class="kbd kbd-sm" aria-hidden="true">{action.key}</kbd>
            </button>
        }
    });
    view! {
        <div class="action-bar" role="toolbar" aria-label="Actions" node_ref=bar>
            <span class="muted" role="status">{move || selected.get()}</span>
            <span class="flex flex-wrap gap-2">{buttons.collect_view()}</span>
        </div>
    }
    .erase()
}
