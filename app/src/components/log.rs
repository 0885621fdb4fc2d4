//! Lines as they come: the newest are followed, unless they are paused, and all can be searched.

use chrono::{DateTime, Utc};
use leptos::{html, prelude::*};

use crate::components::erased::Erase;
use crate::components::{
    icon::{icon, lu},
    time,
};

/// A line.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Line {
    /// Goes up from line to line.
    pub(crate) number: i64,
    pub(crate) at: Option<DateTime<Utc>>,
    /// Where it comes from.
    pub(crate) origin: String,
    pub(crate) text: String,
}

/// The lines.
#[component]
pub(crate) fn Log(
    /// What they are.
    title: &'static str,
    /// The newest lines, oldest first.
    #[prop(into)]
    lines: Signal<Vec<Line>>,
    /// What is said where there is none.
    none: &'static str,
) -> impl IntoView {
    let sought = RwSignal::new(String::new());
    // What is shown while it is paused.
    let held = RwSignal::new(None::<Vec<Line>>);
    let paused = move || held.with(Option::is_some);
    let shown = Memo::new(move |_| {
        let sought = sought.with(|sought| sought.trim().to_lowercase());
        let all = held.get().unwrap_or_else(|| lines.get());
        all.into_iter().filter(|line| line.text.to_lowercase().contains(&sought)).collect::<Vec<_>>()
    });
    let later = move || {
        let newest =
            held.with(|held| held.as_ref().map(|held| held.last().map_or(-1, |line| line.number)))?;
        let later = lines.with(|lines| lines.iter().filter(|line| line.number > newest).count());
        (later > 0).then(|| format!("{later} more since"))
    };
    let list = NodeRef::<html::Ol>::new();
    Effect::new(move |_| {
        lines.track();
        if !paused() {
            // Once the new lines are there.
            request_animation_frame(move || {
                if let Some(list) = list.try_get_untracked().flatten() {
                    list.set_scroll_top(list.scroll_height());
                }
            });
        }
    });
    let pause = move |_| held.set(if untrack(paused) { None } else { Some(lines.get_untracked()) });
    let empty = move || {
        let words = if sought.with(|sought| sought.trim().is_empty()) { none } else { "No line says that." };
        shown.with(Vec::is_empty).then(|| view! { <p class="muted p-3">{words}</p> })
    };
    let label = format!("Search the {}", title.to_lowercase());
    view! {
        <section class="surface log" aria-label=title>
            <div class="log-head">
                <h2>{title}</h2>
                <span class="muted text-xs" role="status">{later}</span>
                <label class="input input-sm w-56 max-w-full">
                    {icon(lu::LuSearch)}
                    <span class="sr-only">{label.clone()}</span>
                    <input
                        type="search"
                        placeholder=label
                        prop:value=move || sought.get()
                        on:input=move |event| sought.set(event_target_value(&event))
                    />
                </label>
                <button type="button" class="btn btn-sm" aria-pressed=move || paused().to_string() on:click=pause>
                    {move || if paused() { icon(lu::LuPlay) } else { icon(lu::LuPause) }}
                    {move || if paused() { "Follow" } else { "Pause" }}
                </button>
            </div>
            <ol tabindex="0" node_ref=list>
                <For each=move || shown.get() key=|line| line.number children=one />
            </ol>
            {empty}
        </section>
    }
    .erase()
}

fn one(line: Line) -> AnyView {
    view! {
        <li>
            <span class="muted num">{line.at.map(time::clock)}</span>
            <span>
                {(!line.origin.is_empty()).then(|| view! { <span class="muted mono mr-2">{line.origin}</span> })}
                {line.text}
            </span>
        </li>
    }
    .erase()
}
