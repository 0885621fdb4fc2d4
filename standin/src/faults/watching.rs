//! What goes wrong with a watch: with its lines, on their way out.

use std::time::Duration;

use futures::future::{Either, pending};
use futures::stream::{self, BoxStream, Stream, StreamExt};
use serde_json::Value;

use super::{Drawn, Fault, shift};

/// Lets go wrong what was drawn. Each item is one line or several, with their ends.
pub(crate) fn disturb(
    drawn: &Drawn,
    lines: impl Stream<Item = String> + Send + 'static,
) -> BoxStream<'static, String> {
    let mut lines = lines.boxed();
    if drawn.has(Fault::SilentWatch) {
        lines = stream::pending().boxed();
    }
    if drawn.has(Fault::Clock) {
        lines = lines.map(|lines| each(&lines, shifted)).boxed();
    }
    if drawn.has(Fault::Repeat) {
        lines = lines.map(|lines| each(&lines, repeated)).boxed();
    }
    if drawn.has(Fault::OutOfOrder) {
        let mut held = String::new();
        lines = lines.map(move |lines| swapped(&mut held, &lines)).boxed();
    }
    let ends = match drawn.lasts(Fault::DropWatch, Duration::ZERO) {
        Some(Duration::ZERO) => return stream::empty().boxed(),
        Some(after) => Either::Left(tokio::time::sleep(after)),
        None => Either::Right(pending()),
    };
    // A chunk of nothing would end a body.
    let lines = lines.filter(|lines| std::future::ready(!lines.is_empty())).take_until(ends);
    lines.take_until(drawn.over.clone().cancelled_owned()).boxed()
}

fn each(lines: &str, change: fn(&str) -> String) -> String {
    lines.split_inclusive('\n').map(change).collect()
}

fn is_bookmark(line: &str) -> bool {
    line.starts_with(r#"{"type":"BOOKMARK""#)
}

fn repeated(line: &str) -> String {
    if is_bookmark(line) { line.to_owned() } else { line.repeat(2) }
}

fn shifted(line: &str) -> String {
    let Ok(mut event) = serde_json::from_str::<Value>(line) else { return line.to_owned() };
    shift(&mut event);
    format!("{event}\n")
}

/// Holds each first event of two back until the second has been told, but not beyond a bookmark: a client that
/// goes on from there would never see it.
fn swapped(held: &mut String, lines: &str) -> String {
    let mut told = String::new();
    for line in lines.split_inclusive('\n') {
        if is_bookmark(line) {
            told.push_str(&std::mem::take(held));
            told.push_str(line);
        } else if held.is_empty() {
            line.clone_into(held);
        } else {
            told.push_str(line);
            told.push_str(&std::mem::take(held));
        }
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_events_are_swapped_and_none_is_lost_behind_a_bookmark() {
        let bookmark = "{\"type\":\"BOOKMARK\"}\n";
        let mut held = String::new();
        assert_eq!(swapped(&mut held, "a\n"), "");
        assert_eq!(swapped(&mut held, "b\n"), "b\na\n");
        assert_eq!(swapped(&mut held, &format!("c\n{bookmark}d\ne\n")), format!("c\n{bookmark}e\nd\n"));
        assert_eq!(held, "");
    }
}
