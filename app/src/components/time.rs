//! Times: UTC as rendered by the server, relative to now once the browser has taken over.

use std::time::Duration;

use chrono::{DateTime, Datelike, Local, NaiveDateTime, TimeDelta, Timelike, Utc};
use leptos::prelude::*;

use crate::components::erased::{Erase, text};

/// Now, as far as the page knows; nothing before hydration, so that both sides render the same.
#[derive(Clone, Copy)]
pub(crate) struct Clock(RwSignal<Option<DateTime<Utc>>>);

/// Provides the page's [`Clock`].
pub(crate) fn provide() {
    provide_context(Clock(RwSignal::new(None)));
}

impl Clock {
    /// Starts it; says whether it stood still until now.
    pub(crate) fn start(self) -> bool {
        let first = self.0.with_untracked(Option::is_none);
        if first {
            let tick = move || self.0.set(Some(Utc::now()));
            tick();
            set_interval(tick, Duration::from_secs(10));
        }
        first
    }
}

/// The page's clock, which moves every ten seconds.
pub(crate) fn now() -> Signal<Option<DateTime<Utc>>> {
    // A page that nobody waits for any more may have lost its contexts while it is rendered.
    use_context::<Clock>().map_or_else(|| Signal::stored(None), |clock| clock.0.into())
}

/// A clock that moves every second while the calling component lives and `running` says so.
pub(crate) fn seconds(running: impl Fn() -> bool + 'static) -> Signal<Option<DateTime<Utc>>> {
    let second = RwSignal::new(None);
    Effect::new(move |_| {
        second.set(Some(Utc::now()));
        if running()
            && let Ok(handle) = set_interval_with_handle(
                move || {
                    second.try_set(Some(Utc::now()));
                },
                Duration::from_secs(1),
            )
        {
            on_cleanup(move || handle.clear());
        }
    });
    second.into()
}

/// A number that also goes up at this interval, for what changes without news of it.
pub(crate) fn every(interval: Duration, tick: RwSignal<u32>) -> RwSignal<u32> {
    Effect::new(move |_| {
        let again = move || {
            tick.try_update(|tick| *tick += 1);
        };
        if let Ok(handle) = set_interval_with_handle(again, interval) {
            on_cleanup(move || handle.clear());
        }
    });
    tick
}

/// A time: how long ago, and exactly on hover.
pub(crate) fn ago(at: DateTime<Utc>) -> AnyView {
    let now = now();
    shown(at, move || now.get().map_or_else(|| utc(at), |now| relative(at, now)))
}

/// A time among many of the same hour: by the clock, and with its day on hover.
pub(crate) fn clock(at: DateTime<Utc>) -> AnyView {
    let now = now();
    let in_utc = move || format!("{:02}:{:02}:{:02} UTC", at.hour(), at.minute(), at.second());
    shown(at, move || now.get().map_or_else(in_utc, |_| local_clock(at)))
}

fn shown(at: DateTime<Utc>, words: impl Fn() -> String + Send + 'static) -> AnyView {
    let now = now();
    view! {
        <time
            datetime=machine(at)
            title=Signal::derive(move || now.get().map_or_else(|| utc(at), |_| local(at)))
        >
            {text(words)}
        </time>
    }
    .erase()
}

/// What a `<time>` says for programs.
pub(crate) fn machine(at: DateTime<Utc>) -> String {
    format!("{}T{:02}:{:02}:{:02}Z", date(at), at.hour(), at.minute(), at.second())
}

/// What a `<time>` says, read by the browser.
pub(crate) fn of(element: &web_sys::Element) -> Option<DateTime<Utc>> {
    let milliseconds = js_sys::Date::parse(&element.get_attribute("datetime")?);
    DateTime::from_timestamp_millis(milliseconds as i64)
}

/// `2026-03-01`.
pub(crate) fn date(at: DateTime<Utc>) -> String {
    format!("{}-{:02}-{:02}", at.year(), at.month(), at.day())
}

/// `2026-03-01 12:05 UTC`.
pub(crate) fn utc(at: DateTime<Utc>) -> String {
    format!("{} {:02}:{:02} UTC", date(at), at.hour(), at.minute())
}

/// The exact time where the reader is. In the browser only.
pub(crate) fn local(at: DateTime<Utc>) -> String {
    let date = js_sys::Date::new(&(at.timestamp_millis() as f64).into());
    String::from(date.to_locale_string("default", &wasm_bindgen::JsValue::UNDEFINED))
}

/// `14:05:09`, as the reader's clock shows it. In the browser only.
fn local_clock(at: DateTime<Utc>) -> String {
    let date = js_sys::Date::new(&(at.timestamp_millis() as f64).into());
    format!("{:02}:{:02}:{:02}", date.get_hours(), date.get_minutes(), date.get_seconds())
}

/// The time that a field of the kind `datetime-local` holds, in the browser's zone.
pub(crate) fn typed(text: &str) -> Option<DateTime<Utc>> {
    let time = NaiveDateTime::parse_from_str(text, TYPED).ok()?;
    Some(time.and_local_timezone(Local).earliest()?.to_utc())
}

/// The same as the address has it, with its zone; nothing where there is no time.
pub(crate) fn exactly(field: &str) -> String {
    written(js_sys::Date::parse(field))
}

/// How such a field shows what [`exactly`] has written.
pub(crate) fn in_field(exact: &str) -> String {
    let time = js_sys::Date::parse(exact);
    let zone = js_sys::Date::new(&time.into()).get_timezone_offset() * 60_000.0;
    written(time - zone).chars().take("2026-11-17T14:00".len()).collect()
}

/// ISO 8601, of milliseconds since 1970.
fn written(time: f64) -> String {
    match time.is_nan() {
        true => String::new(),
        false => js_sys::Date::new(&time.into()).to_iso_string().into(),
    }
}

/// How such a field writes it.
pub(crate) const TYPED: &str = "%Y-%m-%dT%H:%M";

/// `3 minutes ago`, `in 2 days`, and the date for what is far away.
pub(crate) fn relative(at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    // The page's clock stands still for some seconds at a time.
    let past = at <= now + TimeDelta::seconds(30);
    let seconds = (now - at).num_seconds().unsigned_abs();
    let (count, unit) = match seconds {
        0..45 => return if past { "just now".to_owned() } else { "in a moment".to_owned() },
        45..90 => (1, "minute"),
        90..3_600 => (seconds.div_ceil(60), "minute"),
        3_600..86_400 => (seconds / 3_600, "hour"),
        86_400..2_592_000 => (seconds / 86_400, "day"),
        _ => return date(at),
    };
    let plural = if count == 1 { "" } else { "s" };
    if past { format!("{count} {unit}{plural} ago") } else { format!("in {count} {unit}{plural}") }
}

/// `2m 05s`.
pub(crate) fn duration(length: TimeDelta) -> String {
    let seconds = length.num_seconds().max(0);
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3_600 => format!("{}m {:02}s", seconds / 60, seconds % 60),
        _ => format!("{}h {:02}m", seconds / 3_600, seconds % 3_600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_times_are_relative_and_far_ones_are_dates() {
        let now = DateTime::from_timestamp(1_772_366_700, 0).unwrap();
        let before = |seconds| relative(now - TimeDelta::seconds(seconds), now);
        assert_eq!(before(5), "just now");
        assert_eq!(before(60), "1 minute ago");
        assert_eq!(before(7_200), "2 hours ago");
        assert_eq!(before(-172_800), "in 2 days");
        assert_eq!(before(40 * 86_400), date(now - TimeDelta::days(40)));
    }

    #[test]
    fn durations_keep_their_width() {
        assert_eq!(duration(TimeDelta::seconds(125)), "2m 05s");
        assert_eq!(duration(TimeDelta::seconds(-3)), "0s");
    }
}
