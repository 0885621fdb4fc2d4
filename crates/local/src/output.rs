//! What a service writes, line by line into rotated files.

pub(crate) mod ended;
mod line;
mod reader;
mod service;

use std::{
    fs,
    io::Write,
    path::Path,
    sync::{Arc, Mutex},
};

use chrono::Utc;
use file_rotate::{ContentLimit, FileRotate, compression::Compression, suffix::AppendCount};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader};

use self::line::LONGEST;
pub use self::service::ServiceOutput;
use crate::{Error, mutex::lock};

/// A file is put away when it has become so large, in bytes.
const LARGEST: usize = 8 << 20;
/// So many are kept beside the one that is written.
const KEPT: usize = 4;

/// What a file is called: the one that is written has the number 0, the one that was put away last 1, and so on.
fn file_name(number: usize) -> String {
    match number {
        0 => "output.log".to_owned(),
        number => format!("output.log.{number}"),
    }
}

/// The files of one replica's output.
#[derive(Clone)]
pub(crate) struct Output(Arc<Mutex<FileRotate<AppendCount>>>);

impl Output {
    /// In a directory, which is made where it is not there.
    pub(crate) fn new(directory: &Path) -> Result<Self, Error> {
        fs::create_dir_all(directory).map_err(Error::file(directory, "made"))?;
        let path = directory.join(file_name(0));
        let files = AppendCount::new(KEPT);
        let limit = ContentLimit::BytesSurpassed(LARGEST);
        Ok(Self(Arc::new(Mutex::new(FileRotate::new(path, files, limit, Compression::None, None)))))
    }

    /// Writes what comes from a pipe until it is closed, line by line.
    pub(crate) async fn copy(self, name: &'static str, pipe: impl AsyncRead + Unpin) {
        let mut pipe = BufReader::new(pipe);
        let mut line = Vec::new();
        loop {
            let room = LONGEST - line.len();
            let read = (&mut pipe).take(room as u64).read_until(b'\n', &mut line).await.unwrap_or(0);
            if read == 0 && line.is_empty() {
                return;
            }
            let goes_on = read == room && line.last() != Some(&b'\n');
            let rest = if goes_on { line.split_off(whole(&line)) } else { Vec::new() };
            self.write(name, line.strip_suffix(b"\n").unwrap_or(&line), goes_on);
            line = rest;
        }
    }

    /// A full disk stops the output, never the service.
    fn write(&self, name: &str, text: &[u8], partial: bool) {
        let _ = lock(&self.0).write_all(&line::written(Utc::now(), name, text, partial));
    }
}

/// Where a text can be cut without a character of UTF-8 being cut, if it is such a text at its end.
fn whole(text: &[u8]) -> usize {
    let begins = text.iter().rposition(|byte| *byte & 0b1100_0000 != 0b1000_0000).unwrap_or(text.len());
    match std::str::from_utf8(&text[begins..]) {
        Err(error) if error.error_len().is_none() && begins > 0 => begins,
        _ => text.len(),
    }
}

#[cfg(test)]
mod tests {
    use super::{reader::Reader, *};

    #[tokio::test]
    async fn a_long_line_is_cut_between_characters_and_loses_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let output = Output::new(directory.path()).unwrap();
        // Characters of four bytes, one byte off, so that every cut would be within one.
        let long = format!("x{}", "🚀".repeat(10_000));
        let text = format!("short\n{long}\nlast");
        output.copy("stdout", text.as_bytes()).await;
        let mut reader = Reader::first(directory.path().into(), 1);
        let lines: Vec<_> = std::iter::from_fn(|| reader.next().unwrap()).collect();
        assert_eq!(
            lines.iter().map(|line| line.partial).collect::<Vec<_>>(),
            [false, true, true, false, false]
        );
        let joined: String = lines[1..4].iter().map(|line| &*line.text).collect();
        assert!(joined == long && lines[0].text == "short" && lines[4].text == "last");
    }
}
