//! Renaming and labelling a cluster.

use std::collections::BTreeMap;

use domain::cluster::{Cluster, ClusterEdit};
use leptos::prelude::*;

use crate::components::erased::Erase;
use crate::{
    api,
    components::{conflict::conflict, field::TextField, problem::note},
    live,
    request::Request,
};

/// Body and foot of the dialog.
#[component]
pub(crate) fn EditCluster(
    /// The cluster.
    cluster: Cluster,
    /// Called when it is stored.
    done: Callback<()>,
) -> impl IntoView {
    let request = Request::new();
    let problem = request.problem;
    let (id, version) = (cluster.id, RwSignal::new(cluster.version));
    let (name, labels) = (RwSignal::new(String::new()), RwSignal::new(String::new()));
    let fill = move |cluster: &Cluster| {
        name.set(cluster.name.clone());
        let lines: Vec<String> = cluster.labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
        labels.set(lines.join("\n"));
        version.set(cluster.version);
    };
    fill(&cluster);
    let save = move || {
        let edit = ClusterEdit {
            name: Some(name.get_untracked()),
            labels: Some(labels.with_untracked(|text| parsed(text))),
            cordoned: None,
            version: Some(version.get_untracked()),
        };
        request.send(api::cluster::edit(id, edit), move |_| {
            live::look_again();
            done.try_run(());
        });
    };
    let keep = move |theirs: &Cluster| {
        version.set(theirs.version);
        save();
    };
    view! {
        <form
            class="contents"
            on:submit=move |event| {
                event.prevent_default();
                save();
            }
        >
            <div class="dialog-body space-y-3">
                {note(problem)} {conflict(problem, words, fill, keep)}
                <TextField label="Name" form="cluster" name="name" value=name problem required=true autofocus=true
                    hint="Lockstep's own: the site goes on calling it as it does." />
                <TextField label="Labels" form="cluster" name="labels" value=labels problem lines=3
                    placeholder="region=eu" hint="One in a line: a word, “=”, and a value." />
            </div>
            <div class="dialog-foot">
                <button type="submit" class="btn btn-primary" disabled=move || request.pending.get()>"Save"</button>
            </div>
        </form>
    }
    .erase()
}

fn parsed(text: &str) -> BTreeMap<String, String> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    lines
        .map(|line| {
            let (key, value) = line.split_once('=').unwrap_or((line, ""));
            (key.trim().to_owned(), value.trim().to_owned())
        })
        .collect()
}

fn words(stored: &Cluster) -> String {
    format!("“{}”, {} labels", stored.name, stored.labels.len())
}
