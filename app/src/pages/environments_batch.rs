//! What is done to several environments at once, with a result for each.

use chrono::Utc;
use domain::{
    batch::{Batch, BatchAnswer, Operation, OperationResult},
    environment::Environment,
    settings::Freeze,
};
use leptos::prelude::*;

use crate::components::erased::Erase;
use crate::{
    api, browser,
    components::{
        field::TextField,
        icon::{icon, lu},
        pager::counted,
        problem::note,
        time,
    },
    live,
    request::Request,
};

/// What is typed to delete several.
const DELETE: &str = "delete";

/// A batch of one kind over the chosen environments: asked for, on its way, and answered.
#[derive(Clone, Copy)]
struct OverMany {
    subjects: StoredValue<Vec<Environment>>,
    open: RwSignal<bool>,
    request: Request,
    answer: RwSignal<Option<BatchAnswer>>,
}

impl OverMany {
    fn new(subjects: Vec<Environment>, open: RwSignal<bool>) -> Self {
        let (request, answer) = (Request::new(), RwSignal::new(None));
        Self { subjects: StoredValue::new(subjects), open, request, answer }
    }

    fn send(self, operation: impl Fn(&Environment) -> Operation) {
        let operations = self.subjects.with_value(|subjects| subjects.iter().map(operation).collect());
        self.request.send(api::batch::carry_out(Batch { operations }), move |answer| {
            live::look_again();
            if answer.failed == 0 {
                self.open.set(false);
            } else {
                self.answer.set(Some(answer));
            }
        });
    }

    /// What came of each, once there is an answer that is not good throughout; until then what is asked.
    fn view(self, asked: impl Fn() -> AnyView + Send + Sync + 'static) -> AnyView {
        (move || match self.answer.get() {
            Some(answer) => self.answered(&answer),
            None => asked(),
        })
        .into_any()
    }

    fn answered(self, answer: &BatchAnswer) -> AnyView {
        let line = |(one, result): (&Environment, &OperationResult)| {
            let (class, sign, words) = match &result.problem {
                None => ("is-success", lu::LuCheck, "done".to_owned()),
                Some(problem) => ("is-error", lu::LuCircleX, problem.detail.clone()),
            };
            view! {
                <li class="flex items-start gap-2">
                    <span class=format!("state {class}")>{icon(sign)}</span>
                    <span><strong class="font-medium">{one.name.clone()}</strong> " – " {words}</span>
                </li>
            }
        };
        let lines = self
            .subjects
            .with_value(|subjects| subjects.iter().zip(&answer.results).map(line).collect_view());
        browser::settle_focus(true);
        let head = format!("{} of {} could not be done.", answer.failed, answer.results.len());
        view! {
            <div class="dialog-body space-y-3">
                <p role="alert">{head}</p>
                <ul class="space-y-1">{lines}</ul>
            </div>
            <div class="dialog-foot">
                <button type="button" class="btn btn-primary" autofocus on:click=move |_| self.open.set(false)>"Close"</button>
            </div>
        }
        .erase()
    }
}

/// Freezes environments until a time, for a reason.
pub(super) fn freeze(subjects: Vec<Environment>, open: RwSignal<bool>) -> AnyView {
    let many = OverMany::new(subjects, open);
    let [until, reason] = [(); 2].map(|()| RwSignal::new(String::new()));
    let problem = many.request.problem;
    let new = move || {
        let until = until.with(|until| time::typed(until))?;
        Some(Freeze { from: Utc::now(), until, reason: reason.with(|reason| reason.trim().to_owned()) })
    };
    let store = move || {
        let Some(freeze) = untrack(new) else { return };
        many.send(|one| Operation::Freeze { environment_id: one.id, freeze: freeze.clone() });
    };
    many.view(move || {
        let names = many.subjects.with_value(|subjects| names(subjects));
        view! {
            <form
                class="contents"
                on:submit=move |event| {
                    event.prevent_default();
                    store();
                }
            >
                <div class="dialog-body space-y-3">
                    {note(problem)}
                    <p>"From now on nothing is changed in " <strong>{names}</strong> ", unless somebody gives a reason."</p>
                    <TextField label="Until" form="freeze" name="until" kind="datetime-local" value=until problem required=true
                        autofocus=true hint="In your time." />
                    <TextField label="Reason" form="freeze" name="freezes" value=reason problem required=true
                        placeholder="Holidays" />
                </div>
                <div class="dialog-foot">
                    <button type="button" class="btn" on:click=move |_| open.set(false)>"Cancel"</button>
                    <button
                        type="submit"
                        class="btn btn-primary"
                        disabled=move || new().is_none_or(|new| new.reason.is_empty()) || many.request.pending.get()
                    >
                        {icon(lu::LuSnowflake)}
                        "Freeze"
                    </button>
                </div>
            </form>
        }
        .erase()
    })
}

/// Deletes several environments, with what is bound to them.
pub(super) fn delete(subjects: Vec<Environment>, open: RwSignal<bool>) -> AnyView {
    let many = OverMany::new(subjects, open);
    let typed = RwSignal::new(String::new());
    let ready = move || typed.with(|typed| typed.trim() == DELETE);
    let store = move || many.send(|one| Operation::DeleteEnvironment { environment_id: one.id, force: true });
    many.view(move || {
        let line = |one: &Environment| {
            let holds = format!(
                " – {}, {}",
                counted(one.app_instances, "bound namespace"),
                counted(one.services, "observed service")
            );
            view! { <li><strong class="font-medium">{one.name.clone()}</strong> <span class="muted">{holds}</span></li> }
        };
        let lines = many.subjects.with_value(|subjects| subjects.iter().map(line).collect_view());
        view! {
            <form
                class="contents"
                on:submit=move |event| {
                    event.prevent_default();
                    store();
                }
            >
                <div class="dialog-body space-y-3">
                    {note(many.request.problem)}
                    <p>"Nothing that runs is touched: Lockstep only forgets these environments, with what hangs on them:"</p>
                    <ul class="list-disc pl-5">{lines}</ul>
                    <div class="field">
                        <label for="typed-delete">"Type " <strong>{DELETE}</strong> " to confirm"</label>
                        <input
                            id="typed-delete"
                            class="input w-full"
                            autocomplete="off"
                            autofocus
                            prop:value=move || typed.get()
                            on:input=move |event| typed.set(event_target_value(&event))
                        />
                    </div>
                </div>
                <div class="dialog-foot">
                    <button type="button" class="btn" on:click=move |_| open.set(false)>"Cancel"</button>
                    <button type="submit" class="btn btn-error" disabled=move || !ready() || many.request.pending.get()>
                        {icon(lu::LuTrash2)}
                        "Delete environments"
                    </button>
                </div>
            </form>
        }
        .erase()
    })
}

fn names(subjects: &[Environment]) -> String {
    let names: Vec<&str> = subjects.iter().map(|one| one.name.as_str()).collect();
    match names.as_slice() {
        [rest @ .., last] if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        names => names.concat(),
    }
}
