//! Uploading a program: by choosing a file or dropping it, with how much of it is sent. `public/upload.js` sends it.

use domain::{
    artifact::Artifact,
    capacity::size_in_words,
    problem::{FieldError, Problem},
};
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::Element;

use crate::components::erased::Erase;
use crate::{
    api,
    components::{
        field::field_error,
        icon::{icon, lu},
    },
};

/// The largest that the server takes, in bytes.
const LARGEST: u64 = 512 << 20;
/// The field that problems of an upload name.
const FIELD: &str = "body";
/// What it asks for.
const ASKS: &str = "Choose a file, or drop it here";

/// A place for a file.
#[component]
pub(crate) fn Upload(
    /// A word for where it is, so that its id is its own.
    form: &'static str,
    /// Called with what was stored.
    done: Callback<Artifact>,
) -> impl IntoView {
    // How much is sent, of a hundred, while it is.
    let sent = RwSignal::new(None::<u32>);
    let problem = RwSignal::new(None::<Problem>);
    let told = move |event: web_sys::Event| {
        let Some(element) = event.current_target().and_then(|target| target.dyn_into::<Element>().ok())
        else {
            return;
        };
        let read = |name: &str| element.get_attribute(name);
        let number = |name: &str| read(name).and_then(|text| text.parse::<u32>().ok());
        let Some(status) = number("data-status") else {
            problem.set(None);
            return sent.set(number("data-sent"));
        };
        sent.set(None);
        match came_of(status, &read("data-answer").unwrap_or_default()) {
            Ok(stored) => drop(done.try_run(stored)),
            Err(wrong) => problem.set(Some(*wrong)),
        }
    };
    Effect::new(load_script);
    let id = format!("{form}-file");
    let of = id.clone();
    let described = format!("{form}-file-hint {form}-file-error");
    let words = move || match sent.get() {
        None => ASKS.to_owned(),
        Some(100) => "Being looked into and stored…".to_owned(),
        Some(sent) => format!("Uploading: {sent} %"),
    };
    let bar = move || {
        sent.get().map(|sent| {
            view! { <progress class="progress progress-primary w-full" max="100" value=sent aria-label="Uploaded"></progress> }
        })
    };
    let largest = size_in_words(LARGEST);
    view! {
        <div class="field" data-upload="/api/artifacts" data-most=LARGEST.to_string() on:upload=told>
            <label for=of class="drop">
                {icon(lu::LuUpload)}
                <span role="status">{words}</span>
                <input
                    id=id
                    type="file"
                    // Words that change on their own, as the label's do, name nothing.
                    aria-label=ASKS
                    class="sr-only"
                    disabled=move || sent.get().is_some()
                    aria-describedby=described
                />
            </label>
            {bar}
            <p id=format!("{form}-file-hint") class="muted text-xs">
                {format!("An executable, a script that begins with #!, or a tar or tar.gz with one; {largest} at most.")}
            </p>
            {field_error(format!("{form}-file-error"), FIELD, problem)}
        </div>
    }
    .erase()
}

/// Has the page run the script that sends files. A browser runs none that stands in what is drawn by scripts.
fn load_script() {
    let script = document().create_element("script").ok();
    if let (Some(script), Some(head)) = (script, document().head()) {
        let _ = script.set_attribute("src", "/upload.js");
        let _ = head.append_child(&script);
    }
}

/// What was stored, or what went wrong, said at the field whatever it was: there is no other.
fn came_of(status: u32, answer: &str) -> Result<Artifact, Box<Problem>> {
    let gone = || {
        let words = "The upload was cut off. Check that the Lockstep server is running, and try again.";
        Problem::new(503, "server_unreachable", "No answer", words)
    };
    let mut problem = match status {
        200..=299 => match api::read(answer) {
            Ok(stored) => return Ok(stored),
            Err(_) => gone(),
        },
        413 if answer.is_empty() => {
            let words = format!("This file is larger than {}.", size_in_words(LARGEST));
            Problem::new(413, "body_too_large", "Too large", words)
        }
        _ => api::read(answer).unwrap_or_else(|_| gone()),
    };
    if problem.field(FIELD).is_none() {
        problem.errors.push(FieldError::new(FIELD, problem.detail.clone()));
    }
    Err(Box::new(problem))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_went_wrong_is_said_at_the_field() {
        let full = r#"{"type":"about:blank","title":"Conflict","status":409,"code":"disk_full","detail":"The disk is full."}"#;
        for (status, answer, words) in
            [(409, full, "The disk is full."), (0, "", "cut off"), (413, "", "larger than 512 MiB")]
        {
            let problem = came_of(status, answer).unwrap_err();
            assert!(problem.field(FIELD).is_some_and(|told| told.contains(words)), "{problem:?}");
        }
    }
}
