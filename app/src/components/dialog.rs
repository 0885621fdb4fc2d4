//! Modal dialogs: the browser's own, so that focus is kept inside, given back, and Escape closes.

use leptos::{html, prelude::*, reactive::computed::ScopedFuture, task::spawn_local};
use web_sys::HtmlDialogElement;

use crate::{
    browser,
    components::{
        empty::skeleton,
        erased::{Erase, dynamic, maybe, text},
        icon::{icon, lu},
    },
    pages::lazy::{self, Part},
};

/// Content from the second file, loaded when it is first shown.
pub(crate) fn lazily(part: Part, waiting: fn() -> AnyView) -> AnyView {
    let drawn = StoredValue::new_local(None::<AnyView>);
    let there = RwSignal::new(false);
    spawn_local(ScopedFuture::new_untracked(async move {
        let view = lazy::part(part).await;
        drawn.try_set_value(Some(view));
        there.try_set(true);
        browser::settle_focus(true);
    }));
    dynamic(move || {
        let drawn = there.get().then(|| drawn.try_update_value(Option::take).flatten()).flatten();
        drawn.unwrap_or_else(waiting)
    })
}

/// The body of a dialog whose content is being loaded.
pub(crate) fn waiting() -> AnyView {
    view! { <div class="dialog-body">{skeleton()}</div> }.erase()
}

/// So many frames a dialog may be drawn before it is in the document: a page that is opened with it comes as a whole.
const FRAMES: u32 = 60;

/// Opens or closes a dialog one frame later, so that what is to be focused is there.
fn settle(dialog: HtmlDialogElement, open: bool, frames: u32) {
    request_animation_frame(move || match dialog.is_connected() {
        true => browser::set_open(&dialog, open),
        false if frames > 0 => settle(dialog, open, frames - 1),
        false => {}
    });
}

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
        if let (open, Some(dialog)) = (open.get(), node.get()) {
            settle(dialog, open, FRAMES);
        }
    });
    let children = StoredValue::new(children);
    view! {
        <dialog class=class node_ref=node aria-label=title on:close=move |_| open.set(false)>
            {maybe(move || open.get().then(|| view! {
                <div class="dialog-head">
                    <h2>{text(move || title.get())}</h2>
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
            }.erase()))}
        </dialog>
    }
    .erase()
}
