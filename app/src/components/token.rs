//! When a token ends.

use chrono::{DateTime, Utc};
use domain::site::TokenEnd;
use leptos::prelude::*;

use crate::components::{
    erased::{Erase, dynamic},
    problem::hint,
    time,
};

/// When a token ends, as a warning when that is near.
pub(crate) fn expiry(ends: DateTime<Utc>) -> AnyView {
    let now = time::now();
    let state = Memo::new(move |_| now.get().map(|now| TokenEnd::of(ends, now)));
    dynamic(move || {
        let on = time::utc(ends);
        match state.get() {
            Some(TokenEnd::Past) => {
                hint("is-error", format!("The token expired on {on}. Replace it under Edit."))
            }
            Some(TokenEnd::Near) => hint(
                "is-warning",
                format!("The token expires on {on}. Make a new one and replace it under Edit."),
            ),
            _ => view! { <p class="muted text-xs">{format!("The token expires on {on}.")}</p> }.erase(),
        }
    })
}
