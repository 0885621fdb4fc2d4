//! Ports for replicas.

use std::{
    collections::BTreeSet,
    net::{Ipv4Addr, TcpListener},
    ops::RangeInclusive,
    sync::Mutex,
};

use crate::{Error, mutex::lock};

/// Ports of a range, of which each is handed out once until it is given back.
pub struct Ports {
    range: RangeInclusive<u16>,
    taken: Mutex<Taken>,
}

#[derive(Default)]
struct Taken {
    ports: BTreeSet<u16>,
    last: Option<u16>,
}

impl Ports {
    /// Those of a range, but for the ones that replicas have already.
    pub fn new(range: RangeInclusive<u16>, taken: impl IntoIterator<Item = u16>) -> Self {
        let taken = Taken { ports: taken.into_iter().collect(), last: None };
        Self { range, taken: Mutex::new(taken) }
    }

    /// One that nobody has and on which nobody listens. The one that was given back last comes last: there may still be
    /// connections that mean its former owner.
    ///
    /// # Errors
    /// [`Error::NoPort`] when there is none.
    pub fn take(&self) -> Result<u16, Error> {
        let mut taken = lock(&self.taken);
        let (first, end) = (*self.range.start(), *self.range.end());
        let after = taken.last.filter(|last| *last < end).map_or(first, |last| last + 1);
        let free = (after..=end).chain(first..after).find(|port| {
            !taken.ports.contains(port) && TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok()
        });
        let port = free.ok_or(Error::NoPort(first, end))?;
        taken.ports.insert(port);
        taken.last = Some(port);
        Ok(port)
    }

    /// Gives a port back.
    pub fn give_back(&self, port: u16) {
        lock(&self.taken).ports.remove(&port);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A few ports in a row that are free at the moment.
    fn some(first: u16) -> RangeInclusive<u16> {
        let free =
            |from: u16| (from..from + 4).all(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok());
        let from = (first..first + 9_000).step_by(4).find(|from| free(*from)).expect("some port is free");
        from..=from + 3
    }

    #[test]
    fn none_is_handed_out_twice_to_many_who_ask_at_once() {
        let range = some(41_000);
        let ports = Ports::new(range.clone(), [*range.start()]);
        let mut got: Vec<u16> = std::thread::scope(|scope| {
            let asked: Vec<_> = (0..3).map(|_| scope.spawn(|| ports.take().expect("one for each"))).collect();
            asked.into_iter().map(|asked| asked.join().expect("an answer")).collect()
        });
        got.sort_unstable();
        assert_eq!(got, (range.start() + 1..=*range.end()).collect::<Vec<_>>());
        let words = ports.take().expect_err("none is left").to_string();
        assert!(words.contains("wider range"), "{words}");
        ports.give_back(*range.end());
        assert_eq!(ports.take().expect("the one that was given back"), *range.end());
    }

    #[test]
    fn one_on_which_somebody_listens_is_passed_over() {
        let range = some(51_000);
        let _listener = TcpListener::bind((Ipv4Addr::LOCALHOST, *range.start())).expect("it was free");
        assert_eq!(Ports::new(range.clone(), []).take().expect("another one"), range.start() + 1);
    }
}
