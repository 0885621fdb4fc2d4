//! The process that has the front doors of a directory.

use std::{
    io::{self, Read, Write},
    net::TcpListener,
    os::{fd::AsFd, unix::net::UnixStream},
    path::Path,
    sync::Arc,
    thread::sleep,
    time::{Duration, Instant},
};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::{net::UnixListener, select, sync::watch, task::spawn_blocking};

use crate::{
    Error,
    control::Control,
    directory::{CONTROL, Directory, HANDOVER, Lock},
    doors::Doors,
    handover,
};

/// What the process says on its standard output once it has the front doors.
pub const OPEN: &str = "open\n";

/// A predecessor that neither has the front doors nor gives them is just beginning or ending: so long, and it is looked again
/// after so long a pause.
const PREDECESSOR_WITHIN: Duration = Duration::from_secs(5);
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// How the front doors are come by.
enum Begin {
    /// Nobody had them.
    Alone(Lock),
    /// From a process that goes on until they are accepted from.
    From(UnixStream, Vec<TcpListener>),
}

/// Has the front doors of a directory until there are none: those that it had last, at first. Takes them over from the process
/// that has them, if there is one, and says [`OPEN`] on its standard output then. No request is lost in between.
///
/// # Errors
/// When the directory cannot be used, or the process that has them gives them to nobody.
pub fn keep(directory: &Path) -> Result<(), Error> {
    // Whatever is done to the terminal or the process group of who started this, it goes on. Only who leads a group
    // already is refused, and is on its own already.
    let _ = rustix::process::setsid();
    allow_many_connections();
    let directory = Directory::make(directory)?;
    let begin = begin(&directory)?;
    let runtime = tokio::runtime::Runtime::new();
    let runtime = runtime.map_err(|error| Error::System("the front doors cannot begin", error))?;
    runtime.block_on(run(directory, begin))
}

fn begin(directory: &Directory) -> Result<Begin, Error> {
    let until = Instant::now() + PREDECESSOR_WITHIN;
    loop {
        if let Some(lock) = directory.try_lock()? {
            return Ok(Begin::Alone(lock));
        }
        let given = UnixStream::connect(directory.socket(HANDOVER))
            .and_then(|predecessor| Ok((handover::take(&predecessor)?, predecessor)));
        match given {
            Ok((sockets, predecessor)) => return Ok(Begin::From(predecessor, sockets)),
            Err(error) if Instant::now() >= until => return Err(Error::Kept(error)),
            Err(_) => sleep(LOOK_AGAIN),
        }
    }
}

async fn run(directory: Directory, begin: Begin) -> Result<(), Error> {
    let (tell, busy) = watch::channel(matches!(begin, Begin::From(..)));
    let (lock, doors) = match begin {
        Begin::Alone(lock) => {
            let doors = Doors::new(Vec::new(), busy);
            doors.take(&directory.routes()?).await;
            (Some(lock), doors)
        }
        Begin::From(predecessor, sockets) => {
            let doors = Doors::new(sockets, busy);
            doors.take(&directory.routes()?).await;
            handover::accepts(&predecessor).map_err(Error::Kept)?;
            spawn_blocking(move || until_idle(predecessor, &tell));
            let directory = directory.clone();
            let locked = spawn_blocking(move || directory.lock()).await;
            (locked.map_err(|error| Error::Kept(io::Error::other(error)))??, doors)
        }
    };
    let doors = Arc::new(doors);
    let listener = directory.listen(CONTROL)?;
    let successors = directory.listen(HANDOVER)?;
    told_open();
    let control = Arc::new(Control::new(doors.clone(), directory));
    let successor = select! {
        () = control.serve(&listener) => None,
        successor = successor(&successors, &doors) => Some(successor),
    };
    drop(listener);
    control.stop();
    // Before the successor can be told anything: what it is told then holds for connections to here as well.
    let services = doors.pass_on().await;
    // Who finds the front doors closed now may open them anew.
    drop((successors, lock));
    control.end().await;
    doors.left(None).await;
    drop(successor);
    doors.linger(services).await;
    Ok(())
}

/// Waits for a successor that accepts from the sockets.
async fn successor(successors: &UnixListener, doors: &Doors) -> UnixStream {
    loop {
        let accepted = match successors.accept().await {
            Ok((stream, _)) => stream.into_std(),
            Err(error) => Err(error),
        };
        let Ok(stream) = accepted else {
            tokio::time::sleep(LOOK_AGAIN).await;
            continue;
        };
        let sockets = doors.sockets();
        let given = spawn_blocking(move || {
            let sockets: Vec<_> = sockets.iter().map(|socket| socket.as_fd()).collect();
            handover::give(&stream, &sockets).map(|()| stream)
        });
        // One that has ended before it accepted has taken nothing.
        if let Ok(Ok(stream)) = given.await {
            return stream;
        }
    }
}

/// Waits until the predecessor has nothing under way that goes to a replica, or has ended.
fn until_idle(mut predecessor: UnixStream, tell: &watch::Sender<bool>) {
    let _ = predecessor.set_read_timeout(None);
    let _ = predecessor.read(&mut [0]);
    tell.send_replace(false);
}

/// A connection through a front door takes two of the files that a process may have open.
fn allow_many_connections() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    // As many as without it.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
}

/// Tells who started this that the front doors are open, and leaves them alone from then on.
fn told_open() {
    let mut out = std::io::stdout();
    // They may be gone already.
    let _ = out.write_all(OPEN.as_bytes()).and_then(|()| out.flush());
    if let Ok(nowhere) = std::fs::File::options().write(true).open("/dev/null") {
        let _ = rustix::stdio::dup2_stdout(&nowhere);
        let _ = rustix::stdio::dup2_stderr(&nowhere);
    }
}
