//! Reads what one replica has written, from a place near the end on and over rotations, while it is being written.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, ErrorKind, Read, Seek, SeekFrom},
    os::unix::fs::{FileExt, MetadataExt},
    path::PathBuf,
};

use domain::output::OutputLine;

use super::{
    KEPT, file_name,
    line::{self, LONGEST, LONGEST_HEAD},
};

/// How much is looked at at once for where the last lines begin, in bytes.
const BLOCK: u64 = 64 << 10;
/// So much of one replica's output is looked at for them at most, in bytes.
const FURTHEST: u64 = 8 << 20;

/// Reads one replica's output.
pub(crate) struct Reader {
    directory: PathBuf,
    port: u16,
    /// Which is read now; none while nothing was written.
    file: Option<BufReader<File>>,
    /// What was read of a line whose end is not there yet.
    begun: Vec<u8>,
}

impl Reader {
    /// From the first line that there is on.
    pub(crate) fn first(directory: PathBuf, port: u16) -> Self {
        Self { directory, port, file: None, begun: Vec::new() }
    }

    /// From so many lines before the end on.
    pub(crate) fn last(directory: PathBuf, port: u16, lines: usize) -> io::Result<Self> {
        let mut reader = Self::first(directory, port);
        let (mut found, mut looked) = (0, 0);
        for number in 0..=KEPT {
            let Some(mut file) = reader.open(number)? else { break };
            if reader.file.as_ref().is_some_and(|newer| same(newer.get_ref(), &file)) {
                // It was put away between the two.
                continue;
            }
            let (start, here) = start_of_last(&file, lines - found, FURTHEST - looked)?;
            looked += file.metadata()?.len() - start;
            found += here;
            file.seek(SeekFrom::Start(start))?;
            reader.file = Some(BufReader::new(file));
            if found >= lines || looked >= FURTHEST || start > 0 {
                break;
            }
        }
        Ok(reader)
    }

    /// The next line; none where there is no further one yet.
    pub(crate) fn next(&mut self) -> io::Result<Option<OutputLine>> {
        loop {
            if self.file.is_none() && !self.go_on()? {
                return Ok(None);
            }
            if let Some(line) = self.read()? {
                return Ok(Some(line));
            }
            if !self.is_put_away()? {
                return Ok(None);
            }
            // It may have been written to between the last look and its being put away, but not any more.
            if let Some(line) = self.read()? {
                return Ok(Some(line));
            }
            if !self.go_on()? {
                return Ok(None);
            }
        }
    }

    /// Whether its directory is gone: the next line that is not there will not come.
    pub(crate) fn is_over(&self) -> bool {
        !self.directory.exists()
    }

    fn read(&mut self) -> io::Result<Option<OutputLine>> {
        let Some(file) = &mut self.file else { return Ok(None) };
        let room = LONGEST + LONGEST_HEAD - self.begun.len();
        file.by_ref().take(room as u64).read_until(b'\n', &mut self.begun)?;
        let ended = self.begun.last() == Some(&b'\n');
        if !ended && self.begun.len() < LONGEST + LONGEST_HEAD {
            return Ok(None);
        }
        let mut line = line::read(self.port, self.begun.strip_suffix(b"\n").unwrap_or(&self.begun));
        line.partial |= !ended;
        self.begun.clear();
        Ok(Some(line))
    }

    /// Whether what is read now is not what is written now.
    fn is_put_away(&self) -> io::Result<bool> {
        let (Some(file), Some(current)) = (&self.file, self.open(0)?) else { return Ok(false) };
        Ok(!same(file.get_ref(), &current))
    }

    /// Goes on with the next file, or begins with the oldest; whether there is one.
    fn go_on(&mut self) -> io::Result<bool> {
        loop {
            let at = self.number()?;
            let next = match at {
                Some(0) => return Ok(false),
                Some(number) => self.open(number - 1)?,
                None => self.oldest()?,
            };
            // Where files were put away meanwhile, the next one is another one by now.
            if self.number()? == at {
                let found = next.is_some();
                self.file = next.map(BufReader::new).or(self.file.take());
                return Ok(found);
            }
        }
    }

    /// Which file is read now, by its number; none where it is gone, or nothing was read.
    fn number(&self) -> io::Result<Option<usize>> {
        let Some(file) = &self.file else { return Ok(None) };
        for number in 0..=KEPT {
            if self.open(number)?.is_some_and(|found| same(file.get_ref(), &found)) {
                return Ok(Some(number));
            }
        }
        Ok(None)
    }

    fn oldest(&self) -> io::Result<Option<File>> {
        for number in (0..=KEPT).rev() {
            if let Some(file) = self.open(number)? {
                return Ok(Some(file));
            }
        }
        Ok(None)
    }

    fn open(&self, number: usize) -> io::Result<Option<File>> {
        match File::open(self.directory.join(file_name(number))) {
            Ok(file) => Ok(Some(file)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}

fn same(one: &File, other: &File) -> bool {
    let known =
        |file: &File| -> io::Result<(u64, u64)> { file.metadata().map(|facts| (facts.dev(), facts.ino())) };
    matches!((known(one), known(other)), (Ok(one), Ok(other)) if one == other)
}

/// Where the last lines of a file begin, and how many they are; not further from its end than so many bytes.
fn start_of_last(file: &File, lines: usize, furthest: u64) -> io::Result<(u64, usize)> {
    let end = file.metadata()?.len();
    let (mut start, mut at, mut found) = (end, end, 0);
    let mut block = vec![0; BLOCK as usize];
    while at > 0 && end - at < furthest {
        let from = at.saturating_sub(BLOCK);
        let block = &mut block[..(at - from) as usize];
        file.read_exact_at(block, from)?;
        // The last line's own end begins no line.
        let ends = block.iter().enumerate().rev().filter(|(_, byte)| **byte == b'\n');
        let begins = ends.map(|(position, _)| from + position as u64 + 1).filter(|begin| *begin < end);
        for begin in begins {
            (start, found) = (begin, found + 1);
            if found == lines {
                return Ok((start, found));
            }
        }
        at = from;
    }
    // What stands before the first end is a line too.
    Ok(if at == 0 && end > 0 { (0, found + 1) } else { (start, found) })
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use tempfile::TempDir;

    use super::*;

    /// Adds a line to what is written now.
    fn write(directory: &Path, text: &str) {
        let path = directory.join(file_name(0));
        let before = fs::read_to_string(&path).unwrap_or_default();
        let file = File::options().create(true).append(true).open(path).unwrap();
        file.write_all_at(
            format!("2026-11-22T03:23:15.123456Z stdout F {text}\n").as_bytes(),
            before.len() as u64,
        )
        .unwrap();
    }

    /// Puts away what is written now.
    fn rotate(directory: &Path) {
        for number in (0..KEPT).rev() {
            let _ = fs::rename(directory.join(file_name(number)), directory.join(file_name(number + 1)));
        }
        File::create(directory.join(file_name(0))).unwrap();
    }

    /// Lines 0 to 7 in three files, the last of which is empty.
    fn three() -> TempDir {
        let directory = tempfile::tempdir().unwrap();
        for number in 0..8 {
            write(directory.path(), &number.to_string());
            if number == 4 || number == 7 {
                rotate(directory.path());
            }
        }
        directory
    }

    fn rest(reader: &mut Reader) -> Vec<String> {
        std::iter::from_fn(|| reader.next().unwrap()).map(|line| line.text).collect()
    }

    #[test]
    fn the_last_lines_are_found_across_files() {
        let directory = three();
        let last = |lines| rest(&mut Reader::last(directory.path().into(), 1, lines).unwrap());
        assert_eq!(last(1), ["7"]);
        assert_eq!(last(3), ["5", "6", "7"]);
        assert_eq!(last(5), ["3", "4", "5", "6", "7"]);
        assert_eq!(last(100).len(), 8);
    }

    #[test]
    fn a_reader_goes_on_over_rotations_and_misses_what_is_gone() {
        let directory = three();
        let mut reader = Reader::last(directory.path().into(), 1, 1).unwrap();
        assert_eq!(rest(&mut reader), ["7"]);
        write(directory.path(), "8");
        rotate(directory.path());
        write(directory.path(), "9");
        rotate(directory.path());
        write(directory.path(), "10");
        assert_eq!(rest(&mut reader), ["8", "9", "10"]);
        for number in 11..20 {
            write(directory.path(), &number.to_string());
            rotate(directory.path());
        }
        // It has the file with the next line, and goes on with the oldest one that is still there.
        assert_eq!(rest(&mut reader), ["11", "16", "17", "18", "19"]);
    }

    #[test]
    fn a_line_without_an_end_is_waited_for_and_one_that_never_ends_is_cut() {
        let directory = tempfile::tempdir().unwrap();
        let mut reader = Reader::first(directory.path().into(), 1);
        assert_eq!(rest(&mut reader), [""; 0]);
        let path = directory.path().join(file_name(0));
        fs::write(&path, "half").unwrap();
        assert_eq!(rest(&mut reader), [""; 0]);
        fs::write(&path, "half a line\n").unwrap();
        assert_eq!(rest(&mut reader), ["half a line"]);
        fs::write(&path, format!("half a line\n{}\n", "x".repeat(40_000))).unwrap();
        let cut: Vec<_> = std::iter::from_fn(|| reader.next().unwrap()).collect();
        assert_eq!(cut.iter().map(|line| line.partial).collect::<Vec<_>>(), [true, true, false]);
        assert_eq!(cut.iter().map(|line| line.text.len()).sum::<usize>(), 40_000);
    }
}
