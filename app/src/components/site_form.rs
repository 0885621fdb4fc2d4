//! A site's address and credentials.

use domain::{
    problem::{FieldError, Problem},
    secret::Secret,
    site::{NewSite, Site, SiteEdit, SiteKind, SiteTest},
};
use leptos::{prelude::*, task::spawn_local};
use wasm_bindgen::JsCast;

use crate::components::erased::Erase;
use crate::{
    api, browser,
    components::{
        field::TextField,
        problem::{note, note_beside_fields},
    },
    request::Request,
};

/// What is typed about a site.
#[derive(Clone, Copy)]
pub(crate) struct SiteForm {
    pub(crate) kind: RwSignal<String>,
    pub(crate) name: RwSignal<String>,
    pub(crate) url: RwSignal<String>,
    pub(crate) token: RwSignal<String>,
    pub(crate) ca: RwSignal<String>,
    pub(crate) kubeconfig: RwSignal<String>,
    pub(crate) problem: RwSignal<Option<Problem>>,
}

impl SiteForm {
    pub(crate) fn new() -> Self {
        let text = || RwSignal::new(String::new());
        let form = Self {
            kind: text(),
            name: text(),
            url: text(),
            token: text(),
            ca: text(),
            kubeconfig: text(),
            problem: RwSignal::new(None),
        };
        form.clear();
        form
    }

    /// Empties it.
    pub(crate) fn clear(self) {
        for field in [self.name, self.url, self.token, self.ca, self.kubeconfig] {
            field.set(String::new());
        }
        self.kind.set(SiteKind::Rancher.to_string());
        self.problem.set(None);
    }

    /// Fills it with what is stored; the token is never told.
    pub(crate) fn fill(self, site: &Site) {
        self.clear();
        self.kind.set(site.kind.to_string());
        self.name.set(site.name.clone());
        self.url.set(site.url.clone());
        self.ca.set(site.ca_certificate.clone().unwrap_or_default());
    }

    /// A request for a new site.
    pub(crate) fn new_site(self) -> NewSite {
        let ca = self.ca.get_untracked();
        NewSite {
            name: self.name.get_untracked(),
            kind: SiteKind::from(self.kind.get_untracked().as_str()),
            url: self.url.get_untracked().trim().to_owned(),
            token: Secret::new(self.token.get_untracked().trim()),
            ca_certificate: (!ca.trim().is_empty()).then_some(ca),
        }
    }

    /// A request that changes a site into this; an empty token leaves the stored one.
    pub(crate) fn edit(self, version: i64) -> SiteEdit {
        let token = self.token.get_untracked();
        SiteEdit {
            name: Some(self.name.get_untracked()),
            url: Some(self.url.get_untracked().trim().to_owned()),
            token: (!token.trim().is_empty()).then(|| Secret::new(token.trim())),
            ca_certificate: Some(self.ca.get_untracked()),
            active: None,
            version: Some(version),
        }
    }

    /// Puts a failed test's words at the field they belong to.
    pub(crate) fn blame(self, test: &SiteTest) {
        if let (false, Some(field)) = (test.success, &test.field) {
            let mut problem = Problem::new(422, "test_failed", "Test failed", test.message.clone());
            problem.errors.push(FieldError::new(field, test.message.clone()));
            self.problem.set(Some(problem));
        }
    }

    fn is_local(self) -> bool {
        self.kind.with(|kind| *kind == SiteKind::Local.as_str())
    }

    fn is_kubernetes(self) -> bool {
        self.kind.with(|kind| *kind == SiteKind::Kubernetes.as_str())
    }
}

/// The fields; `stored` where a token is there already.
#[component]
pub(crate) fn SiteFields(
    /// What is typed.
    form: SiteForm,
    /// A word for the form that they are in.
    id: &'static str,
    /// A token is stored, and stays if none is given.
    #[prop(optional)]
    stored: bool,
) -> impl IntoView {
    let problem = form.problem;
    view! {
        <div class="space-y-3">
            {note_beside_fields(problem)}
            {move || form.is_kubernetes().then(|| view! { <Kubeconfig form id /> })}
            <TextField label="Name" form=id name="name" value=form.name problem required=true autofocus=true
                placeholder="Production clusters" />
            {move || (!form.is_local()).then(|| connection(form, id, stored))}
        </div>
    }
    .erase()
}

/// Where it is and how to sign in: all that the server's own machine does not need.
fn connection(form: SiteForm, id: &'static str, stored: bool) -> AnyView {
    let problem = form.problem;
    let token_hint = if stored {
        "Leave it empty to keep the stored one. It is never shown."
    } else {
        "Stored encrypted, and never shown again."
    };
    view! {
        <TextField label="Server address" form=id name="url" kind="url" value=form.url problem required=true
            placeholder="https://…" />
        <TextField label="API token" form=id name="token" kind="password" value=form.token problem
            required={!stored} hint=token_hint />
        <TextField label="CA certificate" form=id name="caCertificate" value=form.ca problem lines=4
            placeholder="-----BEGIN CERTIFICATE-----"
            hint="Only where the server's certificate is signed by a CA of your own." />
    }
    .erase()
}

#[component]
fn Kubeconfig(form: SiteForm, id: &'static str) -> impl IntoView {
    let request = Request::new();
    let take_apart = move || {
        let text = form.kubeconfig.try_get_untracked().unwrap_or_default();
        if text.trim().is_empty() {
            return;
        }
        request.send(api::site::parse_kubeconfig(text), move |parts| {
            if form.name.try_with_untracked(String::is_empty) == Some(true) {
                form.name.set(parts.name);
            }
            form.url.set(parts.url);
            form.token.set(parts.token.expose().to_owned());
            form.ca.set(parts.ca_certificate.unwrap_or_default());
            form.kubeconfig.set(String::new());
        });
    };
    let upload = move |event: leptos::ev::Event| {
        let input = event.target().and_then(|target| target.dyn_into::<web_sys::HtmlInputElement>().ok());
        let Some(input) = input else { return };
        spawn_local(async move {
            match browser::chosen_file(&input).await {
                Ok(Some(text)) => {
                    form.kubeconfig.set(text);
                    take_apart();
                }
                Ok(None) => {}
                Err(problem) => request.problem.set(Some(problem)),
            }
        });
    };
    view! {
        <fieldset class="surface space-y-3 p-3">
            <legend class="px-1 text-xs">"From a kubeconfig"</legend>
            {note(request.problem)}
            <TextField label="Paste a kubeconfig" form=id name="kubeconfig" value=form.kubeconfig
                problem=request.problem lines=3 hint="It is taken apart into the fields below; it is not kept." />
            <div class="flex flex-wrap items-center gap-2">
                <button type="button" class="btn btn-sm" disabled=move || request.pending.get() on:click=move |_| take_apart()>
                    "Fill in the fields"
                </button>
                <label class="muted text-xs" for=format!("{id}-file")>"or upload it:"</label>
                <input id=format!("{id}-file") type="file" class="file" on:change=upload />
            </div>
        </fieldset>
    }
    .erase()
}
