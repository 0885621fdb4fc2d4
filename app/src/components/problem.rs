//! Problems, said where they belong.

use domain::problem::Problem;
use leptos::prelude::*;

use crate::components::erased::Erase;
use crate::components::icon::{icon, lu};

/// A problem as a note with its sentence and what is wrong with single fields.
pub(crate) fn failed(problem: &Problem) -> AnyView {
    let fields = problem.errors.iter().map(|error| view! { <li>{error.message.clone()}</li> }).collect_view();
    view! {
        <div class="note is-error" role="alert">
            {icon(lu::LuCircleX)}
            <div>
                <p>{problem.detail.clone()}</p>
                {(!problem.errors.is_empty()).then(|| view! { <ul class="list-disc pl-4">{fields}</ul> })}
            </div>
        </div>
    }
    .erase()
}

/// The problem of a request in a sentence; what is wrong with single fields stands there.
pub(crate) fn note(problem: RwSignal<Option<Problem>>) -> AnyView {
    (move || problem.get().map(|problem| failed(&Problem { errors: Vec::new(), ..problem }))).into_any()
}

/// The problem of a form's request, unless it stands at the form's fields already.
pub(crate) fn note_beside_fields(problem: RwSignal<Option<Problem>>) -> AnyView {
    (move || problem.get().filter(|problem| problem.errors.is_empty()).map(|problem| failed(&problem)))
        .into_any()
}

/// Something to know, with an icon of its weight.
pub(crate) fn hint(class: &'static str, words: impl Into<String>) -> AnyView {
    let sign = match class {
        "is-error" => lu::LuCircleX,
        "is-warning" => lu::LuTriangleAlert,
        "is-success" => lu::LuCircleCheck,
        _ => lu::LuInfo,
    };
    view! { <div class=format!("note {class}")>{icon(sign)} <p>{words.into()}</p></div> }.erase()
}
