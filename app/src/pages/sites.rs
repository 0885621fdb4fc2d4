//! Sites: the connections to where software runs.

use domain::site::{Dependents, Site, SiteEdit, SiteKind, Tested};
use leptos::prelude::*;

use crate::components::erased::Erase;
use crate::{
    api,
    components::{
        cluster_form::MakeCluster,
        confirm,
        conflict::conflict,
        dialog::Dialog,
        empty::{empty, skeleton},
        icon::{icon, lu},
        problem::note,
        site_checks::Testing,
        site_clusters::ChooseClusters,
        site_form::{SiteFields, SiteForm},
        site_wizard::Wizard,
    },
    live::{self, News},
    pages::{head, site_card},
    request::{Request, answer, show},
};

/// What is being done with a site.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Doing {
    Testing,
    Editing,
    Choosing,
    MakingCluster,
    Deleting,
}

/// Which site a dialog is about, and what is done with it.
#[derive(Clone, Copy)]
pub(super) struct Dialogs {
    open: RwSignal<bool>,
    doing: RwSignal<Doing>,
    site: RwSignal<Option<Site>>,
    /// Switching a site on or off.
    pub(super) switching: Request,
}

impl Dialogs {
    fn begin(self, doing: Doing, site: &Site) {
        self.site.set(Some(site.clone()));
        self.doing.set(doing);
        self.open.set(true);
    }

    pub(super) fn test(self, site: &Site) {
        self.begin(Doing::Testing, site);
    }

    pub(super) fn edit(self, site: &Site) {
        self.begin(Doing::Editing, site);
    }

    pub(super) fn choose(self, site: &Site) {
        self.begin(Doing::Choosing, site);
    }

    pub(super) fn make_cluster(self, site: &Site) {
        self.begin(Doing::MakingCluster, site);
    }

    pub(super) fn delete(self, site: &Site) {
        self.begin(Doing::Deleting, site);
    }

    pub(super) fn switch(self, site: &Site) {
        let edit = SiteEdit { active: Some(!site.active), version: Some(site.version), ..Default::default() };
        self.switching.send(api::site::edit(site.id, edit), |_| live::look_again());
    }

    fn close(self) {
        self.open.set(false);
    }
}

/// The list of sites.
#[component]
pub(crate) fn Sites() -> impl IntoView {
    let wizard = expect_context::<Wizard>();
    let sites = answer(|| (), live::tick(News::of_sites), |()| api::site::list());
    let dialogs = Dialogs {
        open: RwSignal::new(false),
        doing: RwSignal::new(Doing::Testing),
        site: RwSignal::new(None),
        switching: Request::new(),
    };
    let connect = move |class: &'static str| {
        view! {
            <button type="button" class=class on:click=move |_| wizard.begin()>
                {icon(lu::LuPlug)}
                "Connect a site"
            </button>
        }
    };
    let list = move |found: Vec<Site>| {
        let none_connected = found.iter().all(|site| site.kind == SiteKind::Local).then(|| {
            empty(
                "Nothing connected yet",
                "Connect a Rancher server or a Kubernetes cluster: it needs an address and an API token.",
                connect("btn btn-primary"),
            )
        });
        let cards = found.iter().map(|site| site_card::view(site, dialogs)).collect_view();
        view! { <div class="space-y-3">{cards} {none_connected}</div> }.erase()
    };
    let title = Signal::derive(move || {
        let name = dialogs.site.with(|site| site.as_ref().map(|site| site.name.clone()).unwrap_or_default());
        match dialogs.doing.get() {
            Doing::Testing => format!("Test of {name}"),
            Doing::Editing => format!("Edit {name}"),
            Doing::Choosing => format!("Clusters of {name}"),
            Doing::MakingCluster => format!("New cluster on {name}"),
            Doing::Deleting => format!("Delete {name}"),
        }
    });
    let body = move || {
        let site = dialogs.site.get()?;
        let done = Callback::new(move |()| dialogs.close());
        Some(match dialogs.doing.get() {
            Doing::Testing => view! { <Test site dialogs /> }.erase(),
            Doing::Editing => view! { <Edit site dialogs /> }.erase(),
            Doing::Choosing => view! { <ChooseClusters site=site.id done /> }.erase(),
            Doing::MakingCluster => view! { <MakeCluster site=Some(site.id) done /> }.erase(),
            Doing::Deleting => view! { <Delete site dialogs /> }.erase(),
        })
    };
    view! {
        {head("Sites", "Where your software runs, and how Lockstep reaches it.", connect("btn btn-primary btn-sm"))}
        {note(dialogs.switching.problem)}
        {show(sites, skeleton, list)}
        <Dialog open=dialogs.open title>
            {body}
        </Dialog>
    }
    .erase()
}

#[component]
fn Test(site: Site, dialogs: Dialogs) -> impl IntoView {
    let testing = Testing::new();
    let id = site.id;
    let test = move || testing.begin(Tested::Stored(id), |_| live::look_again());
    test();
    view! {
        <div class="dialog-body">{testing.view()}</div>
        <div class="dialog-foot">
            <button
                type="button"
                class="btn"
                disabled=move || testing.request.pending.get()
                on:click=move |_| test()
            >
                {icon(lu::LuRefreshCw)}
                "Test again"
            </button>
            <button type="button" class="btn btn-primary" on:click=move |_| dialogs.close()>"Close"</button>
        </div>
    }
    .erase()
}

#[component]
fn Edit(site: Site, dialogs: Dialogs) -> impl IntoView {
    let form = SiteForm::new();
    form.fill(&site);
    let request = Request { problem: form.problem, ..Request::new() };
    let version = RwSignal::new(site.version);
    let id = site.id;
    let store = move || {
        request.send(api::site::edit(id, form.edit(version.get_untracked())), move |_| {
            live::look_again();
            dialogs.close();
        });
    };
    let take = move |theirs: &Site| {
        form.fill(theirs);
        version.set(theirs.version);
    };
    let keep = move |theirs: &Site| {
        version.set(theirs.version);
        store();
    };
    let words = |stored: &Site| format!("“{}”, {}", stored.name, stored.url);
    view! {
        <form
            class="contents"
            on:submit=move |event| {
                event.prevent_default();
                store();
            }
        >
            <div class="dialog-body space-y-3">
                {conflict(request.problem, words, take, keep)} <SiteFields form id="site" stored=true />
            </div>
            <div class="dialog-foot">
                <button type="submit" class="btn btn-primary" disabled=move || request.pending.get()>"Save"</button>
            </div>
        </form>
    }
    .erase()
}

#[component]
fn Delete(site: Site, dialogs: Dialogs) -> impl IntoView {
    let (asking, deleting) = (Request::new(), Request::new());
    let dependents = RwSignal::new(None::<Dependents>);
    let id = site.id;
    asking.send(api::site::dependents(id), move |found| dependents.set(Some(found)));
    let confirm = move || {
        let name = site.name.clone();
        let confirmed = move || {
            deleting.send(api::site::delete(id), move |()| {
                live::look_again();
                dialogs.close();
            });
        };
        dependents
            .get()
            .map(|found| confirm::delete("site", name, found, deleting, confirmed, move || dialogs.close()))
    };
    view! {
        <div class="px-5">{note(asking.problem)}</div>
        {move || asking.pending.get().then(skeleton)}
        {confirm}
    }
    .erase()
}
