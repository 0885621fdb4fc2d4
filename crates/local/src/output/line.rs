//! A line as it lies in a file: the format of the Kubernetes container runtime interface's logs, such as
//! `2026-11-22T03:23:15.123456Z stdout F text`, with `P` for a line that goes on in the next one.

use chrono::{DateTime, SecondsFormat, Utc};
use domain::output::{OutputLine, OutputStream};

/// The longest text of one line, in bytes. A longer one is cut into several.
pub(crate) const LONGEST: usize = 16 << 10;
/// The longest that may stand before the text, in bytes.
pub(crate) const LONGEST_HEAD: usize = 64;

/// The line for the file, with its end.
pub(crate) fn written(at: DateTime<Utc>, stream: &str, text: &[u8], partial: bool) -> Vec<u8> {
    let tag = if partial { 'P' } else { 'F' };
    let mut line =
        format!("{} {stream} {tag} ", at.to_rfc3339_opts(SecondsFormat::Micros, true)).into_bytes();
    line.extend_from_slice(text);
    line.push(b'\n');
    line
}

/// What a line of a file says, without its end. One of an earlier version has a time in milliseconds and no tag; one that
/// is neither is text.
pub(crate) fn read(port: u16, line: &[u8]) -> OutputLine {
    let line = String::from_utf8_lossy(line);
    let (at, stream, partial, text) = parts(&line).unwrap_or((None, None, false, &line));
    OutputLine { at, port, stream, text: text.to_owned(), partial }
}

type Parts<'a> = (Option<DateTime<Utc>>, Option<OutputStream>, bool, &'a str);

fn parts(line: &str) -> Option<Parts<'_>> {
    let (time, rest) = line.split_once(' ')?;
    let at = DateTime::parse_from_rfc3339(time).ok()?.to_utc();
    let (stream, text) = rest.split_once(' ')?;
    let stream = OutputStream::from(stream);
    if matches!(stream, OutputStream::Unknown(_)) {
        return None;
    }
    if time.len() == "2026-11-22T03:23:15.123Z".len() {
        return Some((Some(at), Some(stream), false, text));
    }
    let (tags, text) = text.split_once(' ')?;
    Some((Some(at), Some(stream), tags.split(':').any(|tag| tag == "P"), text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let at = "2026-11-22T03:23:15.123456Z".parse().unwrap();
        let line = written(at, "stderr", "F 🚀  two ".as_bytes(), true);
        assert_eq!(String::from_utf8_lossy(&line), "2026-11-22T03:23:15.123456Z stderr P F 🚀  two \n");
        let [text @ .., b'\n'] = &line[..] else { panic!("it has an end") };
        let (stream, text) = (Some(OutputStream::Stderr), read(1, text).text);
        assert_eq!(text, "F 🚀  two ");
        let whole = read(7, b"2026-11-22T03:23:15.123456789Z stderr F ");
        assert_eq!((whole.port, whole.stream, &*whole.text, whole.partial), (7, stream, "", false));
    }

    #[test]
    fn lines_of_earlier_versions_and_foreign_ones_are_read_too() {
        let old = read(1, b"2026-11-22T03:23:15.123Z stdout F is for Friday");
        assert_eq!((old.stream, &*old.text), (Some(OutputStream::Stdout), "F is for Friday"));
        for foreign in ["", "plain", "2026-11-22T03:23:15.123456Z nowhere F x", "2026-11-22T03:23:15Z stdout"]
        {
            let line = read(1, foreign.as_bytes());
            assert_eq!((line.at, line.stream, &*line.text), (None, None, foreign));
        }
        assert_eq!(read(1, b"\xff\xfe!").text, "\u{fffd}\u{fffd}!");
    }
}
