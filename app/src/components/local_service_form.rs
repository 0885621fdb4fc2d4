//! Making a service on the server's own machine, and changing one.

use std::collections::BTreeMap;

use domain::{
    artifact::Artifact,
    capacity::size_in_words,
    id::ClusterId,
    limits::Limits,
    local_service::{HealthCheck, LocalService, LocalServiceEdit, LocalServiceSpec},
    problem::Problem,
    strategy::{Percent, Strategy},
};
use leptos::prelude::*;

use crate::components::erased::Erase;
use crate::{
    api,
    components::{
        conflict::conflict,
        empty::nothing,
        field::{TextField, choice, field_error},
        problem::note,
        upload::Upload,
    },
    live,
    pages::artifacts,
    request::{Request, answer, ready},
};

/// Bytes of a MiB.
const MIB: u64 = 1 << 20;

/// What is typed.
#[derive(Clone, Copy)]
struct Fields {
    namespace: RwSignal<String>,
    name: RwSignal<String>,
    image: RwSignal<String>,
    artifact: RwSignal<String>,
    program: RwSignal<String>,
    arguments: RwSignal<String>,
    variables: RwSignal<String>,
    replicas: RwSignal<String>,
    health: RwSignal<String>,
    strategy: RwSignal<String>,
    cpu: RwSignal<String>,
    memory: RwSignal<String>,
}

impl Fields {
    fn new() -> Self {
        let [
            namespace,
            name,
            image,
            artifact,
            program,
            arguments,
            variables,
            replicas,
            health,
            strategy,
            cpu,
            memory,
        ] = [(); 12].map(|()| RwSignal::new(String::new()));
        replicas.set("1".to_owned());
        strategy.set("rolling".to_owned());
        Self {
            namespace,
            name,
            image,
            artifact,
            program,
            arguments,
            variables,
            replicas,
            health,
            strategy,
            cpu,
            memory,
        }
    }

    fn fill(self, stored: &LocalService) {
        let spec = &stored.spec;
        self.namespace.set(stored.namespace.clone());
        self.name.set(stored.name.clone());
        self.image.set(spec.image.clone());
        self.artifact.set(spec.artifact.clone().unwrap_or_default());
        self.program.set(spec.program.clone());
        self.arguments.set(spec.arguments.join("\n"));
        let lines: Vec<String> =
            spec.variables.iter().map(|(name, value)| format!("{name}={value}")).collect();
        self.variables.set(lines.join("\n"));
        self.replicas.set(spec.replicas.to_string());
        self.health.set(spec.health.as_ref().map(|health| health.path.clone()).unwrap_or_default());
        self.strategy.set(word(&spec.strategy).to_owned());
        let text = |number: Option<u64>| number.map(|number| number.to_string()).unwrap_or_default();
        self.cpu.set(text(spec.limits.cpu_millis.map(u64::from)));
        self.memory.set(text(spec.limits.memory_bytes.map(|bytes| bytes / MIB)));
    }

    /// What was stored, with what is typed in its place.
    fn spec(self, stored: Option<LocalServiceSpec>) -> LocalServiceSpec {
        let text = |field: RwSignal<String>| field.with_untracked(|text| text.trim().to_owned());
        let mut spec =
            stored.unwrap_or_else(|| LocalServiceSpec::new(&text(self.image), &text(self.program)));
        spec.image = text(self.image);
        spec.artifact = Some(text(self.artifact)).filter(|digest| !digest.is_empty());
        spec.program = text(self.program);
        spec.arguments = self.arguments.with_untracked(|text| text.lines().map(str::to_owned).collect());
        spec.variables = self.variables.with_untracked(|text| variables(text));
        spec.replicas = text(self.replicas).parse().unwrap_or(u16::MAX);
        spec.health = match (text(self.health), spec.health) {
            (path, _) if path.is_empty() => None,
            (path, Some(health)) => Some(HealthCheck { path, ..health }),
            (path, None) => Some(HealthCheck::at(&path)),
        };
        let strategy = text(self.strategy);
        if strategy != word(&spec.strategy) {
            spec.strategy = named(&strategy);
        }
        spec.limits = Limits {
            cpu_millis: text(self.cpu).parse().ok(),
            memory_bytes: text(self.memory).parse::<u64>().ok().map(|mib| mib.saturating_mul(MIB)),
        };
        spec
    }
}

fn word(strategy: &Strategy) -> &'static str {
    match strategy {
        Strategy::Rolling { .. } => "rolling",
        Strategy::ReplaceAfterTerminate { .. } => "replace_after_terminate",
        Strategy::Recreate => "recreate",
    }
}

fn named(word: &str) -> Strategy {
    match word {
        "replace_after_terminate" => Strategy::ReplaceAfterTerminate { minimum_healthy: Percent::HALF },
        "recreate" => Strategy::Recreate,
        _ => Strategy::default(),
    }
}

fn variables(text: &str) -> BTreeMap<String, String> {
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    lines
        .map(|line| {
            let (name, value) = line.split_once('=').unwrap_or((line, ""));
            (name.trim().to_owned(), value.to_owned())
        })
        .collect()
}

/// Body and foot of the dialog.
#[component]
pub(crate) fn LocalServiceForm(
    /// The local cluster.
    cluster: ClusterId,
    /// The one to change; none makes one.
    service: Option<LocalService>,
    /// Called when it is stored.
    done: Callback<()>,
) -> impl IntoView {
    let request = Request::new();
    let problem = request.problem;
    let fields = Fields::new();
    let is_new = service.is_none();
    let stored = RwSignal::new(service);
    stored.with_untracked(|stored| stored.iter().for_each(|stored| fields.fill(stored)));
    let save = move || {
        let (spec, generation) = stored
            .with_untracked(|stored| stored.as_ref().map(|it| (it.spec.clone(), it.generation)))
            .unzip();
        let edit = LocalServiceEdit { spec: fields.spec(spec), generation: generation.unwrap_or_default() };
        let [namespace, name] =
            [fields.namespace, fields.name].map(|field| field.with_untracked(|text| text.trim().to_owned()));
        request.send(api::local_service::put(cluster, namespace, name, edit), move |_| {
            live::look_again();
            done.try_run(());
        });
    };
    let take = move |theirs: &LocalService| {
        fields.fill(theirs);
        stored.set(Some(theirs.clone()));
    };
    let keep = move |theirs: &LocalService| {
        stored.set(Some(theirs.clone()));
        save();
    };
    let place = is_new.then(|| {
        view! {
            <div class="grid gap-3 md:grid-cols-2">
                <TextField label="Namespace" form="local" name="namespace" value=fields.namespace problem required=true
                    autofocus=true placeholder="shop" />
                <TextField label="Name" form="local" name="name" value=fields.name problem required=true placeholder="web" />
            </div>
        }
    });
    view! {
        <form
            class="contents"
            on:submit=move |event| {
                event.prevent_default();
                save();
            }
        >
            <div class="dialog-body space-y-3">
                {note(problem)} {conflict(problem, stored_words, take, keep)} {place}
                <TextField label="Version" form="local" name="image" value=fields.image problem required=true
                    placeholder="shop/web:1.0.0" hint="A name and a tag; a deployment moves the tag." />
                {artifact(fields.artifact, problem)}
                <TextField label="Program" form="local" name="program" value=fields.program problem
                    placeholder="/opt/shop/web-{version}/web"
                    hint="A path or a name, or a path in the artifact; left out where the artifact is one program. {version} stands for the tag. It listens on $PORT." />
                <TextField label="Arguments" form="local" name="arguments" value=fields.arguments problem lines=3
                    hint="One in a line." />
                <TextField label="Variables" form="local" name="variables" value=fields.variables problem lines=3
                    placeholder="LOG_LEVEL=info" hint="One in a line." />
                <div class="grid gap-3 md:grid-cols-2">
                    <TextField label="Replicas" form="local" name="replicas" value=fields.replicas problem kind="number" required=true />
                    <TextField label="Health check" form="local" name="health" value=fields.health problem placeholder="/healthz"
                        hint="A path that answers once it serves." />
                    <TextField label="CPU limit" form="local" name="limits.cpuMillis" value=fields.cpu problem kind="number"
                        hint="Of each replica, in thousandths of a processor." />
                    <TextField label="Memory limit" form="local" name="limits.memoryBytes" value=fields.memory problem kind="number"
                        hint="Of each replica, in MiB." />
                </div>
                {choice("How a version is replaced", "local-strategy", fields.strategy, &[
                    ("rolling", "Rolling", "One more than wanted, none fewer."),
                    ("replace_after_terminate", "Replace after terminate", "An old one goes before the new one starts; half stay ready."),
                    ("recreate", "Recreate", "All old ones go before the first new one starts."),
                ])}
            </div>
            <div class="dialog-foot">
                <button type="submit" class="btn btn-primary" disabled=move || request.pending.get()>
                    {if is_new { "Make the service" } else { "Save" }}
                </button>
            </div>
        </form>
    }
    .erase()
}

/// Chooses what was uploaded, or uploads it.
fn artifact(value: RwSignal<String>, problem: RwSignal<Option<Problem>>) -> AnyView {
    let tick = RwSignal::new(0);
    let uploaded = answer(|| (), tick, |()| api::artifact::list());
    let options = move || {
        let found = ready(uploaded).unwrap_or_default();
        let option = |one: Artifact| {
            let words = format!(
                "{} · {} · {}",
                artifacts::named(&one),
                artifacts::kind(&one.kind),
                size_in_words(one.size)
            );
            let digest = one.digest.clone();
            view! { <option value=one.digest selected=move || value.with(|value| *value == digest)>{words}</option> }
        };
        found.into_iter().map(option).collect_view()
    };
    let stored = Callback::new(move |stored: Artifact| {
        value.set(stored.digest);
        tick.update(|tick| *tick += 1);
    });
    view! {
        <div class="field">
            <label for="local-artifact">"Artifact" <span class="muted">" (optional)"</span></label>
            <select
                id="local-artifact"
                class="select w-full"
                aria-describedby="local-artifact-error"
                on:change=move |event| value.set(event_target_value(&event))
            >
                <option value="" selected=move || value.with(String::is_empty)>"None: a program of this machine"</option>
                <Transition fallback=nothing>{options}</Transition>
            </select>
            {field_error("local-artifact-error".to_owned(), "artifact", problem)}
        </div>
        <Upload form="local" done=stored />
    }
    .erase()
}

fn stored_words(stored: &LocalService) -> String {
    format!("{}, {} replicas", stored.spec.image, stored.spec.replicas)
}
