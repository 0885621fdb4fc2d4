use std::{convert::Infallible, process::Command};

use flate2::{Compression, write::GzEncoder};
use futures::stream;
use tar::{Builder, EntryType, Header};

use super::*;

const SCRIPT: &[u8] = b"#!/bin/sh\necho hello\n";

fn artifacts(largest: u64) -> (TempDir, Artifacts) {
    let directory = tempfile::tempdir().unwrap();
    let artifacts = Artifacts::open(directory.path(), largest).unwrap();
    (directory, artifacts)
}

/// Uploads something in parts.
async fn upload(artifacts: &Artifacts, body: &[u8]) -> Result<(Artifact, bool), Error> {
    let parts: Vec<_> = body.chunks(1000).map(|part| Ok::<_, Infallible>(part.to_vec())).collect();
    artifacts.store(None, stream::iter(parts)).await
}

/// Why something is refused, of which nothing may be left.
async fn refusal(artifacts: &Artifacts, body: &[u8]) -> String {
    let error = upload(artifacts, body).await.unwrap_err();
    assert_eq!(fs::read_dir(&artifacts.directory).unwrap().count(), 0, "{error}");
    error.in_full()
}

/// An entry of a tar: what it is, where, how, and what it holds or where it leads.
type Packed<'a> = (EntryType, &'a str, u32, &'a str);

/// A tar as an attacker writes it: nothing is checked.
fn tar(entries: &[Packed<'_>]) -> Vec<u8> {
    let mut tar = Builder::new(Vec::new());
    for (kind, path, mode, rest) in entries {
        let mut header = Header::new_ustar();
        header.as_mut_bytes()[..path.len()].copy_from_slice(path.as_bytes());
        header.set_entry_type(*kind);
        header.set_mode(*mode);
        let data = if kind.is_file() { rest.as_bytes() } else { b"" };
        if !kind.is_file() && !rest.is_empty() {
            header.as_mut_bytes()[157..157 + rest.len()].copy_from_slice(rest.as_bytes());
        }
        header.set_size(data.len() as u64);
        header.set_cksum();
        tar.append(&header, data).unwrap();
    }
    tar.into_inner().unwrap()
}

const PROGRAM_IN_IT: Packed<'_> = (EntryType::Regular, "bin/cart", 0o4755, "#!/bin/sh\n");

#[tokio::test]
async fn the_same_content_is_the_same_artifact() {
    let (_root, artifacts) = artifacts(LARGEST);
    let (artifact, new) = upload(&artifacts, SCRIPT).await.unwrap();
    let expected = format!("sha256:{:x}", Sha256::digest(SCRIPT));
    assert_eq!((&artifact.digest, artifact.size, new), (&expected, SCRIPT.len() as u64, true));
    assert_eq!(artifact.kind, ArtifactKind::Executable);
    assert_eq!(upload(&artifacts, SCRIPT).await.unwrap(), (artifact.clone(), false));
    assert_eq!(artifacts.all().unwrap(), std::slice::from_ref(&artifact));
    let output = Command::new("sh").arg(artifacts.program(&expected, "").unwrap()).output().unwrap();
    assert_eq!(output.stdout, b"hello\n");
    assert!(artifacts.remove(&expected).unwrap());
    assert!(!artifacts.remove(&expected).unwrap());
    assert_eq!(fs::read_dir(&artifacts.directory).unwrap().count(), 0);
}

#[tokio::test]
async fn an_archive_is_unpacked_with_its_links_and_without_its_rights() {
    let (_root, artifacts) = artifacts(LARGEST);
    let tar = tar(&[
        (EntryType::Directory, "./", 0o777, ""),
        PROGRAM_IN_IT,
        (EntryType::Regular, "./etc/cart.conf", 0o666, "a = 1"),
        (EntryType::Link, "bin/same", 0o755, "bin/cart"),
        (EntryType::Symlink, "bin/conf", 0o777, "../etc/cart.conf"),
    ]);
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    io::Write::write_all(&mut packed, &tar).unwrap();
    for body in [tar, packed.finish().unwrap()] {
        let (artifact, _) = upload(&artifacts, &body).await.unwrap();
        assert_eq!(artifact.kind, ArtifactKind::Archive);
        let content = artifacts.content(&artifact.digest).unwrap();
        let mode = |path: &str| fs::metadata(content.join(path)).unwrap().permissions().mode() & 0o7777;
        assert_eq!((mode("bin/cart"), mode("bin/same"), mode("etc/cart.conf")), (0o755, 0o755, 0o644));
        assert_eq!(fs::read_to_string(content.join("bin/conf")).unwrap(), "a = 1");
        artifacts.check(&artifact.digest, "bin/cart").unwrap();
        for other in ["", "bin", "bin/conf", "../../../etc/passwd", "/bin/sh", "bin/../bin/cart"] {
            let words = artifacts.check(&artifact.digest, other).unwrap_err().to_string();
            assert!(words.starts_with("the artifact "), "{other}: {words}");
        }
    }
}

#[tokio::test]
async fn nothing_of_an_archive_is_elsewhere() {
    let (root, artifacts) = artifacts(LARGEST);
    let outside = root.path().join("outside").display().to_string();
    let cases: &[(&[Packed<'_>], &str)] = &[
        (&[PROGRAM_IN_IT, (EntryType::Regular, "../outside", 0o644, "x")], "not below its directory"),
        (&[PROGRAM_IN_IT, (EntryType::Regular, "a/../../../outside", 0o644, "x")], "not below its directory"),
        (&[PROGRAM_IN_IT, (EntryType::Regular, &outside, 0o644, "x")], "not below its directory"),
        (&[PROGRAM_IN_IT, (EntryType::Symlink, "passwd", 0o777, "/etc/passwd")], "not in it"),
        (&[PROGRAM_IN_IT, (EntryType::Symlink, "up", 0o777, "../..")], "not in it"),
        (&[PROGRAM_IN_IT, (EntryType::Symlink, "nowhere", 0o777, "missing")], "not in it"),
        (
            // Each by itself looks as if it stayed inside.
            &[
                PROGRAM_IN_IT,
                (EntryType::Symlink, "here", 0o777, "."),
                (EntryType::Symlink, "out", 0o777, "here/../artifact.json"),
            ],
            "not in it",
        ),
        (
            &[
                PROGRAM_IN_IT,
                (EntryType::Symlink, "dir", 0o777, "../.."),
                (EntryType::Regular, "dir/outside", 0o644, "x"),
            ],
            "cannot be unpacked",
        ),
        (&[PROGRAM_IN_IT, (EntryType::Link, "passwd", 0o644, "/etc/passwd")], "not below its directory"),
        (&[PROGRAM_IN_IT, (EntryType::Char, "null", 0o666, "")], "neither file, directory nor link"),
        (&[PROGRAM_IN_IT, (EntryType::Fifo, "pipe", 0o666, "")], "neither file, directory nor link"),
    ];
    for (entries, expected) in cases {
        let words = refusal(&artifacts, &tar(entries)).await;
        assert!(words.contains(expected), "{entries:?}: {words}");
    }
    assert!(!root.path().join("outside").exists());
}

#[tokio::test]
async fn what_is_no_program_is_refused_in_words() {
    let (_root, artifacts) = artifacts(LARGEST);
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    io::Write::write_all(&mut packed, b"no tar").unwrap();
    let object = [b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".as_slice(), &[1, 0]].concat();
    for body in [b"".as_slice(), b"hello", b"PK\x03\x04", &packed.finish().unwrap(), b"\x1f\x8bx", &object] {
        let words = refusal(&artifacts, body).await;
        assert_eq!(words, "this is no artifact: it is no executable and no archive");
    }
    let words = refusal(&artifacts, &tar(&[(EntryType::Regular, "README", 0o644, "x")])).await;
    assert!(words.contains("nothing in it is executable"), "{words}");
    let cut = &tar(&[(EntryType::Regular, "bin/cart", 0o755, &"x".repeat(2000))])[..1500];
    assert!(refusal(&artifacts, cut).await.contains("cannot be unpacked"));
}

#[tokio::test]
async fn too_much_is_refused_and_an_upload_that_is_cut_off_leaves_nothing() {
    let (_root, artifacts) = artifacts(5_000);
    let words = refusal(&artifacts, &b"#!".repeat(2_501)).await;
    assert_eq!(words, "an artifact may have up to 5000 bytes");
    let cut = stream::iter([Ok(SCRIPT.to_vec()), Err("gone")]);
    let words = artifacts.store(None, cut).await.unwrap_err().in_full();
    assert_eq!(
        (&*words, fs::read_dir(&artifacts.directory).unwrap().count()),
        ("the upload was cut off: gone", 0)
    );

    let bomb =
        tar(&[(EntryType::Regular, "bin/a", 0o755, "12345"), (EntryType::Regular, "bin/b", 0o755, "12345")]);
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("tar");
    fs::write(&path, bomb).unwrap();
    for bounds in [Bounds { bytes: 9, entries: 2 }, Bounds { bytes: 10, entries: 1 }] {
        let to = tempfile::tempdir().unwrap();
        assert!(unpack(&path, Form::Tar, to.path(), bounds).is_err(), "{bounds:?}");
    }
    let to = tempfile::tempdir().unwrap();
    unpack(&path, Form::Tar, to.path(), Bounds { bytes: 10, entries: 2 }).unwrap();
}

#[tokio::test]
async fn what_a_crash_has_left_is_removed() {
    let (root, artifacts) = artifacts(LARGEST);
    let (artifact, _) = upload(&artifacts, SCRIPT).await.unwrap();
    fs::create_dir_all(artifacts.directory.join(".upload-x/artifact/content")).unwrap();
    let artifacts = Artifacts::open(root.path(), LARGEST).unwrap();
    assert_eq!(artifacts.all().unwrap(), [artifact]);
    assert_eq!(fs::read_dir(&artifacts.directory).unwrap().count(), 1);
}

/// A file system of 256 kB, where the machine lets a test mount one.
struct Small(TempDir);

impl Small {
    fn mounted() -> Option<Self> {
        let directory = tempfile::tempdir().unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=256k", "none"]).arg(directory.path());
        let mounted = mount.output().is_ok_and(|mount| mount.status.success());
        mounted.then_some(Self(directory))
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

#[tokio::test]
async fn a_full_disk_is_said_and_leaves_nothing_behind() {
    let Some(disk) = Small::mounted() else {
        eprintln!("skipped: no file system can be mounted here");
        return;
    };
    let artifacts = Artifacts::open(disk.0.path(), LARGEST).unwrap();
    let script = [SCRIPT, &vec![b'x'; 300_000]].concat();
    assert_eq!(refusal(&artifacts, &script).await, "the disk is full");
    // Also when it is full only once it is unpacked.
    let archive = tar(&[(EntryType::Regular, "bin/cart", 0o755, &"x".repeat(150_000))]);
    assert_eq!(refusal(&artifacts, &archive).await, "the disk is full");
    upload(&artifacts, SCRIPT).await.unwrap();
}
