//! What a service writes, line by line into rotated files.

use std::{
    fs,
    io::Write,
    path::Path,
    sync::{Arc, Mutex},
};

use chrono::{SecondsFormat, Utc};
use file_rotate::{ContentLimit, FileRotate, compression::Compression, suffix::AppendCount};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader};

use crate::{Error, mutex::lock};

/// A file is put away when it has become so large, in bytes.
const LARGEST: usize = 8 << 20;
/// So many are kept beside the one that is written.
const KEPT: usize = 4;
/// A line that is longer, in bytes, is cut into several.
const LONGEST_LINE: u64 = 16 << 10;

/// The files of one replica's output.
#[derive(Clone)]
pub(crate) struct Output(Arc<Mutex<FileRotate<AppendCount>>>);

impl Output {
    /// In a directory, which is made where it is not there.
    pub(crate) fn new(directory: &Path) -> Result<Self, Error> {
        fs::create_dir_all(directory).map_err(Error::file(directory, "made"))?;
        let path = directory.join("output.log");
        let files = AppendCount::new(KEPT);
        let limit = ContentLimit::BytesSurpassed(LARGEST);
        Ok(Self(Arc::new(Mutex::new(FileRotate::new(path, files, limit, Compression::None, None)))))
    }

    /// Writes what comes from a pipe until it is closed: a line's time, the stream's name, and the line.
    pub(crate) async fn copy(self, name: &'static str, pipe: impl AsyncRead + Unpin) {
        let mut pipe = BufReader::new(pipe);
        let mut line = Vec::new();
        loop {
            line.clear();
            match (&mut pipe).take(LONGEST_LINE).read_until(b'\n', &mut line).await {
                Ok(0) | Err(_) => return,
                Ok(_) => self.write(name, line.strip_suffix(b"\n").unwrap_or(&line)),
            }
        }
    }

    /// A full disk stops the output, never the service.
    fn write(&self, name: &str, line: &[u8]) {
        let time = Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true);
        let mut whole = format!("{time} {name} ").into_bytes();
        whole.extend_from_slice(line);
        whole.push(b'\n');
        let _ = lock(&self.0).write_all(&whole);
    }
}
