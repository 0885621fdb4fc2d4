//! Connections that can be reset in the middle of a request.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use futures::FutureExt;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

/// A connection that a [`Reset`] can end.
pub(crate) struct Line {
    stream: TcpStream,
    pub(crate) reset: Reset,
    told: Pin<Box<WaitForCancellationFutureOwned>>,
}

/// Ends a connection as a crashed peer would.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reset(CancellationToken);

impl Reset {
    /// Resets the connection; the request that asks for it is dropped with it.
    pub(crate) async fn now<T>(&self) -> T {
        self.0.cancel();
        std::future::pending().await
    }
}

impl Line {
    fn new(stream: TcpStream) -> Self {
        let reset = Reset::default();
        let told = Box::pin(reset.0.clone().cancelled_owned());
        Self { stream, reset, told }
    }

    /// An error once the connection is to be reset.
    fn check(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        if self.told.poll_unpin(context).is_pending() {
            return Ok(());
        }
        // Dropped without this, the connection would end properly.
        self.stream.set_zero_linger()?;
        Err(io::ErrorKind::ConnectionReset.into())
    }
}

impl AsyncRead for Line {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.check(context)?;
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Line {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.check(context)?;
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check(context)?;
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// Accepts connections that can be reset.
pub(crate) struct LineListener(pub(crate) TcpListener);

impl Listener for LineListener {
    type Io = Line;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Line, SocketAddr) {
        let (stream, peer) = Listener::accept(&mut self.0).await;
        (Line::new(stream), peer)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

impl Connected<IncomingStream<'_, LineListener>> for Reset {
    fn connect_info(stream: IncomingStream<'_, LineListener>) -> Self {
        stream.io().reset.clone()
    }
}
