//! What a deployment did, line by line: it follows, unless it is paused, and can be searched.

use domain::event::Event;
use leptos::{html, prelude::*};

use crate::components::erased::Erase;
use crate::components::{
    icon::{icon, lu},
    time,
};

/// The log.
#[component]
pub(crate) fn Log(
    /// The newest events, oldest first.
    #[prop(into)]
    events: Signal<Vec<Event>>,
) -> impl IntoView {
    let sought = RwSignal::new(String::new());
    // What is shown while it is paused.
    let held = RwSignal::new(None::<Vec<Event>>);
    let paused = move || held.with(Option::is_some);
    let lines = move || {
        let sought = sought.with(|sought| sought.trim().to_lowercase());
        let shown = held.get().unwrap_or_else(|| events.get());
        shown.into_iter().filter(|event| event.message.to_lowercase().contains(&sought)).collect::<Vec<_>>()
    };
    let later = move || {
        let newest = held.with(|held| held.as_ref().map(|held| held.last().map_or(0, |event| event.seq)))?;
        let later = events.with(|events| events.iter().filter(|event| event.seq > newest).count());
        (later > 0).then(|| format!("{later} more since"))
    };
    let list = NodeRef::<html::Ol>::new();
    Effect::new(move |_| {
        events.track();
        if !paused() {
            // Once the new lines are there.
            request_animation_frame(move || {
                if let Some(list) = list.try_get_untracked().flatten() {
                    list.set_scroll_top(list.scroll_height());
                }
            });
        }
    });
    let pause = move |_| held.set(if untrack(paused) { None } else { Some(events.get_untracked()) });
    let none = move || (lines().is_empty()).then(|| view! { <p class="muted p-3">"No line says that."</p> });
    view! {
        <section class="surface log" aria-label="Log">
            <div class="log-head">
                <h2>"Log"</h2>
                <span class="muted text-xs" role="status">{later}</span>
                <label class="input input-sm w-56 max-w-full">
                    {icon(lu::LuSearch)}
                    <span class="sr-only">"Search the log"</span>
                    <input
                        type="search"
                        placeholder="Search the log"
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
                <For each=lines key=|event| event.seq children=line />
            </ol>
            {none}
        </section>
    }
    .erase()
}

fn line(event: Event) -> AnyView {
    view! {
        <li>
            <span class="muted num">{time::ago(event.at)}</span>
            <span>{event.message}</span>
        </li>
    }
    .erase()
}
