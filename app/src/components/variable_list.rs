//! Variables that differ, with their values where those may be seen.

use domain::{
    revision::ChangeKind,
    variable::{VariableChange, VariableDifference},
};
use leptos::prelude::*;

use crate::components::erased::Erase;

/// Characters of a value that are shown.
const SHOWN: usize = 80;

/// What differs for one service.
pub(crate) fn view(differences: &[VariableDifference]) -> AnyView {
    listed(differences.iter().map(|difference| line(None, difference)).collect())
}

/// What differs between two revisions, each with the service whose own it is.
pub(crate) fn changes(changes: &[VariableChange]) -> AnyView {
    let of = |change: &VariableChange| {
        line(change.scope.as_ref().map(|scope| scope.name.clone()), &change.difference)
    };
    listed(changes.iter().map(of).collect())
}

fn listed(lines: Vec<AnyView>) -> AnyView {
    view! { <ul class="space-y-1 text-xs" aria-label="Variables that change">{lines}</ul> }.erase()
}

fn line(service: Option<String>, difference: &VariableDifference) -> AnyView {
    let service = service.map(|name| view! { <span class="muted">{format!("{name}: ")}</span> });
    view! {
        <li>
            {service}
            <span class="font-medium">{difference.name.clone()}</span>
            " "
            <span class="muted">{words(difference)}</span>
        </li>
    }
    .erase()
}

fn words(difference: &VariableDifference) -> String {
    let short = |value: &Option<String>| {
        let value = value.as_deref().unwrap_or_default();
        let more = if value.chars().count() > SHOWN { "…" } else { "" };
        format!("“{}{more}”", value.chars().take(SHOWN).collect::<String>())
    };
    match (&difference.change, difference.secret) {
        (ChangeKind::Removed, _) => "is taken away".to_owned(),
        (ChangeKind::Added, true) => "is new, and secret".to_owned(),
        (ChangeKind::Added, false) => format!("is new: {}", short(&difference.to)),
        (_, true) => "has another value, which is secret".to_owned(),
        (_, false) => format!("{} becomes {}", short(&difference.from), short(&difference.to)),
    }
}
