//! Control groups: where this process may make one, and what stands in one. `cgroups(7)`, and the kernel's own documents of
//! both versions.

use std::{
    ffi::OsStr,
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use procfs::{
    ProcError,
    process::{MountInfo, Process},
};
use rustix::process::{Pid, Signal, kill_process};

/// How long a period of CPU time is, in microseconds: the kernel's own default.
const PERIOD: u64 = 100_000;
/// systemd marks with this what it leaves to others.
const DELEGATED: &str = "user.delegate";
/// How often, and after which pauses, a group is removed again whose processes are about to be gone: five seconds in all.
const LOOKS: u32 = 1000;
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// What limits one kind of thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Controller {
    Cpu,
    Memory,
}

/// The two interfaces of the kernel. One machine may have both, with each controller in one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    V1,
    V2,
}

/// A group that is there, or could be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Group {
    pub(crate) version: Version,
    pub(crate) controller: Controller,
    pub(crate) directory: PathBuf,
}

impl Controller {
    fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Memory => "memory",
        }
    }
}

/// The groups of this name that could limit such a thing, best first: in this process's own group, or beside it where
/// what is above was delegated. Beyond these the groups are somebody else's.
pub(crate) fn candidates(controller: Controller, name: &str) -> Result<Vec<Group>, ProcError> {
    let own = Process::myself()?;
    let (groups, mounts) = (own.cgroups()?, own.mountinfo()?);
    let mut found = Vec::new();
    for (version, kind) in [(Version::V2, "cgroup2"), (Version::V1, "cgroup")] {
        let is_meant = |controllers: &[String]| match version {
            Version::V2 => controllers.iter().all(String::is_empty),
            Version::V1 => controllers.iter().any(|found| found == controller.name()),
        };
        let Some(group) = groups.0.iter().find(|group| is_meant(&group.controllers)) else { continue };
        let carries = |mount: &&MountInfo| {
            let options = &mount.super_options;
            mount.fs_type == kind && (version == Version::V2 || options.contains_key(controller.name()))
        };
        let own = mounts.0.iter().filter(carries).find_map(|mount| {
            let below = Path::new(&group.pathname).strip_prefix(&mount.root).ok()?;
            Some(mount.mount_point.join(below))
        });
        let above = own.as_deref().and_then(Path::parent).filter(|above| is_delegated(above));
        let above = above.filter(|_| version == Version::V2).map(Path::to_owned);
        let directories = own.into_iter().chain(above).map(|parent| parent.join(name));
        found.extend(directories.map(|directory| Group { version, controller, directory }));
    }
    Ok(found)
}

fn is_delegated(directory: &Path) -> bool {
    let mut value = [0; 8];
    rustix::fs::getxattr(directory, DELEGATED, &mut value).is_ok_and(|length| value[..length] == *b"1")
}

impl Group {
    /// Makes it, unless it is there, and has it limit: thousandths of a processor, or bytes.
    pub(crate) fn make(&self, limit: u64) -> io::Result<()> {
        if self.version == Version::V2 {
            self.enable()?;
        }
        match fs::create_dir(&self.directory) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(named(&self.directory, error));
            }
            _ => {}
        }
        let bytes = limit.to_string();
        // The least that the kernel takes is a hundredth of a period.
        let quota = (limit * PERIOD / 1_000).max(PERIOD / 100);
        match (self.version, self.controller) {
            (Version::V2, Controller::Cpu) => self.write("cpu.max", &format!("{quota} {PERIOD}")),
            (Version::V2, Controller::Memory) => {
                self.write("memory.max", &bytes)?;
                // What is not in memory is not let out of it either, and all goes when one must; both are refinements.
                let _ = self.write("memory.swap.max", "0");
                let _ = self.write("memory.oom.group", "1");
                Ok(())
            }
            (Version::V1, Controller::Cpu) => {
                self.write("cpu.cfs_period_us", &PERIOD.to_string())?;
                self.write("cpu.cfs_quota_us", &quota.to_string())
            }
            (Version::V1, Controller::Memory) => {
                self.write("memory.limit_in_bytes", &bytes)?;
                let _ = self.write("memory.memsw.limit_in_bytes", &bytes);
                Ok(())
            }
        }
    }

    /// Has the group above let this one have the controller.
    fn enable(&self) -> io::Result<()> {
        let (above, name) = (self.directory.parent().unwrap_or(&self.directory), self.controller.name());
        let lists = |file: &str| -> io::Result<bool> {
            let path = above.join(file);
            let text = fs::read_to_string(&path).map_err(|error| named(&path, error))?;
            Ok(text.split_whitespace().any(|found| found == name))
        };
        if !lists("cgroup.controllers")? {
            return Err(io::Error::other(format!("{} has no controller “{name}”", above.display())));
        }
        if lists("cgroup.subtree_control")? {
            return Ok(());
        }
        let path = above.join("cgroup.subtree_control");
        fs::write(&path, format!("+{name}")).map_err(|error| named(&path, error))
    }

    fn write(&self, file: &str, value: &str) -> io::Result<()> {
        let path = self.directory.join(file);
        fs::write(&path, value).map_err(|error| named(&path, error))
    }

    /// How many of its processes were killed for passing the memory limit, since it was made.
    pub(crate) fn killed(&self) -> u64 {
        let file = match self.version {
            Version::V2 => "memory.events",
            Version::V1 => "memory.oom_control",
        };
        let text = fs::read_to_string(self.directory.join(file)).unwrap_or_default();
        let count = text.lines().find_map(|line| line.strip_prefix("oom_kill "));
        count.and_then(|count| count.trim().parse().ok()).unwrap_or(0)
    }
}

/// Moves this process into a group.
pub(crate) fn enter(directory: &Path) -> io::Result<()> {
    let path = directory.join("cgroup.procs");
    fs::write(&path, "0").map_err(|error| named(&path, error))
}

/// Removes a group with all groups that were made in it. What is still in them is killed. One that is not there is removed.
pub(crate) fn remove(directory: &Path) -> io::Result<()> {
    for _ in 0..LOOKS {
        let inner = fs::read_dir(directory).into_iter().flatten().flatten();
        for entry in inner.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())) {
            remove(&entry.path())?;
        }
        match fs::remove_dir(directory) {
            Ok(()) => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) if error.kind() != io::ErrorKind::ResourceBusy => return Err(named(directory, error)),
            Err(_) => {}
        }
        let inside = fs::read_to_string(directory.join("cgroup.procs")).unwrap_or_default();
        for pid in inside.lines().filter_map(|pid| Pid::from_raw(pid.parse().ok()?)) {
            // One that is gone meanwhile is what is wanted.
            let _ = kill_process(pid, Signal::KILL);
        }
        // There is no news of the first version's groups.
        std::thread::sleep(LOOK_AGAIN);
    }
    Err(named(directory, io::ErrorKind::ResourceBusy.into()))
}

/// Whether a directory has a name that only replicas' groups have, so that nothing else is ever removed.
pub(crate) fn is_replicas(directory: &Path) -> bool {
    directory.file_name().and_then(OsStr::to_str).is_some_and(|name| name.starts_with(NAME))
}

/// What the names of replicas' groups begin with.
pub(crate) const NAME: &str = "lockstep-";

fn named(path: &Path, error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The files of a group of the second version, as the kernel has them.
    fn second(controllers: &str, enabled: &str) -> tempfile::TempDir {
        let above = tempfile::tempdir().unwrap();
        fs::write(above.path().join("cgroup.controllers"), controllers).unwrap();
        fs::write(above.path().join("cgroup.subtree_control"), enabled).unwrap();
        above
    }

    fn group(above: &tempfile::TempDir, controller: Controller) -> Group {
        Group { version: Version::V2, controller, directory: above.path().join("lockstep-x") }
    }

    #[test]
    fn the_second_versions_files_are_written_as_it_reads_them() {
        let above = second("cpuset cpu memory\n", "cpu\n");
        let read = |file: &str| fs::read_to_string(above.path().join(file)).unwrap();
        group(&above, Controller::Cpu).make(1500).unwrap();
        assert_eq!(read("lockstep-x/cpu.max"), "150000 100000");
        assert_eq!(read("cgroup.subtree_control"), "cpu\n", "what is there already is not asked for");
        let memory = group(&above, Controller::Memory);
        memory.make(64 << 20).unwrap();
        assert_eq!(read("cgroup.subtree_control"), "+memory");
        assert_eq!(
            (&*read("lockstep-x/memory.max"), &*read("lockstep-x/memory.swap.max")),
            ("67108864", "0")
        );
        fs::write(above.path().join("lockstep-x/memory.events"), "low 0\noom 2\noom_kill 1\n").unwrap();
        assert_eq!(memory.killed(), 1);
    }

    #[test]
    fn a_controller_that_is_not_there_is_said() {
        let above = second("cpu\n", "");
        let words = group(&above, Controller::Memory).make(1).unwrap_err().to_string();
        assert!(words.contains("has no controller “memory”"), "{words}");
        assert!(!above.path().join("lockstep-x").exists());
    }
}
