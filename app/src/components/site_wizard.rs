//! The wizard that connects a site: kind, address and credentials, a live test, clusters, and the next step.

use domain::{
    problem::Problem,
    site::{Site, SiteKind, Tested},
};
use leptos::prelude::*;

use crate::components::erased::Erase;
use crate::{
    api, browser,
    components::{
        bind::Bind,
        dialog::{Dialog, lazily, waiting},
        environment_form::create_standard,
        field::choice,
        icon::{icon, lu},
        problem::{hint, note},
        site_checks::Testing,
        site_clusters::ChooseClusters,
        site_form::{SiteFields, SiteForm},
    },
    live,
    pages::lazy::Part,
    request::Request,
};

/// The wizard's steps, in their order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Kind,
    Credentials,
    Test,
    Clusters,
    Done,
}

const STEPS: &[(Step, &str)] = &[
    (Step::Kind, "Kind"),
    (Step::Credentials, "Address"),
    (Step::Test, "Test"),
    (Step::Clusters, "Clusters"),
    (Step::Done, "Done"),
];

/// Opens the wizard from any page. What was typed stays when it is closed half-way.
#[derive(Clone, Copy)]
pub(crate) struct Wizard {
    open: RwSignal<bool>,
    step: RwSignal<Step>,
    form: SiteForm,
    site: RwSignal<Option<Site>>,
    /// It has been open.
    seen: StoredValue<bool>,
}

/// Provides [`Wizard`].
pub(crate) fn provide() {
    provide_context(Wizard {
        open: RwSignal::new(false),
        step: RwSignal::new(Step::Kind),
        form: SiteForm::new(),
        site: RwSignal::new(None),
        seen: StoredValue::new(false),
    });
}

impl Wizard {
    /// Opens it without being asked, once in a visit.
    pub(crate) fn begin_by_itself(self) {
        if !self.seen.get_value() {
            self.begin();
        }
    }

    /// Opens it, where it was left.
    pub(crate) fn begin(self) {
        if self.step.get_untracked() == Step::Done {
            self.form.clear();
            self.site.set(None);
            self.step.set(Step::Kind);
        }
        self.seen.set_value(true);
        self.open.set(true);
    }

    /// Goes back to the fields, with a problem at the one it belongs to.
    fn back_to_fields(self, problem: Option<Problem>) {
        if problem.is_some() {
            self.form.problem.set(problem);
        }
        self.step.set(Step::Credentials);
    }
}

/// The wizard's dialog.
#[component]
pub(crate) fn SiteWizard() -> impl IntoView {
    let wizard = expect_context::<Wizard>();
    view! {
        <Dialog open=wizard.open title="Connect a site">
            {lazily(Part::Wizard, waiting)}
        </Dialog>
    }
    .erase()
}

/// What the dialog holds.
pub(crate) fn content() -> AnyView {
    let wizard = expect_context::<Wizard>();
    let step = move || match wizard.step.get() {
        Step::Kind => kind(wizard),
        Step::Credentials => credentials(wizard),
        Step::Test => view! { <Test /> }.erase(),
        Step::Clusters => clusters(wizard),
        Step::Done => view! { <Done /> }.erase(),
    };
    Effect::new(move |before: Option<Step>| {
        let step = wizard.step.get();
        if before.is_some_and(|before| before != step) {
            browser::settle_focus(true);
        }
        step
    });
    view! {
        {steps(wizard)}
        {step}
    }
    .erase()
}

fn steps(wizard: Wizard) -> AnyView {
    let items = STEPS.iter().map(|&(step, name)| {
        let reached = move || wizard.step.get() >= step;
        let current = move || (wizard.step.get() == step).then_some("step");
        view! {
            <li class:reached=reached aria-current=current>
                {name}
            </li>
        }
    });
    view! { <ol class="stages px-5 pt-3">{items.collect_view()}</ol> }.erase()
}

fn kind(wizard: Wizard) -> AnyView {
    view! {
        <form
            class="contents"
            on:submit=move |event| {
                event.prevent_default();
                wizard.step.set(Step::Credentials);
            }
        >
            <div class="dialog-body space-y-4">
                <p>
                    "Lockstep shows what version of what runs where, and brings one environment in step with another. "
                    "It needs a connection to where your software runs."
                </p>
                {choice(
                    "What do you want to connect?",
                    "site-kind",
                    wizard.form.kind,
                    &[
                        ("rancher", "Rancher", "A Rancher server, with all the clusters behind it."),
                        ("kubernetes", "Kubernetes", "One Kubernetes API server, by address and token or by kubeconfig."),
                    ],
                )}
            </div>
            <div class="dialog-foot">
                <button type="submit" class="btn btn-primary">"Continue"</button>
            </div>
        </form>
    }
    .erase()
}

fn credentials(wizard: Wizard) -> AnyView {
    view! {
        <form
            class="contents"
            on:submit=move |event| {
                event.prevent_default();
                wizard.form.problem.set(None);
                wizard.step.set(Step::Test);
            }
        >
            <div class="dialog-body space-y-3">
                {move || {
                    let words = if wizard.form.kind.with(|kind| *kind == SiteKind::Rancher.as_str()) {
                        "Make the token in Rancher under your avatar, Account & API Keys, without a scope: a token for one cluster cannot list the others."
                    } else {
                        "A service account's token is best: it does not end with a person's."
                    };
                    hint("is-info", words)
                }}
                <SiteFields form=wizard.form id="wizard" />
            </div>
            <div class="dialog-foot">
                <button type="button" class="btn" on:click=move |_| wizard.step.set(Step::Kind)>"Back"</button>
                <button type="submit" class="btn btn-primary">"Test the connection"</button>
            </div>
        </form>
    }
    .erase()
}

#[component]
fn Test() -> impl IntoView {
    let wizard = expect_context::<Wizard>();
    let (testing, creating) = (Testing::new(), Request::new());
    let test = move || {
        testing.begin(Tested::New(wizard.form.new_site()), move |outcome| wizard.form.blame(outcome));
    };
    test();
    let create = move || {
        creating.send(api::site::create(wizard.form.new_site()), move |site| {
            wizard.form.token.set(String::new());
            wizard.site.set(Some(site));
            wizard.step.set(Step::Clusters);
            live::look_again();
        });
    };
    // A refused field is shown where it can be mended.
    Effect::new(move |_| {
        let refused = testing.request.problem.get().or_else(|| creating.problem.get());
        if refused.as_ref().is_some_and(|problem| !problem.errors.is_empty()) {
            wizard.back_to_fields(refused);
        }
    });
    view! {
        <form
            class="contents"
            on:submit=move |event| {
                event.prevent_default();
                create();
            }
        >
            <div class="dialog-body space-y-3">{note(creating.problem)} {testing.view()}</div>
            <div class="dialog-foot">
                <button type="button" class="btn" on:click=move |_| wizard.back_to_fields(None)>"Back"</button>
                <button
                    type="button"
                    class="btn"
                    disabled=move || testing.request.pending.get()
                    on:click=move |_| test()
                >
                    {icon(lu::LuRefreshCw)}
                    "Test again"
                </button>
                <button
                    type="submit"
                    class="btn btn-primary"
                    disabled=move || !testing.passed() || creating.pending.get()
                >
                    "Connect"
                </button>
            </div>
        </form>
    }
    .erase()
}

fn clusters(wizard: Wizard) -> AnyView {
    let done = Callback::new(move |()| wizard.step.set(Step::Done));
    let site = wizard.site.get_untracked();
    site.map(|site| view! { <ChooseClusters site=site.id done /> }.erase()).into_any()
}

#[component]
fn Done() -> impl IntoView {
    let wizard = expect_context::<Wizard>();
    let bind = expect_context::<Bind>();
    let (looking, creating) = (Request::new(), Request::new());
    let environments = RwSignal::new(None::<usize>);
    looking.send(api::environment::list(), move |list| environments.set(Some(list.len())));
    let name =
        wizard.site.with_untracked(|site| site.as_ref().map(|site| site.name.clone()).unwrap_or_default());
    let go_on = move || {
        wizard.open.set(false);
        bind.begin(None);
    };
    let next = move || {
        Some(match environments.get()? {
            0 => view! {
                <p>
                    "Next, say which environments you have. You can rename and reorder them at any time."
                </p>
                <div class="flex flex-wrap gap-2">
                    <button
                        type="button"
                        class="btn btn-primary"
                        autofocus
                        disabled=move || creating.pending.get()
                        on:click=move |_| create_standard(creating, go_on)
                    >
                        "Create Development, Staging and Production"
                    </button>
                    <a class="btn" href="/environments?new=true" on:click=move |_| wizard.open.set(false)>"Create others"</a>
                </div>
            }
            .erase(),
            _ => view! {
                <p>"Next, say which of its namespaces belong to which environment."</p>
                <button type="button" class="btn btn-primary" autofocus on:click=move |_| go_on()>
                    {icon(lu::LuLink)}
                    "Bind namespaces"
                </button>
            }
            .erase(),
        })
    };
    view! {
        <div class="dialog-body space-y-4">
            {hint("is-success", format!("{name} is connected."))} {note(creating.problem)} {next}
        </div>
        <div class="dialog-foot">
            <button type="button" class="btn" on:click=move |_| wizard.open.set(false)>"Later"</button>
        </div>
    }
    .erase()
}
