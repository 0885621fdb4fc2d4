//! Making a cluster on the server's own machine.

use domain::{cluster::NewCluster, id::SiteId};
use leptos::prelude::*;

use crate::components::erased::Erase;
use crate::{
    api,
    components::{field::TextField, problem::note_beside_fields},
    live,
    request::Request,
};

/// Asks for the name. Body and foot of a dialog.
#[component]
pub(crate) fn MakeCluster(
    /// The local site; this server's if not given.
    site: Option<SiteId>,
    /// Called when it is made.
    done: Callback<()>,
) -> impl IntoView {
    let request = Request::new();
    let problem = request.problem;
    let name = RwSignal::new(String::new());
    let make = move || {
        let new = NewCluster { name: name.get_untracked(), site_id: site };
        request.send(api::cluster::create(new), move |_| {
            live::look_again();
            done.try_run(());
        });
    };
    view! {
        <form
            class="contents"
            on:submit=move |event| {
                event.prevent_default();
                make();
            }
        >
            <div class="dialog-body space-y-3">
                {note_beside_fields(problem)}
                <TextField label="Name" form="cluster" name="name" value=name problem required=true autofocus=true
                    placeholder="staging"
                    hint="Lower-case letters, digits and hyphens. Namespaces and services in it are directories of the server." />
            </div>
            <div class="dialog-foot">
                <button type="submit" class="btn btn-primary" disabled=move || request.pending.get()>"Make the cluster"</button>
            </div>
        </form>
    }
    .erase()
}
