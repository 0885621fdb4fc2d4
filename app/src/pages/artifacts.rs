//! Artifacts: programs that were uploaded for services of the server's own machine.

use domain::{
    artifact::{Artifact, ArtifactKind},
    capacity::size_in_words,
};
use leptos::prelude::*;

use crate::components::erased::Erase;
use crate::{
    api,
    components::{
        action_bar::{Action, ActionBar},
        dialog::Dialog,
        empty::{empty, skeleton},
        icon::lu,
        problem::note,
        time,
        upload::Upload,
    },
    live,
    pages::{clusters::AGAIN, head},
    request::{Request, answer, ready, show},
};

/// Digits of a digest by which people tell artifacts apart.
const SHORT: usize = "sha256:".len() + 12;

#[component]
pub(crate) fn Artifacts() -> impl IntoView {
    let concerns = |news: &live::News| news.of_kind("artifact.") || news.of_kind("service.");
    // A service that is removed uses its artifact until its last process has ended, which is no news.
    let tick = time::every(AGAIN, live::tick(concerns));
    let artifacts = answer(|| (), tick, |()| api::artifact::list());
    let chosen = RwSignal::new(None::<String>);
    let subject = Memo::new(move |_| {
        let chosen = chosen.get()?;
        ready(artifacts)?.into_iter().find(|one| one.digest == chosen)
    });
    let deleting = RwSignal::new(false);
    let off = Signal::derive(move || match subject.get() {
        None => Some("Select an artifact first."),
        Some(one) if !one.used_by.is_empty() => {
            Some("A service uses it: change or remove that service first.")
        }
        Some(_) => None,
    });
    let open = Callback::new(move |()| deleting.set(true));
    let actions = vec![Action::new("x", "Delete", lu::LuTrash2, off, open)];
    let selected = Signal::derive(move || {
        subject.get().map_or_else(|| "Nothing selected".to_owned(), |one| named(&one))
    });
    let list = move |found: Vec<Artifact>| match found.is_empty() {
        true => empty(
            "No artifacts yet",
            "An artifact is a program that services of this machine run; upload one above.",
            (),
        ),
        false => table(&found, chosen),
    };
    let stored = Callback::new(move |stored: Artifact| {
        chosen.set(Some(stored.digest));
        live::look_again();
    });
    view! {
        <p class="mb-3"><a class="link link-hover muted" href="/clusters">"← All clusters"</a></p>
        {head("Artifacts", "Programs for services of the server's own machine. The same content is the same artifact.", ())}
        <div class="mb-4"><Upload form="artifacts" done=stored /></div>
        <ActionBar selected actions />
        {show(artifacts, skeleton, list)}
        <Dialog open=deleting title="Delete artifact">
            {move || subject.get_untracked().map(|one| delete(&one, deleting, chosen))}
        </Dialog>
    }
    .erase()
}

/// What an artifact is called: its file's name, or its digest.
pub(crate) fn named(one: &Artifact) -> String {
    one.name.clone().unwrap_or_else(|| short(&one.digest))
}

fn short(digest: &str) -> String {
    digest.chars().take(SHORT).collect()
}

/// What kind of artifact it is, in words.
pub(crate) fn kind(kind: &ArtifactKind) -> String {
    match kind {
        ArtifactKind::Executable => "executable".to_owned(),
        ArtifactKind::Archive => "archive".to_owned(),
        ArtifactKind::Unknown(word) => word.clone(),
    }
}

fn table(found: &[Artifact], chosen: RwSignal<Option<String>>) -> AnyView {
    let rows = found.iter().map(|one| row(one, chosen)).collect_view();
    view! {
        <div class="surface">
            <div class="table-frame" tabindex="0" role="group" aria-label="Artifacts">
                <table class="data-table">
                    <thead>
                        <tr>
                            <th scope="col" class="w-8"><span class="sr-only">"Select"</span></th>
                            <th scope="col">"Artifact"</th>
                            <th scope="col">"Kind"</th>
                            <th scope="col" class="num">"Size"</th>
                            <th scope="col">"Used by"</th>
                            <th scope="col">"Uploaded"</th>
                            <th scope="col" class="if-roomy">"Digest"</th>
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </div>
        </div>
    }
    .erase()
}

fn row(one: &Artifact, chosen: RwSignal<Option<String>>) -> AnyView {
    let (picked, picks) = (one.digest.clone(), one.digest.clone());
    let used = match one.used_by.is_empty() {
        true => view! { <span class="muted">"nothing"</span> }.erase(),
        false => one.used_by.join(", ").into_any(),
    };
    view! {
        <tr>
            <td>
                <input
                    type="radio"
                    class="radio radio-sm"
                    name="artifact"
                    aria-label=format!("Select {}", named(one))
                    prop:checked=move || chosen.with(|chosen| chosen.as_ref() == Some(&picked))
                    on:change=move |_| chosen.set(Some(picks.clone()))
                />
            </td>
            <th scope="row" class="wrap">{named(one)}</th>
            <td>{kind(&one.kind)}</td>
            <td class="num">{size_in_words(one.size)}</td>
            <td class="wrap">{used}</td>
            <td>{time::ago(one.created_at)}</td>
            <td class="if-roomy mono" title=one.digest.clone()>{short(&one.digest)}</td>
        </tr>
    }
    .erase()
}

fn delete(one: &Artifact, open: RwSignal<bool>, chosen: RwSignal<Option<String>>) -> AnyView {
    let request = Request::new();
    let digest = one.digest.clone();
    let confirm = move |_| {
        request.send(api::artifact::delete(digest.clone()), move |()| {
            chosen.set(None);
            open.set(false);
            live::look_again();
        });
    };
    view! {
        <div class="dialog-body space-y-3">
            {note(request.problem)}
            <p>"Deletes " <strong>{named(one)}</strong> ". Nothing uses it; it can be uploaded again."</p>
        </div>
        <div class="dialog-foot">
            <button type="button" class="btn" on:click=move |_| open.set(false)>"Cancel"</button>
            <button type="button" class="btn btn-error" autofocus disabled=move || request.pending.get() on:click=confirm>
                "Delete artifact"
            </button>
        </div>
    }
    .erase()
}
