//! Modal dialogs: the browser's own, so that focus is kept inside, given back, and Escape closes.

use leptos::{html, prelude::*};

use crate::{
    browser,
    components::icon::{icon, lu},
};

/// A modal dialog. Its content exists only while it is open.
#[component]
pub(crate) fn Dialog(
    /// Whether it is open.
    open: RwSignal<bool>,
    /// Its heading and name.
    #[prop(into)]
    title: Signal<String>,
    /// `panel` asks or edits one thing, `sheet` holds work with a lot to see.
    #[prop(default = "panel")]
    class: &'static str,
    /// Everything under the heading: `dialog-body` and `dialog-foot`.
    children: ChildrenFn,
) -> impl IntoView {
    let node = NodeRef::<html::Dialog>::new();
    Effect::new(move |_| {
        let open = open.get();
        // One frame later, so that what is to be focused is there.
        request_animation_frame(move || {
            if let Some(dialog) = node.try_get_untracked().flatten() {
                browser::set_open(&dialog, open);
            }
        });
    });
    let children = StoredValue::new(children);
    view! {
        <dialog class=class node_ref=node aria-label=move || title.get() on:close=move |_| open.set(false)>
            {move || {
                open.get()
                    .then(|| {
                        view! {
                            <div class="dialog-head">
                                <h2>{move || title.get()}</h2>
                                <button
                                    type="button"
                                    class="btn btn-ghost btn-sm btn-square"
                                    aria-label="Close"
                                    on:click=move |_| open.set(false)
                                >
                                    {icon(lu::LuX)}
                                </button>
                            </div>
                            {children.with_value(|children| children())}
                        }
                            .into_any()
                    })
            }}
        </dialog>
    }
    .into_any()
}
