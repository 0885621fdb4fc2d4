//! What comes through a service's front door, version by version, live enough to watch a switch.

use std::collections::{BTreeMap, HashMap};

use domain::{
    front_door::{Traffic as Found, VersionTraffic, Weights},
    id::ClusterId,
};
use leptos::prelude::*;

use crate::components::erased::Erase;
use crate::{
    api,
    components::{
        dialog::Dialog,
        empty::nothing,
        field::TextField,
        icon::{icon, lu},
        local_service::again,
        pager::{count, counted},
        problem::note,
        tag::tag,
    },
    live,
    request::{Request, answer, ready},
};

/// Requests of each version a second, between the last two looks.
type Rates = HashMap<String, f64>;

/// The front door's counts of a service.
#[component]
pub(crate) fn Traffic(
    /// The local cluster.
    cluster: ClusterId,
    /// The namespace and the service in it.
    place: (String, String),
) -> impl IntoView {
    let asked = place.clone();
    let traffic = answer(
        move || asked.clone(),
        again(),
        move |(namespace, name)| api::local_service::traffic(cluster, namespace, name),
    );
    let found = Memo::new(move |_| ready(traffic));
    let before = StoredValue::new(None::<(f64, Found)>);
    let rates = RwSignal::new(Rates::new());
    Effect::new(move |_| {
        let Some(found) = ready(traffic) else { return };
        let now = js_sys::Date::now();
        if let Some((then, before)) = before.get_value() {
            rates.set(rates_between(&before, &found, (now - then) / 1_000.0));
        }
        before.set_value(Some((now, found)));
    });
    let sharing = RwSignal::new(false);
    let place = StoredValue::new(place);
    let form = move || {
        let weights = found.get_untracked().map(|found| weights_of(&found)).unwrap_or_default();
        view! { <Share cluster place=place.get_value() weights open=sharing /> }
    };
    view! {
        <section class="surface" aria-label="Requests">
            <header class="flex flex-wrap items-center gap-x-3 gap-y-1 p-3">
                <h2>"Requests"</h2>
                {move || found.get().and_then(|found| address(found.address))}
                {move || found.get().and_then(|found| unserved(found.unserved))}
                <button type="button" class="btn btn-sm ml-auto" on:click=move |_| sharing.set(true)>
                    {icon(lu::LuSlidersHorizontal)}
                    "Share…"
                </button>
            </header>
            <Transition fallback=nothing>{move || found.get().map(|found| table(&found, rates))}</Transition>
        </section>
        <Dialog open=sharing title="Share requests between versions">{form}</Dialog>
    }
    .erase()
}

/// Requests a second, of versions that were counted both times; nothing where the counts were begun anew meanwhile.
fn rates_between(before: &Found, now: &Found, seconds: f64) -> Rates {
    let requests: HashMap<&str, u64> =
        before.versions.iter().map(|version| (version.image.as_str(), version.requests)).collect();
    let rate = |version: &VersionTraffic| {
        let more = version.requests.checked_sub(*requests.get(version.image.as_str())?)?;
        (seconds > 0.0).then(|| (version.image.clone(), more as f64 / seconds))
    };
    now.versions.iter().filter_map(rate).collect()
}

fn address(address: Option<String>) -> Option<AnyView> {
    let address = address?;
    let shown = address.trim_start_matches("http://").to_owned();
    Some(
        view! { <a class="link mono" href=address target="_blank" rel="noopener noreferrer">{shown}</a> }
            .erase(),
    )
}

fn unserved(requests: u64) -> Option<AnyView> {
    (requests > 0).then(|| {
        let words = format!("{} found no replica", counted(requests, "request"));
        view! { <span class="state is-warning">{icon(lu::LuTriangleAlert)} {words}</span> }.erase()
    })
}

fn table(found: &Found, rates: RwSignal<Rates>) -> AnyView {
    if found.versions.is_empty() {
        return view! { <p class="muted px-3 pb-3">"Nothing has come through its front door yet."</p> }
            .erase();
    }
    let rows = found.versions.iter().map(|version| row(version, rates)).collect_view();
    view! {
        <div class="table-frame" tabindex="0" role="group" aria-label="Requests by version">
            <table class="data-table">
                <thead>
                    <tr>
                        <th scope="col">"Version"</th>
                        <th scope="col" class="num">"Ready"</th>
                        <th scope="col" class="num">"Weight"</th>
                        <th scope="col" class="num">"A second"</th>
                        <th scope="col" class="num">"Requests"</th>
                        <th scope="col" class="num">"Failures"</th>
                        <th scope="col" class="num" title="Half of the answers began within this time">"Median"</th>
                        <th scope="col" class="num" title="95 of 100 answers began within this time">"95 %"</th>
                        <th scope="col" class="num">"Under way"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
    }
    .erase()
}

fn row(version: &VersionTraffic, rates: RwSignal<Rates>) -> AnyView {
    let image = version.image.clone();
    let rate = move || {
        rates.with(|rates| rates.get(&image).map_or_else(|| "–".to_owned(), |rate| format!("{rate:.1}")))
    };
    let weight = version.weight.map_or_else(|| "by replicas".to_owned(), |weight| count(weight.into()));
    let failures = match version.failures {
        0 => view! { <span class="muted">"0"</span> }.erase(),
        some => view! { <span class="state is-error">{icon(lu::LuCircleX)} {count(some)}</span> }.erase(),
    };
    view! {
        <tr>
            <th scope="row">{tag(&domain::image::ImageRef::parse(&version.image).version(), &version.image)}</th>
            <td class="num">{version.ready}</td>
            <td class="num">{weight}</td>
            <td class="num">{rate}</td>
            <td class="num">{count(version.requests)}</td>
            <td class="num">{failures}</td>
            <td class="num">{latency(version.p50_us)}</td>
            <td class="num">{latency(version.p95_us)}</td>
            <td class="num">{count(version.under_way)}</td>
        </tr>
    }
    .erase()
}

fn latency(us: Option<u64>) -> String {
    match us {
        None => "–".to_owned(),
        Some(us) if us < 10_000 => format!("{:.1} ms", us as f64 / 1_000.0),
        Some(us) if us < 10_000_000 => format!("{} ms", us / 1_000),
        Some(us) => format!("{} s", us / 1_000_000),
    }
}

/// The versions that there are, each with its weight, as they are typed.
fn weights_of(found: &Found) -> String {
    let line = |version: &VersionTraffic| {
        let weight = version.weight.map(|weight| weight.to_string()).unwrap_or_default();
        format!("{}={weight}", version.image)
    };
    let serving = found.versions.iter().filter(|version| version.ready > 0 || version.weight.is_some());
    serving.map(line).collect::<Vec<_>>().join("\n")
}

/// Body and foot of the dialog that shares requests.
#[component]
fn Share(
    cluster: ClusterId,
    place: (String, String),
    weights: String,
    open: RwSignal<bool>,
) -> impl IntoView {
    let request = Request::new();
    let problem = request.problem;
    let typed = RwSignal::new(weights);
    let save = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let (namespace, name) = place.clone();
        let weights = Weights { weights: typed.with_untracked(|text| parsed(text)) };
        request.send(api::local_service::weigh(cluster, namespace, name, weights), move |_| {
            live::look_again();
            open.set(false);
        });
    };
    view! {
        <form class="contents" on:submit=save>
            <div class="dialog-body space-y-3">
                {note(problem)}
                <TextField label="Weights" form="share" name="weights" value=typed problem lines=4 autofocus=true
                    placeholder="shop/web:1.4.0=90" hint="A version in a line: its image, “=”, and its weight against the others; 0 gives it nothing. One without a weight counts by its ready replicas." />
            </div>
            <div class="dialog-foot">
                <button type="submit" class="btn btn-primary" disabled=move || request.pending.get()>"Share"</button>
            </div>
        </form>
    }
    .erase()
}

/// A weight that is no number is too large to be taken, so that the server names the field.
fn parsed(text: &str) -> BTreeMap<String, u32> {
    let weight = |line: &str| {
        let (image, weight) = line.rsplit_once('=')?;
        let (image, weight) = (image.trim(), weight.trim());
        (!weight.is_empty()).then(|| (image.to_owned(), weight.parse().unwrap_or(u32::MAX)))
    };
    text.lines().filter_map(weight).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_read_as_they_are_written() {
        let expected = BTreeMap::from([("shop/web:1.4.0".to_owned(), 90), ("shop/web:1.5.0".to_owned(), 0)]);
        assert_eq!(parsed("shop/web:1.4.0 = 90\nshop/web:1.5.0=0\nshop/web:1.6.0=\n"), expected);
        assert_eq!(parsed("web:1=many"), BTreeMap::from([("web:1".to_owned(), u32::MAX)]));
    }

    #[test]
    fn rates_come_from_two_looks() {
        let found = |requests| Found {
            versions: vec![VersionTraffic { requests, ..VersionTraffic::none_yet("web:1") }],
            ..Found::default()
        };
        assert_eq!(rates_between(&found(10), &found(30), 2.0), Rates::from([("web:1".to_owned(), 10.0)]));
        assert_eq!(rates_between(&found(30), &found(0), 2.0), Rates::new(), "counted anew");
    }
}
