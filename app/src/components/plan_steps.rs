//! What a confirmed preview leads to, step by step.

use domain::sync::{OnFailure, PreviewItem};
use leptos::prelude::*;

use crate::api::sync::Shown;
use crate::components::{
    erased::Erase,
    pager::{count, counted},
};

/// Services that are named; the others are counted.
const NAMED: usize = 4;
/// Services of one cluster that are under way at the same time, as the engine has it.
const AT_ONCE: usize = 10;

/// The steps of a preview, without the services that were unticked.
pub(crate) fn view(
    preview: &Shown,
    is_left_out: impl Fn(&PreviewItem) -> bool,
    on_failure: &OnFailure,
    begins: &str,
    minutes: &str,
) -> AnyView {
    let steps = steps(preview, is_left_out, on_failure, begins, minutes);
    let steps = steps.into_iter().map(|step| view! { <li>{step}</li> }).collect_view();
    view! {
        <section>
            <h3 class="mb-1 text-sm font-semibold">"What happens"</h3>
            <ol class="muted list-decimal space-y-0.5 pl-5 text-xs">{steps}</ol>
        </section>
    }
    .erase()
}

fn steps(
    preview: &Shown,
    is_left_out: impl Fn(&PreviewItem) -> bool,
    on_failure: &OnFailure,
    begins: &str,
    minutes: &str,
) -> Vec<String> {
    let changing = || preview.items.iter().filter(|item| item.will_change() && !is_left_out(item));
    // Of other pages none is unticked.
    let here = preview.items.iter().filter(|item| item.will_change()).count();
    let all = (preview.changing - here.min(preview.changing)) + changing().count();
    if all == 0 {
        return vec!["Nothing is changed.".to_owned()];
    }
    let mut steps = Vec::new();
    if !begins.is_empty() {
        steps.push(format!("Waits until {}. It can be cancelled until then.", begins.replace('T', " ")));
    }
    if changing().any(|item| item.warnings.iter().any(|warning| warning.code == "waits")) {
        steps.push("Waits for its turn: another deployment of this environment comes first.".to_owned());
    }
    let names: Vec<&str> = changing().map(|item| item.name.as_str()).take(NAMED).collect();
    let rest = match all.saturating_sub(names.len()) {
        0 => String::new(),
        more => format!(" and {} more", count(more as u64)),
    };
    let pace = match all {
        1 => "",
        2..=AT_ONCE => ", all at once",
        _ => ", up to ten at a time in each cluster",
    };
    let what = format!("{}{pace}: {}{rest}.", counted(all as u64, "service"), names.join(", "));
    let relocates = changing().find_map(|item| Some((item.original.as_ref()?, item.target.as_ref()?)));
    if let Some((original, target)) = relocates {
        let (from, to) = (&original.cluster, &target.cluster);
        steps.extend([
            format!("Copies to {to}, with their variables, {what}"),
            "Follows each until all of its replicas serve; the originals serve all the while.".to_owned(),
            format!(
                "Binds {} to {to}, and then stops what runs in {from}. Front doors have other addresses there.",
                target.namespace
            ),
            "If one fails, the copies are removed, and everything stays where it is.".to_owned(),
        ]);
        return steps;
    }
    steps.push(format!("Changes {what}"));
    let limit = match minutes.trim() {
        "" => "15 minutes for each".to_owned(),
        minutes => format!("{minutes} minutes in all"),
    };
    steps.push(format!(
        "Follows each until all of its replicas run the new version and serve, {limit} at most."
    ));
    steps.push(match on_failure {
        OnFailure::PutBack => "If one fails, everything that was changed is put back.".to_owned(),
        OnFailure::GoOn => "If one fails, the others go on.".to_owned(),
        _ => "If one fails, the rest is left as it is; what has begun is followed to its end.".to_owned(),
    });
    steps.push(format!("What runs then becomes the active revision of {}.", preview.target_name));
    steps
}
