//! The body of an answer: a replica's, whose request is over with it, or the front door's own words.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::{Either, Full};
use hyper::body::Incoming;

use crate::replica::{Connection, Lease};

/// The body of an answer.
pub(crate) type Answer = Either<Relayed, Full<Bytes>>;

/// A replica's body on its way to who asked.
pub(crate) struct Relayed {
    body: Incoming,
    /// It was read to its end.
    is_over: bool,
    /// Until this is dropped.
    from: Option<(Lease, Connection)>,
}

impl Relayed {
    /// What a replica answers over a connection.
    pub(crate) fn new(body: Incoming, lease: Lease, connection: Connection) -> Self {
        Self { body, is_over: false, from: Some((lease, connection)) }
    }
}

impl Body for Relayed {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        self.is_over |= matches!(frame, Poll::Ready(None));
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Relayed {
    fn drop(&mut self) {
        let is_over = self.is_over || self.body.is_end_stream();
        // Another one cannot be used again: its answer was not read to the end.
        if let Some((lease, connection)) = self.from.take().filter(|_| is_over) {
            lease.keep(connection);
        }
    }
}
