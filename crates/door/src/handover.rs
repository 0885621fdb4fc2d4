//! Hands the listening sockets to a successor, so that nobody who comes meanwhile finds a closed door.
//!
//! The sockets themselves go over (`SCM_RIGHTS`): what waits in them for being accepted waits on. The successor says that it
//! accepts by [`ACCEPTS`]; without it, the predecessor goes on. It holds the connection as long as it has requests under way.

use std::{
    io::{self, IoSlice, IoSliceMut, Read, Write},
    mem::MaybeUninit,
    net::TcpListener,
    os::{
        fd::{BorrowedFd, OwnedFd},
        unix::net::UnixStream,
    },
    time::Duration,
};

use rustix::{
    cmsg_space,
    io::retry_on_intr,
    net::{
        RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
        SendFlags, recvmsg, sendmsg,
    },
};

/// So many sockets go with one message; the system's own limit is 253.
const AT_ONCE: usize = 64;
/// A message with sockets.
const SOCKETS: u8 = b's';
/// There are no more.
const THAT_IS_ALL: u8 = b'.';
/// The successor accepts.
const ACCEPTS: u8 = b'+';
/// Each of the two waits so long for the other.
const WITHIN: Duration = Duration::from_secs(10);

/// Gives sockets to a successor; done once it accepts from them.
///
/// # Errors
/// When it does not: it has ended, say.
pub(crate) fn give(successor: &UnixStream, sockets: &[BorrowedFd<'_>]) -> io::Result<()> {
    successor.set_nonblocking(false)?;
    successor.set_read_timeout(Some(WITHIN))?;
    successor.set_write_timeout(Some(WITHIN))?;
    for some in sockets.chunks(AT_ONCE) {
        let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(AT_ONCE))];
        let mut rights = SendAncillaryBuffer::new(&mut space);
        rights.push(SendAncillaryMessage::ScmRights(some));
        let word = [SOCKETS];
        retry_on_intr(|| sendmsg(successor, &[IoSlice::new(&word)], &mut rights, SendFlags::NOSIGNAL))?;
    }
    let mut stream = successor;
    stream.write_all(&[THAT_IS_ALL])?;
    let mut word = [0];
    stream.read_exact(&mut word)?;
    if word == [ACCEPTS] { Ok(()) } else { Err(io::Error::from(io::ErrorKind::InvalidData)) }
}

/// Takes a predecessor's sockets.
pub(crate) fn take(predecessor: &UnixStream) -> io::Result<Vec<TcpListener>> {
    predecessor.set_read_timeout(Some(WITHIN))?;
    let mut sockets = Vec::new();
    loop {
        let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(AT_ONCE))];
        let mut rights = RecvAncillaryBuffer::new(&mut space);
        let mut word = [0];
        let flags = RecvFlags::CMSG_CLOEXEC;
        let got = recvmsg(predecessor, &mut [IoSliceMut::new(&mut word)], &mut rights, flags);
        let got = match got {
            Err(rustix::io::Errno::INTR) => continue,
            got => got?,
        };
        for message in rights.drain() {
            if let RecvAncillaryMessage::ScmRights(some) = message {
                sockets.extend(some.map(|socket: OwnedFd| TcpListener::from(socket)));
            }
        }
        match (got.bytes, word) {
            (0, _) => return Err(io::Error::from(io::ErrorKind::UnexpectedEof)),
            (_, [THAT_IS_ALL]) => return Ok(sockets),
            _ => {}
        }
    }
}

/// Tells the predecessor that its sockets are accepted from.
pub(crate) fn accepts(mut predecessor: &UnixStream) -> io::Result<()> {
    predecessor.write_all(&[ACCEPTS])
}
