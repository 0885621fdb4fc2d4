//! Tells front doors where requests go, and asks them.

use std::{io::ErrorKind, path::Path};

use bytes::Bytes;
use domain::front_door::{Counts, Routes, Taken};
use http::{Method, Request, header::HOST};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;
use tokio::net::UnixStream;
use tokio_util::task::AbortOnDropHandle;

use crate::{
    Error,
    directory::{CONTROL, Directory},
};

/// A connection to the process that has the front doors of a directory.
pub struct Client {
    pid: Option<i32>,
    sender: SendRequest<Full<Bytes>>,
    connection: AbortOnDropHandle<()>,
}

impl Client {
    /// Connects to it; `None` where there is none.
    ///
    /// # Errors
    /// When there is one and it cannot be reached.
    pub async fn connect(directory: &Path) -> Result<Option<Self>, Error> {
        if !directory.exists() {
            return Ok(None);
        }
        let found = Directory::open(directory)?;
        let stream = match UnixStream::connect(found.socket(CONTROL)).await {
            Err(error) if is_gone(error.kind()) => return Ok(None),
            stream => stream.map_err(Error::file(directory.join(CONTROL), "connected to"))?,
        };
        let pid = stream.peer_cred().ok().and_then(|peer| peer.pid());
        let (sender, connection) = handshake(TokioIo::new(stream)).await.map_err(Error::Silent)?;
        let connection = tokio::spawn(async move {
            // However it ends, it has ended.
            let _ = connection.await;
        });
        Ok(Some(Self { pid, sender, connection: AbortOnDropHandle::new(connection) }))
    }

    /// The process, as the system tells.
    pub fn pid(&self) -> Option<i32> {
        self.pid
    }

    /// Sets where requests go; done once no request goes another way.
    pub async fn set(&mut self, routes: &Routes) -> Result<Taken, Error> {
        let body = serde_json::to_vec(routes).map_err(|error| Error::Answer(error.to_string()))?;
        self.ask(Method::PUT, "/routes", body).await
    }

    /// What was counted.
    pub async fn counts(&mut self) -> Result<Counts, Error> {
        self.ask(Method::GET, "/counts", Vec::new()).await
    }

    /// Waits until the replica that has left a port has no requests under way.
    pub async fn drained(&mut self, port: u16) -> Result<(), Error> {
        self.ask(Method::GET, &format!("/drained/{port}"), Vec::new()).await
    }

    /// Waits until the process has ended, or has handed the front doors over.
    pub async fn closed(&mut self) {
        let _ = (&mut self.connection).await;
    }

    async fn ask<T: DeserializeOwned>(
        &mut self,
        method: Method,
        path: &str,
        body: Vec<u8>,
    ) -> Result<T, Error> {
        let request = Request::builder().method(method).uri(path).header(HOST, "door");
        let request = request.body(Full::from(body)).map_err(|error| Error::Answer(error.to_string()))?;
        self.sender.ready().await.map_err(Error::Silent)?;
        let answer = self.sender.send_request(request).await.map_err(Error::Silent)?;
        let status = answer.status();
        let text = answer.into_body().collect().await.map_err(Error::Silent)?.to_bytes();
        match serde_json::from_slice(&text) {
            Ok(answer) if status.is_success() => Ok(answer),
            _ => Err(Error::Answer(format!("{status}: {}", String::from_utf8_lossy(&text)))),
        }
    }
}

/// Whether nobody is there any more: the socket is gone, is left over, or its process is just ending.
fn is_gone(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::NotFound | ErrorKind::ConnectionRefused | ErrorKind::ConnectionReset)
}
