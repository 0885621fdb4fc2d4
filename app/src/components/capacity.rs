//! How much of a cluster there is and how much is taken, as bars.

use domain::capacity::{Capacity, CapacityFound, Part, Taken, size_in_words};
use leptos::prelude::*;

use crate::components::erased::Erase;
use crate::components::{
    icon::{Icon, icon, lu},
    pager::count,
};

/// What is read of a part, in words.
type Words = fn(u64) -> String;

/// From so many hundredths on a bar says that room is scarce.
const SCARCE: u64 = 90;

/// Two small bars, for a row of a table.
pub(crate) fn small(found: Option<&CapacityFound>) -> AnyView {
    let Some(capacity) = found.and_then(|found| found.found.as_ref()) else {
        return unknown(found, true);
    };
    let bars = [("CPU", processors as Words, capacity.cpu), ("Memory", size_in_words, capacity.memory)];
    let bars = bars.map(|(name, words, part)| {
        let title = format!("{name}: {}", in_full(part, words, &capacity.taken));
        let percent = part.percent().map_or_else(|| "–".to_owned(), |percent| format!("{percent} %"));
        let bar = bar(part, title.clone());
        view! {
            <span class="capacity-small" title=title>
                <span class="muted">{name}</span>
                {bar}
                <span class="num">{percent}</span>
            </span>
        }
    });
    view! { <span class="block space-y-0.5">{bars.collect_view()}</span> }.erase()
}

/// A tile for each thing of which there is so much.
pub(crate) fn tiles(found: Option<&CapacityFound>) -> AnyView {
    let Some(capacity) = found.and_then(|found| found.found.as_ref()) else {
        return view! { <p class="mb-4">"Capacity: " {unknown(found, false)}</p> }.erase();
    };
    let Capacity { nodes, cpu, memory, pods, taken } = capacity;
    let nodes = nodes.filter(|_| pods.is_some()).map(|nodes| {
        view! {
            <div class="surface p-3">
                <dt class="muted flex items-center gap-1 text-xs">{icon(lu::LuServer)} "Nodes"</dt>
                <dd class="text-lg font-semibold tabular-nums">{count(nodes)}</dd>
            </div>
        }
    });
    view! {
        <dl class="mb-4 grid gap-3 sm:grid-cols-2 lg:grid-cols-4">
            {tile(lu::LuCpu, "CPU", *cpu, processors, taken)}
            {tile(lu::LuMemoryStick, "Memory", *memory, size_in_words, taken)}
            {pods.map(|pods| tile(lu::LuBoxes, "Pods", pods, count, taken))}
            {nodes}
        </dl>
    }
    .erase()
}

fn tile(sign: Icon, name: &'static str, part: Part, words: Words, taken: &Taken) -> AnyView {
    let percent = part.percent().map(|percent| format!("{percent} %"));
    view! {
        <div class="surface p-3 space-y-1">
            <dt class="muted flex items-center gap-1 text-xs">
                {icon(sign)} {name} <span class="ml-auto num">{percent}</span>
            </dt>
            <dd class="space-y-1">
                {bar(part, format!("{name} taken"))}
                <span class="block text-xs tabular-nums">{in_full(part, words, taken)}</span>
            </dd>
        </div>
    }
    .erase()
}

fn bar(part: Part, name: String) -> AnyView {
    let percent = part.percent().unwrap_or_default();
    let class = if percent >= SCARCE { "progress progress-warning" } else { "progress progress-primary" };
    view! { <progress class=class max="100" value=percent.min(100) aria-label=name></progress> }.erase()
}

fn in_full(part: Part, words: Words, taken: &Taken) -> String {
    let how = match taken {
        Taken::Requested => "requested by pods",
        Taken::Used => "used by its replicas",
        Taken::Unknown(word) => word,
    };
    let total = words(part.total);
    match part.taken {
        Some(taken) => format!("{} of {total} {how}", words(taken)),
        None => format!("{total}; what is taken may not be read"),
    }
}

/// Processors, from thousandths of one.
fn processors(millis: u64) -> String {
    match millis % 1_000 {
        0 => count(millis / 1_000),
        _ => format!("{:.2}", millis as f64 / 1_000.0),
    }
}

/// Why nothing is shown; in few words where there is little room.
fn unknown(found: Option<&CapacityFound>, is_small: bool) -> AnyView {
    let Some(found) = found else {
        return view! { <span class="placeholder" role="status" aria-label="The cluster is being asked"></span> }.erase();
    };
    let why = found.unknown.clone().unwrap_or_default();
    let words = if is_small { "unknown".to_owned() } else { format!("unknown. {why}") };
    view! { <span class="muted" title=why>{words}</span> }.erase()
}
