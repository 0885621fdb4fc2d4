//! A connection's test: its checks as they pass or fail, and the outcome.

use domain::site::{CHECKS, Check, CheckStatus, SiteTest, Tested};
use leptos::prelude::*;

use crate::{
    api, browser,
    components::{
        erased::{Erase, dynamic},
        problem::{hint, note},
        status, token,
    },
    request::Request,
};

/// A test, under way or ended.
#[derive(Clone, Copy)]
pub(crate) struct Testing {
    /// Whether it is under way, and why it could not be made.
    pub(crate) request: Request,
    made: RwSignal<Vec<Check>>,
    outcome: RwSignal<Option<SiteTest>>,
}

impl Testing {
    pub(crate) fn new() -> Self {
        Self { request: Request::new(), made: RwSignal::default(), outcome: RwSignal::new(None) }
    }

    /// Makes the test, and goes on with its outcome.
    pub(crate) fn begin(self, tested: Tested, ended: impl FnOnce(&SiteTest) + 'static) {
        self.forget();
        let seen = move |check| {
            self.made.try_update(|made| made.push(check));
        };
        self.request.send(api::site::follow_test(tested, seen), move |outcome| {
            ended(&outcome);
            self.outcome.try_set(Some(outcome));
            browser::settle_focus(false);
        });
    }

    /// Forgets the last one.
    pub(crate) fn forget(self) {
        self.made.set(Vec::new());
        self.outcome.set(None);
    }

    /// It has ended well.
    pub(crate) fn passed(self) -> bool {
        self.outcome.with(|outcome| outcome.as_ref().is_some_and(|outcome| outcome.success))
    }

    /// The checks with how each ended, and the outcome.
    pub(crate) fn view(self) -> AnyView {
        let lines = CHECKS.iter().enumerate().map(|(at, (_, title))| {
            view! { <li class="check">{dynamic(move || self.line(at, title))}</li> }
        });
        view! {
            <div class="space-y-3">
                {note(self.request.problem)} <div role="status">{dynamic(move || self.summary())}</div>
                <ul class="checks" aria-label="Checks">
                    {lines.collect_view()}
                </ul>
                {dynamic(move || self.expiry())}
            </div>
        }
        .erase()
    }

    fn line(self, at: usize, title: &'static str) -> AnyView {
        let Some(check) = self.made.with(|made| made.get(at).cloned()) else {
            let next = self.request.pending.get() && self.made.with(|made| made.len() == at);
            let mark = if next { "spinner" } else { "check-to-come" };
            return view! {
                <span class="state is-quiet">
                    <span class=mark></span>
                </span>
                <span class="muted">{title}</span>
            }
            .erase();
        };
        view! {
            {status::check(&check.status).mark(None)}
            <span class="fade-in">
                <span class="font-medium">{check.title}</span>
                <span class="muted block text-xs">{check.message}</span>
            </span>
        }
        .erase()
    }

    fn summary(self) -> AnyView {
        self.outcome.with(|outcome| match outcome {
            None if self.request.pending.get() => hint("is-info", "Testing the connection…"),
            None => ().into_any(),
            Some(outcome) if !outcome.success => hint("is-error", outcome.message.clone()),
            Some(outcome) if outcome.checks.iter().any(|check| check.status == CheckStatus::Warning) => {
                hint("is-warning", "The connection works, with limits worth knowing.")
            }
            Some(_) => hint("is-success", "The connection works."),
        })
    }

    fn expiry(self) -> AnyView {
        let ends = self.outcome.with(|outcome| outcome.as_ref().and_then(|outcome| outcome.token_expires_at));
        ends.map_or_else(|| ().into_any(), token::expiry)
    }
}
