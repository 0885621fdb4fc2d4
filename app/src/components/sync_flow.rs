//! From a selection to a running sync, from any page: the dialogs that confirm it and follow it live.

use std::{any::Any, sync::Arc};

use domain::{deploy::DeployRequest, id::DeploymentId, sync::SyncRequest};
use leptos::prelude::*;

use crate::components::erased::Erase;
use crate::{
    components::dialog::{Dialog, lazily, waiting},
    live,
    pages::lazy::Part,
};

/// What a preview is asked of.
#[derive(Clone)]
pub(crate) enum Ask {
    /// A sync.
    Sync(Box<SyncRequest>),
    /// The way back from a deployment.
    Undo(DeploymentId),
    /// The rest of a deployment.
    Retry(DeploymentId),
    /// Versions, or a revision.
    Deploy(DeployRequest),
}

/// Opens the confirmation and the live view from any page.
#[derive(Clone, Copy)]
pub(crate) struct SyncFlow {
    /// An [`Ask`], of which the first file need not know how to clone and drop it.
    ask: StoredValue<Option<Arc<dyn Any + Send + Sync>>>,
    title: RwSignal<String>,
    open: RwSignal<bool>,
    watched: RwSignal<Option<DeploymentId>>,
    watching: RwSignal<bool>,
}

/// Provides [`SyncFlow`].
pub(crate) fn provide() {
    provide_context(SyncFlow {
        ask: StoredValue::new(None),
        title: RwSignal::new(String::new()),
        open: RwSignal::new(false),
        watched: RwSignal::new(None),
        watching: RwSignal::new(false),
    });
}

impl SyncFlow {
    /// Previews a sync for confirmation.
    pub(crate) fn sync(self, request: SyncRequest) {
        self.begin("Sync", Ask::Sync(Box::new(request)));
    }

    /// Previews a deployment for confirmation.
    pub(crate) fn deploy(self, request: DeployRequest) {
        let title = match request.relocation {
            Some(_) => "Move",
            None if request.rollback => "Roll back",
            None => "Deploy",
        };
        self.begin(title, Ask::Deploy(request));
    }

    /// Previews the way back from a deployment for confirmation.
    pub(crate) fn undo(self, deployment: DeploymentId) {
        self.begin("Undo", Ask::Undo(deployment));
    }

    /// Previews the rest of a deployment for confirmation.
    pub(crate) fn retry(self, deployment: DeploymentId) {
        self.begin("Try the rest again", Ask::Retry(deployment));
    }

    fn begin(self, title: &str, ask: Ask) {
        self.watching.set(false);
        self.ask_instead(ask);
        self.title.set(title.to_owned());
        self.open.set(true);
    }

    /// What the confirmation asks about.
    pub(crate) fn asked(self) -> Option<Ask> {
        self.ask.get_value()?.downcast_ref::<Ask>().cloned()
    }

    /// Leaves the live view; the deployment goes on.
    pub(crate) fn leave(self) {
        self.watching.set(false);
    }

    /// The deployment that was started last.
    pub(crate) fn started(self) -> Option<DeploymentId> {
        self.watched.get()
    }

    /// Asks about something else in the open confirmation.
    pub(crate) fn ask_instead(self, ask: Ask) {
        self.ask.set_value(Some(Arc::new(ask)));
    }

    /// Closes the confirmation; nothing is started.
    pub(crate) fn close(self) {
        self.open.set(false);
    }

    /// Closes the confirmation and shows what was started.
    pub(crate) fn watch(self, deployment: DeploymentId) {
        self.open.set(false);
        self.watched.set(Some(deployment));
        self.watching.set(true);
        live::look_again();
    }
}

/// The dialog that watches what was just started. It can be left at any time.
#[component]
pub(crate) fn LiveSheet() -> impl IntoView {
    let flow = expect_context::<SyncFlow>();
    view! {
        <Dialog open=flow.watching title="Deployment" class="sheet">
            {move || flow.watched.get().map(|id| lazily(Part::Watch(id), waiting))}
        </Dialog>
    }
    .erase()
}

/// The confirmation dialog.
#[component]
pub(crate) fn SyncSheet() -> impl IntoView {
    let flow = expect_context::<SyncFlow>();
    view! {
        <Dialog open=flow.open title=flow.title class="sheet">
            {lazily(Part::Confirm, waiting)}
        </Dialog>
    }
    .erase()
}
