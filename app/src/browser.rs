//! What is asked of the browser itself. Call these in effects and event handlers only.

use domain::problem::Problem;
use leptos::{ev, prelude::*};
use wasm_bindgen::JsCast;
use web_sys::{FormData, HtmlDialogElement, HtmlElement, HtmlFormElement, Storage};

/// This browser's store for the site, where it is allowed.
pub(crate) fn storage() -> Option<Storage> {
    window().local_storage().ok().flatten()
}

/// Says that the page has taken over from the server, to the script that keeps what was pressed too early.
pub(crate) fn announce_ready() {
    if let Some(root) = document().document_element() {
        let _ = root.set_attribute("data-ready", "");
    }
    if let Ok(event) = web_sys::Event::new("lockstep:ready") {
        let _ = window().dispatch_event(&event);
    }
}

/// The stamp that the page was rendered with; once.
pub(crate) fn take_stamp() -> Option<String> {
    let root = document().document_element()?;
    let stamp = root.get_attribute("data-stamp");
    let _ = root.remove_attribute("data-stamp");
    stamp
}

/// Puts the focus into the first element that matches.
pub(crate) fn focus(selector: &str) {
    let found = document().query_selector(selector).ok().flatten();
    if let Some(element) = found.and_then(|element| element.dyn_into::<HtmlElement>().ok()) {
        let _ = element.focus();
    }
}

/// Puts the focus into what an open dialog shows by now, once that is drawn: where it asks for it, or else on its main
/// button. Unless `anew`, only a focus that went with what it was on is moved.
pub(crate) fn settle_focus(anew: bool) {
    request_animation_frame(move || {
        let held = document()
            .active_element()
            .is_some_and(|element| !matches!(element.tag_name().as_str(), "BODY" | "DIALOG"));
        if held && !anew {
            return;
        }
        let wanted = [
            "dialog[open] [aria-invalid=true]",
            "dialog[open] [autofocus]",
            "dialog[open] .dialog-foot .btn-primary",
        ];
        let found = wanted
            .iter()
            .find_map(|wanted| document().query_selector(&format!("{wanted}:not(:disabled)")).ok().flatten());
        if let Some(element) = found.and_then(|element| element.dyn_into::<HtmlElement>().ok()) {
            let _ = element.focus();
        }
    });
}

/// Whether a key press belongs to a field that is being typed in.
pub(crate) fn is_typing(event: &ev::KeyboardEvent) -> bool {
    let target = event.target().and_then(|target| target.dyn_into::<HtmlElement>().ok());
    target.is_some_and(|element| {
        // Boxes and radio buttons take no letters.
        let ticks = matches!(element.get_attribute("type").as_deref(), Some("checkbox" | "radio"));
        !ticks && matches!(element.tag_name().as_str(), "INPUT" | "TEXTAREA" | "SELECT")
            || element.is_content_editable()
    })
}

/// Whether a modal dialog is open.
pub(crate) fn dialog_open() -> bool {
    document().query_selector("dialog[open]").ok().flatten().is_some()
}

/// Puts a popover above everything else, also above an open dialog.
pub(crate) fn raise(popover: &HtmlElement) {
    let _ = popover.hide_popover();
    let _ = popover.show_popover();
}

/// Opens or closes a dialog; the browser gives the focus back to where it was.
pub(crate) fn set_open(dialog: &HtmlDialogElement, open: bool) {
    if open && !dialog.open() {
        let _ = dialog.show_modal();
        let toasts = document().query_selector(".toasts:popover-open").ok().flatten();
        if let Some(toasts) = toasts.and_then(|element| element.dyn_into::<HtmlElement>().ok()) {
            raise(&toasts);
        }
    } else if !open && dialog.open() {
        dialog.close();
    }
}

/// A form's fields that hold something, as a query string without the question mark.
pub(crate) fn form_query(form: &HtmlFormElement) -> String {
    let mut query = leptos_router::params::ParamsMap::new();
    let Ok(data) = FormData::new_with_form(form) else { return String::new() };
    for entry in js_sys::try_iter(&data).ok().flatten().into_iter().flatten().flatten() {
        let pair = js_sys::Array::from(&entry);
        if let (Some(name), Some(value)) = (pair.get(0).as_string(), pair.get(1).as_string())
            && !value.trim().is_empty()
        {
            query.insert(name, value);
        }
    }
    query.to_query_string()
}

/// The text of the file chosen in a file field.
pub(crate) async fn chosen_file(input: &web_sys::HtmlInputElement) -> Result<Option<String>, Problem> {
    let Some(file) = input.files().and_then(|files| files.get(0)) else { return Ok(None) };
    if file.size() > 1_000_000.0 {
        return Err(Problem::new(
            413,
            "too_large",
            "Too large",
            "This file is larger than a kubeconfig can be.",
        ));
    }
    let text = wasm_bindgen_futures::JsFuture::from(file.text()).await;
    match text {
        Ok(text) => Ok(text.as_string()),
        Err(_) => Err(Problem::new(400, "unreadable", "Not readable", "The file could not be read.")),
    }
}
