//! What all replicas of a service have written and write.

use std::{
    collections::{BTreeMap, VecDeque},
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use domain::output::{MAX_LINES, OutputLine};
use futures::{
    StreamExt,
    stream::{self, BoxStream},
};
use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::{sync::Notify, task::spawn_blocking, time::timeout};

use super::{ended::ENDED, reader::Reader};
use crate::Error;

/// It is looked so often without news of a file: also where there are too many watches already.
const LOOK: Duration = Duration::from_secs(1);
/// So many lines are read before they are passed on.
const AT_ONCE: usize = 200;

/// What a service has written: by all its replicas, or by those at one port.
pub struct ServiceOutput {
    directory: PathBuf,
    port: Option<u16>,
    /// By the directory that they read.
    readers: BTreeMap<PathBuf, Reader>,
    watcher: Option<RecommendedWatcher>,
    news: Arc<Notify>,
}

impl ServiceOutput {
    pub(crate) fn new(directory: PathBuf, port: Option<u16>) -> Self {
        Self { directory, port, readers: BTreeMap::new(), watcher: None, news: Arc::default() }
    }

    /// The last lines, at most [`MAX_LINES`], in the order of their times; also those of the replicas that are gone of
    /// which they were kept. What is followed afterwards begins behind them.
    pub async fn last(mut self, lines: usize) -> Result<(Self, Vec<OutputLine>), Error> {
        let read = spawn_blocking(move || {
            let lines = self.read_last(lines.clamp(1, MAX_LINES));
            (self, lines)
        });
        read.await.map_err(|error| Error::System("the output cannot be read", error.into()))
    }

    /// The lines that come, for as long as the service is there.
    pub fn follow(mut self) -> BoxStream<'static, OutputLine> {
        let news = self.news.clone();
        // Without it, lines come at the next look.
        self.watcher = notify::recommended_watcher(move |event: Result<Event, notify::Error>| {
            if event.is_ok_and(|event| !event.kind.is_access()) {
                news.notify_one();
            }
        })
        .ok();
        self.watch(&self.directory.join("replicas"));
        for directory in self.readers.keys().cloned().collect::<Vec<_>>() {
            self.watch(&directory);
        }
        stream::unfold(self, async |mut output| {
            loop {
                let (back, lines, there) = spawn_blocking(move || {
                    let (lines, there) = (output.read_more(), output.directory.exists());
                    (output, lines, there)
                })
                .await
                .ok()?;
                output = back;
                if !lines.is_empty() {
                    return Some((stream::iter(lines), output));
                }
                if !there {
                    return None;
                }
                let _ = timeout(LOOK, output.news.notified()).await;
            }
        })
        .flatten()
        .boxed()
    }

    fn watch(&mut self, directory: &Path) {
        if let Some(watcher) = &mut self.watcher {
            // One that is not there any more is none that is read.
            let _ = watcher.watch(directory, RecursiveMode::NonRecursive);
        }
    }

    fn read_last(&mut self, lines: usize) -> Vec<OutputLine> {
        let mut last = Vec::new();
        for (directory, port) in self.found(ENDED).into_iter().chain(self.found("replicas")) {
            let Ok(mut reader) = Reader::last(directory.clone(), port, lines) else { continue };
            let mut own = VecDeque::new();
            // One that writes faster than this reads goes on being read when it is followed.
            for line in std::iter::from_fn(|| reader.next().ok().flatten()).take(2 * lines) {
                own.push_back(line);
                if own.len() > lines {
                    own.pop_front();
                }
            }
            last.extend(own);
            in_order(&mut last);
            last.drain(..last.len().saturating_sub(lines));
            if !directory.starts_with(self.directory.join(ENDED)) {
                self.readers.insert(directory, reader);
            }
        }
        last
    }

    /// Some of the lines that have come.
    fn read_more(&mut self) -> Vec<OutputLine> {
        for (directory, port) in self.found("replicas") {
            if !self.readers.contains_key(&directory) {
                self.watch(&directory);
                self.readers.insert(directory.clone(), Reader::first(directory, port));
            }
        }
        let mut lines = Vec::new();
        self.readers.retain(|directory, reader| {
            let before = lines.len();
            let over = reader.is_over();
            while lines.len() - before < AT_ONCE {
                match reader.next() {
                    Ok(Some(line)) => lines.push(line),
                    // What was written before its directory went was read through the open file.
                    Ok(None) => return !over,
                    Err(error) => {
                        tracing::warn!(directory = %directory.display(), %error, "a replica's output cannot be read");
                        return !over;
                    }
                }
            }
            true
        });
        in_order(&mut lines);
        lines
    }

    /// The directories of output that are meant, with their replicas' ports.
    fn found(&self, kind: &str) -> Vec<(PathBuf, u16)> {
        let entries = fs::read_dir(self.directory.join(kind)).into_iter().flatten().flatten();
        let output = |entry: fs::DirEntry| {
            let name = entry.file_name().into_string().ok()?;
            let port = name.rsplit('-').next()?.parse().ok()?;
            let directory = if kind == ENDED { entry.path() } else { entry.path().join("output") };
            (self.port.is_none_or(|wanted| wanted == port) && directory.is_dir()).then_some((directory, port))
        };
        let mut found: Vec<_> = entries.filter_map(output).collect();
        found.sort_unstable();
        found
    }
}

/// Puts lines in the order of their times; one without a time stays behind the one before it.
fn in_order(lines: &mut Vec<OutputLine>) {
    let mut time = None;
    let mut timed: Vec<_> = lines
        .drain(..)
        .map(|line| {
            time = line.at.or(time);
            (time, line)
        })
        .collect();
    timed.sort_by_key(|(time, _)| *time);
    lines.extend(timed.into_iter().map(|(_, line)| line));
}
