//! Short notes at the corner of the screen, and the end of a sync in the document's title.

use std::time::Duration;

use domain::{
    deployment::{DeploymentStatus, Origin},
    id::DeploymentId,
};
use leptos::{html, prelude::*, task::spawn_local};

use crate::{
    api::{self, deployment::Brief},
    browser,
    components::{
        dialog::lazily,
        empty::nothing,
        erased::{Erase, maybe},
        icon::{icon, lu},
        status,
    },
    live::{self, News},
    pages::lazy::Part,
};

/// How long a toast stays.
const STAY: Duration = Duration::from_secs(8);

#[derive(Clone)]
struct Toast {
    id: u32,
    class: &'static str,
    words: String,
    link: Option<String>,
}

/// The toasts on screen.
#[derive(Clone, Copy)]
pub(crate) struct Toasts {
    shown: RwSignal<Vec<Toast>>,
    title: RwSignal<Option<String>>,
    next: StoredValue<u32>,
}

/// Provides [`Toasts`].
pub(crate) fn provide() {
    let toasts =
        Toasts { shown: RwSignal::new(Vec::new()), title: RwSignal::new(None), next: StoredValue::new(0) };
    provide_context(toasts);
    live::on_news(move |news| {
        if let News::Event(event) = news
            && event.kind == "deployment.ended"
            && let Some(id) = event.deployment_id
        {
            toasts.ended(id);
        }
    });
}

/// The document's title: the page's, after the end of a sync for a while.
pub(crate) fn title(page: String) -> String {
    let page = if page.is_empty() { "Lockstep".to_owned() } else { format!("{page} · Lockstep") };
    // The server asks for it once the page is rendered, when its signals may be gone already; there nothing ends anyway.
    let ended = if cfg!(feature = "ssr") {
        None
    } else {
        use_context::<Toasts>().and_then(|toasts| toasts.title.get())
    };
    ended.map_or(page.clone(), |ended| format!("{ended} · {page}"))
}

/// How a deployment ended, in a few words.
pub(crate) fn outcome(deployment: &Brief) -> String {
    let what = match deployment.origin {
        Origin::Rollback => format!("Rollback in {}", deployment.target),
        Origin::Deploy => format!("Deployment to {}", deployment.target),
        _ => format!("Sync to {}", deployment.target),
    };
    let (sign, how) = match &deployment.status {
        DeploymentStatus::Complete => ("✓", "complete"),
        DeploymentStatus::Failed => ("✗", "failed"),
        DeploymentStatus::Cancelled => ("■", "cancelled"),
        DeploymentStatus::PutBack => ("↩", "put back"),
        DeploymentStatus::Superseded => ("■", "superseded"),
        other => ("", other.as_str()),
    };
    format!("{sign} {what} {how}").trim_start().to_owned()
}

impl Toasts {
    /// Shows a note.
    pub(crate) fn say(self, class: &'static str, words: impl Into<String>, link: Option<String>) {
        let id = self.next.get_value();
        self.next.set_value(id + 1);
        self.shown.update(|shown| shown.push(Toast { id, class, words: words.into(), link }));
        set_timeout(move || self.close(id), STAY);
    }

    /// Shows that something was done.
    pub(crate) fn done(self, words: impl Into<String>) {
        self.say("is-success", words, None);
    }

    fn close(self, id: u32) {
        self.shown.update(|shown| shown.retain(|toast| toast.id != id));
    }

    fn ended(self, id: DeploymentId) {
        spawn_local(async move {
            let Ok(deployment) = api::deployment::brief(id).await else { return };
            let words = outcome(&deployment);
            // The card has an icon of its own.
            let plain = words.trim_start_matches(|c: char| !c.is_alphabetic()).to_owned();
            self.say(status::deployment(&deployment.status).class, plain, Some(format!("/deployments/{id}")));
            self.title.set(Some(words));
            set_timeout(move || self.title.set(None), Duration::from_secs(20));
        });
    }
}

/// Where toasts appear.
#[component]
pub(crate) fn ToastList() -> impl IntoView {
    let toasts = expect_context::<Toasts>();
    let any = Memo::new(move |_| !toasts.shown.with(Vec::is_empty));
    let node = NodeRef::<html::Div>::new();
    Effect::new(move |_| {
        toasts.shown.track();
        if let (true, Some(node)) = (any.get(), node.get_untracked()) {
            browser::raise(&node);
        }
    });
    view! {
        <div class="toasts" role="status" aria-live="polite" popover="manual" node_ref=node>
            {maybe(move || any.get().then(|| lazily(Part::Toasts, nothing)))}
        </div>
    }
    .erase()
}

/// The toasts themselves.
pub(crate) fn list() -> AnyView {
    let toasts = expect_context::<Toasts>();
    (move || toasts.shown.get().into_iter().map(|toast| card(toasts, toast)).collect_view()).into_any()
}

fn card(toasts: Toasts, toast: Toast) -> AnyView {
    let id = toast.id;
    let sign = match toast.class {
        "is-success" => lu::LuCircleCheck,
        "is-error" => lu::LuCircleX,
        _ => lu::LuInfo,
    };
    view! {
        <div class=format!("toast-card {}", toast.class)>
            <span class="state">{icon(sign)}</span>
            <p class="flex-1">
                {toast.words}
                {toast.link.map(|link| view! { <a class="link ml-1" href=link>"Show"</a> })}
            </p>
            <button
                type="button"
                class="btn btn-ghost btn-xs btn-square"
                aria-label="Dismiss"
                on:click=move |_| toasts.close(id)
            >
                {icon(lu::LuX)}
            </button>
        </div>
    }
    .erase()
}
