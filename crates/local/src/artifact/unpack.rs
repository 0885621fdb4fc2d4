//! Unpacks an archive so that nothing of it is outside of its directory.

use std::{
    fs::{self, File, Permissions},
    io::{self, BufReader, ErrorKind, Read},
    os::unix::fs::{PermissionsExt, symlink},
    path::{Component, Path, PathBuf},
};

use flate2::read::MultiGzDecoder;
use tar::{Archive, Entry, EntryType};

use crate::Error;

/// Where a tar says that it is one, and how.
const TAR: (usize, &[u8]) = (257, b"ustar");
/// Where a file of the executable and linkable format says what it is.
const ELF_TYPE: usize = 16;

/// How an upload is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// As a program.
    Program,
    /// As a tar.
    Tar,
    /// As a tar that is packed by gzip.
    PackedTar,
}

/// What an archive may hold.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// All files together, in bytes.
    pub(super) bytes: u64,
    /// Files, directories and links.
    pub(super) entries: usize,
}

impl Form {
    /// By its first bytes; none for what is neither.
    pub(super) fn of(path: &Path) -> io::Result<Option<Self>> {
        let first = beginning(File::open(path)?)?;
        Ok(match &first[..] {
            [0x7f, b'E', b'L', b'F', ..] if is_program(&first) => Some(Self::Program),
            [b'#', b'!', ..] => Some(Self::Program),
            [0x1f, 0x8b, ..] => {
                // What is not gzip after all is no tar.
                let inner = beginning(MultiGzDecoder::new(File::open(path)?)).unwrap_or_default();
                is_tar(&inner).then_some(Self::PackedTar)
            }
            first => is_tar(first).then_some(Self::Tar),
        })
    }
}

fn beginning(file: impl Read) -> io::Result<Vec<u8>> {
    let mut first = Vec::new();
    file.take(512).read_to_end(&mut first)?;
    Ok(first)
}

fn is_tar(first: &[u8]) -> bool {
    first.get(TAR.0..).is_some_and(|rest| rest.starts_with(TAR.1))
}

/// `ET_EXEC` or `ET_DYN`, in either order of bytes.
fn is_program(first: &[u8]) -> bool {
    matches!(first.get(ELF_TYPE..ELF_TYPE + 2), Some([2 | 3, 0] | [0, 2 | 3]))
}

/// Unpacks an archive into an empty directory.
///
/// # Errors
/// [`Error::NoProgramIn`] when something of it would be elsewhere, is neither file, directory nor link, is too much, or when
/// it holds no program; [`Error::DiskFull`].
pub(super) fn unpack(path: &Path, form: Form, to: &Path, bounds: Bounds) -> Result<(), Error> {
    let unpacked = File::open(path).map(BufReader::new).and_then(|file| match form {
        Form::PackedTar => take(&mut Archive::new(MultiGzDecoder::new(file)), to, bounds),
        _ => take(&mut Archive::new(file), to, bounds),
    });
    match unpacked {
        Ok(true) => Ok(()),
        Ok(false) => Err(Error::NoProgramIn("nothing in it is executable".to_owned())),
        Err(error) => Err(match error.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Error::DiskFull,
            _ => Error::NoProgramIn(format!("it cannot be unpacked: {error}")),
        }),
    }
}

/// Whether there is a program among what was taken.
fn take(archive: &mut Archive<impl Read>, to: &Path, bounds: Bounds) -> io::Result<bool> {
    let (mut programs, mut bytes) = (0, bounds.bytes);
    let (mut hard, mut soft) = (Vec::new(), Vec::new());
    for (count, entry) in archive.entries()?.enumerate() {
        if count == bounds.entries {
            return Err(refused(format!("more than {count} entries")));
        }
        let mut entry = entry?;
        let kind = entry.header().entry_type();
        let Some(path) = inside(&entry.path()?, to)? else { continue };
        match kind {
            EntryType::XGlobalHeader | EntryType::XHeader => {}
            EntryType::Directory => fs::create_dir_all(&path)?,
            EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => {
                programs += u32::from(file(&mut entry, &path, &mut bytes)?);
            }
            EntryType::Link => hard.push((path, target(&entry)?)),
            EntryType::Symlink => soft.push((path, target(&entry)?)),
            _ => return Err(refused(format!("{} is neither file, directory nor link", shown(&entry)))),
        }
    }
    // Files first: then none is written through a link. Then links to files, which are not followed through others.
    for (path, target) in hard {
        let target = inside(&target, to)?.ok_or_else(|| refused("a link to nothing".to_owned()))?;
        fs::create_dir_all(path.parent().unwrap_or(to))?;
        fs::hard_link(target, path)?;
    }
    for (path, target) in &soft {
        fs::create_dir_all(path.parent().unwrap_or(to))?;
        symlink(target, path)?;
    }
    let root = to.canonicalize()?;
    for (path, target) in soft {
        // Where it leads through all others.
        let leads_inside = path.canonicalize().is_ok_and(|found| found.starts_with(&root));
        if target.is_absolute() || !leads_inside {
            return Err(refused(format!("a link leads to {}, which is not in it", target.display())));
        }
    }
    Ok(programs > 0)
}

/// Writes a file; whether it is a program. Of its mode only that is kept.
fn file(entry: &mut Entry<impl Read>, path: &Path, bytes: &mut u64) -> io::Result<bool> {
    let program = entry.header().mode()? & 0o111 != 0;
    fs::create_dir_all(path.parent().unwrap_or(path))?;
    let mut file = File::create(path)?;
    let copied = io::copy(&mut entry.take(*bytes + 1), &mut file)?;
    *bytes = bytes.checked_sub(copied).ok_or_else(|| refused("too much when it is unpacked".to_owned()))?;
    file.set_permissions(Permissions::from_mode(if program { 0o755 } else { 0o644 }))?;
    Ok(program)
}

/// Where a path of the archive is below a directory; none for the directory itself.
fn inside(path: &Path, to: &Path) -> io::Result<Option<PathBuf>> {
    let mut parts = path.components().filter(|part| *part != Component::CurDir).peekable();
    if parts.peek().is_none() {
        return Ok(None);
    }
    let below = parts.map(|part| match part {
        Component::Normal(name) => Ok(name),
        _ => Err(refused(format!("{} is not below its directory", path.display()))),
    });
    Ok(Some(to.join(below.collect::<io::Result<PathBuf>>()?)))
}

fn target(entry: &Entry<impl Read>) -> io::Result<PathBuf> {
    let target = entry.link_name()?;
    Ok(target.ok_or_else(|| refused(format!("{} is a link to nothing", shown(entry))))?.into_owned())
}

fn shown(entry: &Entry<impl Read>) -> String {
    String::from_utf8_lossy(&entry.path_bytes()).into_owned()
}

fn refused(words: String) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, words)
}
