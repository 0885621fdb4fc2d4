//! Making and editing an environment.

use domain::{
    cluster::Cluster,
    environment::{Environment, EnvironmentEdit, NewEnvironment, PALETTE},
};
use leptos::prelude::*;

use crate::components::erased::Erase;
use crate::{
    api,
    components::{
        conflict::conflict,
        field::{TextField, field_error},
        problem::note,
    },
    live,
    request::Request,
};

/// Makes Development, Staging and Production, in this order, and goes on when they are there.
pub(crate) fn create_standard(request: Request, done: impl FnOnce() + 'static) {
    let make = async {
        for name in ["Development", "Staging", "Production"] {
            let new = NewEnvironment { name: name.to_owned(), ..Default::default() };
            api::environment::create(new).await?;
        }
        Ok(())
    };
    request.send(make, move |()| {
        live::look_again();
        done();
    });
}

/// The body and foot of the dialog that makes an environment, or edits one.
#[component]
pub(crate) fn EnvironmentForm(
    /// The one to edit; none makes one.
    environment: Option<Environment>,
    /// Called when it is stored.
    done: Callback<()>,
) -> impl IntoView {
    let request = Request::new();
    let stored = RwSignal::new(environment);
    let text = || RwSignal::new(String::new());
    let (name, description, color, home) = (text(), text(), text(), text());
    let (reading, clusters) = (Request::new(), RwSignal::new(Vec::new()));
    reading.send(api::cluster::all_managed(), move |list| clusters.set(list));
    let fill = move |environment: &Environment| {
        name.set(environment.name.clone());
        description.set(environment.description.clone());
        color.set(environment.color.clone());
        home.set(environment.cluster_id.map(|id| id.to_string()).unwrap_or_default());
    };
    stored.with_untracked(|stored| stored.iter().for_each(fill));
    let finished = move |_: Environment| {
        live::look_again();
        done.try_run(());
    };
    let store = move || {
        let (name, description) = (name.get_untracked(), description.get_untracked());
        let color = Some(color.get_untracked()).filter(|color| !color.is_empty());
        let cluster_id = Some(home.get_untracked());
        match stored.get_untracked() {
            Some(old) => {
                let edit = EnvironmentEdit {
                    name: Some(name),
                    description: Some(description),
                    color,
                    cluster_id,
                    version: Some(old.version),
                    ..Default::default()
                };
                request.send(api::environment::edit(old.id, edit), finished);
            }
            None => {
                let new = NewEnvironment { name, description, color, cluster_id, position: None };
                request.send(api::environment::create(new), finished);
            }
        }
    };
    let take = move |theirs: &Environment| {
        fill(theirs);
        stored.set(Some(theirs.clone()));
    };
    let keep = move |theirs: &Environment| {
        stored.set(Some(theirs.clone()));
        store();
    };
    let swatches = PALETTE.iter().map(|&one| {
        let chosen = move || color.with(|color| color.eq_ignore_ascii_case(one));
        view! {
            <button
                type="button"
                class="swatch"
                style=format!("--env: {one}")
                aria-label=format!("Colour {one}")
                aria-pressed=move || chosen().to_string()
                on:click=move |_| color.set(one.to_owned())
            ></button>
        }
    });
    let swatches = swatches.collect_view();
    let new = stored.with_untracked(Option::is_none);
    view! {
        <form
            class="contents"
            on:submit=move |event| {
                event.prevent_default();
                store();
            }
        >
            <div class="dialog-body space-y-3">
                {note(request.problem)} {conflict(request.problem, stored_words, take, keep)}
                <TextField label="Name" form="environment" name="name" value=name problem=request.problem
                    required=true autofocus=true />
                <TextField label="Description" form="environment" name="description" value=description
                    problem=request.problem />
                <div class="field">
                    <label for="environment-color">
                        "Colour" {new.then(|| view! { <span class="muted">" (chosen for you if left empty)"</span> })}
                    </label>
                    <div class="flex flex-wrap items-center gap-2">
                        {swatches}
                        <input
                            id="environment-color"
                            class="input input-sm mono w-28"
                            placeholder="#4CAF50"
                            aria-describedby="environment-color-error"
                            prop:value=move || color.get()
                            on:input=move |event| color.set(event_target_value(&event))
                        />
                    </div>
                    {field_error("environment-color-error".to_owned(), "color", request.problem)}
                </div>
                <div class="field">
                    <label for="environment-cluster">"Home cluster " <span class="muted">"(optional)"</span></label>
                    <select
                        id="environment-cluster"
                        class="select w-full"
                        aria-describedby="environment-cluster-error"
                        on:change=move |event| home.set(event_target_value(&event))
                    >
                        <option value="" prop:selected=move || home.with(String::is_empty)>"None"</option>
                        {move || clusters.with(|clusters| clusters.iter().map(|cluster| option(cluster, home)).collect_view())}
                    </select>
                    {field_error("environment-cluster-error".to_owned(), "clusterId", request.problem)}
                    {note(reading.problem)}
                </div>
            </div>
            <div class="dialog-foot">
                <button type="submit" class="btn btn-primary" disabled=move || request.pending.get()>
                    {if new { "Create environment" } else { "Save" }}
                </button>
            </div>
        </form>
    }
    .erase()
}

fn option(cluster: &Cluster, home: RwSignal<String>) -> impl IntoView + use<> {
    let value = cluster.id.to_string();
    let words = format!("{} · {}", cluster.name, cluster.site_name);
    let chosen = value.clone();
    view! { <option value=value prop:selected=move || home.with(|home| *home == chosen)>{words}</option> }
}

fn stored_words(stored: &Environment) -> String {
    let description = match stored.description.as_str() {
        "" => "no description",
        words => words,
    };
    format!("“{}”, {}, {description}", stored.name, stored.color)
}
