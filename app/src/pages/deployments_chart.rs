//! A small chart of deployments per day: outcomes as stacked bars, the median duration as a line.

use domain::deployment::HistoryDay;
use leptos::prelude::*;

use crate::components::erased::Erase;
use crate::components::time;

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 64.0;

fn all(day: &HistoryDay) -> u64 {
    day.complete + day.failed + day.cancelled
}

fn median(day: &HistoryDay) -> String {
    day.median_seconds.map_or_else(
        || "–".to_owned(),
        |seconds| time::duration(chrono::TimeDelta::seconds(seconds.round() as i64)),
    )
}

/// The chart, and the same as a table for those who cannot see it.
pub(crate) fn view(days: &[HistoryDay]) -> AnyView {
    if days.iter().all(|day| all(day) == 0) {
        return ().into_any();
    }
    let most = days.iter().map(all).max().unwrap_or(1).max(1) as f64;
    let slowest = days.iter().filter_map(|day| day.median_seconds).fold(1.0_f64, f64::max);
    let step = WIDTH / days.len().max(1) as f64;
    let bars = days.iter().enumerate().map(|(at, day)| {
        let x = at as f64 * step + step * 0.15;
        let mut top = HEIGHT;
        let parts = [(day.complete, "bar-complete"), (day.failed, "bar-failed"), (day.cancelled, "bar-cancelled")];
        let parts = parts.map(|(count, class)| {
            let height = count as f64 / most * (HEIGHT - 4.0);
            top -= height;
            view! { <rect class=class x=x y=top width=step * 0.7 height=height></rect> }
        });
        let words = format!(
            "{}: {} complete, {} failed, {} cancelled, median {}",
            day.day, day.complete, day.failed, day.cancelled, median(day)
        );
        let parts: Vec<_> = parts.into_iter().collect();
        view! { <g><title>{words}</title><rect class="bar-day" x=at as f64 * step y="0" width=step height=HEIGHT></rect>{parts}</g> }
    });
    let bars = bars.collect_view();
    let points: Vec<String> = days
        .iter()
        .enumerate()
        .filter_map(|(at, day)| {
            let seconds = day.median_seconds?;
            Some(format!(
                "{:.1},{:.1}",
                (at as f64 + 0.5) * step,
                HEIGHT - seconds / slowest * (HEIGHT - 8.0)
            ))
        })
        .collect();
    let rows = days.iter().filter(|day| all(day) > 0).map(|day| {
        view! {
            <tr>
                <th scope="row">{day.day.clone()}</th>
                <td>{day.complete}</td>
                <td>{day.failed}</td>
                <td>{day.cancelled}</td>
                <td>{median(day)}</td>
            </tr>
        }
    });
    let rows = rows.collect_view();
    let total: u64 = days.iter().map(all).sum();
    let failed: u64 = days.iter().map(|day| day.failed).sum();
    view! {
        <figure class="surface chart">
            <figcaption>
                <strong>{if total == 1 { "1 deployment".to_owned() } else { format!("{total} deployments") }}</strong>
                <span class="muted">{format!(" in {} days, {failed} failed", days.len())}</span>
                <span class="legend" aria-hidden="true">
                    <span class="key bar-complete">"complete"</span>
                    <span class="key bar-failed">"failed"</span>
                    <span class="key bar-cancelled">"cancelled"</span>
                    <span class="key line">"median duration"</span>
                </span>
            </figcaption>
            <svg viewBox=format!("0 0 {WIDTH} {HEIGHT}") preserveAspectRatio="none" aria-hidden="true">
                {bars}
                <polyline class="line" points=points.join(" ")></polyline>
            </svg>
            <table class="sr-only">
                <caption>"Deployments per day"</caption>
                <thead>
                    <tr>
                        <th scope="col">"Day"</th>
                        <th scope="col">"Complete"</th>
                        <th scope="col">"Failed"</th>
                        <th scope="col">"Cancelled"</th>
                        <th scope="col">"Median duration"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </figure>
    }
    .erase()
}
