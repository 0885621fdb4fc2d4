//! Front doors of a test's own, and replicas that do as they are told.

use std::{
    convert::Infallible,
    io::{BufRead, BufReader, Read},
    net::TcpListener as StdListener,
    path::Path,
    pin::Pin,
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU16, AtomicU64, Ordering},
    },
};

use bytes::Bytes;
use domain::front_door::{Counts, Route, Routes, Taken, Version};
use door::Client;
use http::{Request, Response, StatusCode};
use http_body::{Body, Frame};
use http_body_util::Either;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tempfile::TempDir;
use tokio::{
    net::TcpListener,
    sync::mpsc,
    task::{JoinHandle, JoinSet},
};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

/// A port that nobody has, and that nobody is given: it is below those that the system hands out, and each is found once.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(12_000);
    loop {
        let port = NEXT.fetch_add(1, Ordering::Relaxed);
        if StdListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

pub(crate) fn version(image: &str, weight: Option<u32>, replicas: &[u16]) -> Version {
    Version { image: image.into(), weight, replicas: replicas.into() }
}

pub(crate) fn routes(port: u16, versions: Vec<Version>) -> Routes {
    Routes { routes: vec![Route { service: "shop-dev/cart on here".into(), port, versions }] }
}

/// A process that has the front doors, which does not outlive the test.
pub(crate) struct Process(Child);

impl Process {
    /// Done once it has them.
    pub(crate) fn start(directory: &Path) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lockstep-door"));
        command.arg("door").arg(directory).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (mut said, mut words) = (String::new(), String::new());
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut said).unwrap();
        if said != door::OPEN {
            child.stderr.as_mut().unwrap().read_to_string(&mut words).unwrap();
        }
        assert_eq!(said, door::OPEN, "{words}");
        Self(child)
    }

    pub(crate) fn pid(&self) -> i32 {
        self.0.id().cast_signed()
    }

    pub(crate) fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    /// Waits until it has ended by itself.
    pub(crate) async fn ended(mut self) {
        let ended = tokio::task::spawn_blocking(move || self.0.wait().unwrap().success());
        assert!(ended.await.unwrap());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// One service's front door.
pub(crate) struct Door {
    pub(crate) process: Process,
    pub(crate) directory: TempDir,
    pub(crate) port: u16,
    pub(crate) http: reqwest::Client,
}

impl Door {
    pub(crate) fn new() -> Self {
        // Longer than a socket's address may be.
        let directory = tempfile::Builder::new().prefix(&"long".repeat(30)).tempdir().unwrap();
        let process = Process::start(directory.path());
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { process, directory, port: free_port(), http }
    }

    pub(crate) async fn client(&self) -> Client {
        Client::connect(self.directory.path()).await.unwrap().unwrap()
    }

    pub(crate) async fn serve(&self, versions: Vec<Version>) -> Taken {
        self.client().await.set(&routes(self.port, versions)).await.unwrap()
    }

    pub(crate) async fn counts(&self) -> Counts {
        self.client().await.counts().await.unwrap()
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}/", self.port)
    }

    pub(crate) async fn get(&self) -> (StatusCode, String) {
        let answer = self.http.get(self.url()).send().await.unwrap();
        (answer.status(), answer.text().await.unwrap())
    }
}

/// What a replica answers with: words, or a body that comes in pieces.
pub(crate) type Said = Either<String, Pieces>;

/// A body that comes in pieces, as long as there is somebody to send some.
pub(crate) struct Pieces(mpsc::UnboundedReceiver<Bytes>);

impl Pieces {
    pub(crate) fn new() -> (mpsc::UnboundedSender<Bytes>, Self) {
        let (send, receive) = mpsc::unbounded_channel();
        (send, Self(receive))
    }
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.poll_recv(cx).map(|piece| piece.map(|piece| Ok(Frame::data(piece))))
    }
}

/// A replica that answers until it is dropped.
pub(crate) struct Replica {
    pub(crate) port: u16,
    answered: Arc<AtomicU64>,
    stop: CancellationToken,
    serving: AbortOnDropHandle<()>,
}

impl Replica {
    pub(crate) async fn new<A: Future<Output = Response<Said>> + Send + 'static>(
        answer: impl Fn(Request<Incoming>) -> A + Clone + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let answered = Arc::<AtomicU64>::default();
        let count = answered.clone();
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let serving = async move {
            let mut connections = JoinSet::new();
            while let Some(accepted) = stopped.run_until_cancelled(listener.accept()).await {
                let (stream, _) = accepted.unwrap();
                let (answer, count) = (answer.clone(), count.clone());
                let service = service_fn(move |request| {
                    count.fetch_add(1, Ordering::Relaxed);
                    let answer = answer(request);
                    async move { Ok::<_, Infallible>(answer.await) }
                });
                connections.spawn(async move {
                    let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
                    let _ = connection.with_upgrades().await;
                });
            }
            connections.shutdown().await;
        };
        let serving = AbortOnDropHandle::new(tokio::spawn(serving));
        Self { port, answered, stop, serving }
    }

    /// One that says the same to everybody.
    pub(crate) async fn saying(words: &'static str) -> Self {
        Self::new(move |_| async move { said(words) }).await
    }

    /// Ends it; done once nobody listens and all its connections are closed.
    pub(crate) async fn end(self) {
        self.stop.cancel();
        self.serving.await.unwrap();
    }

    /// How many requests it has got.
    pub(crate) fn answered(&self) -> u64 {
        self.answered.load(Ordering::Relaxed)
    }
}

pub(crate) fn said(words: impl Into<String>) -> Response<Said> {
    Response::new(Either::Left(words.into()))
}

/// Several clients that ask again and again, over connections that they keep. Gives what was wrong with answers, and how many
/// there were, once it is told to stop.
pub(crate) struct Load {
    stop: CancellationToken,
    clients: Vec<JoinHandle<(u64, Vec<String>)>>,
    answered: tokio::sync::watch::Sender<u64>,
}

impl Load {
    pub(crate) fn begin(url: &str, clients: usize) -> Self {
        let stop = CancellationToken::new();
        let answered = tokio::sync::watch::Sender::new(0);
        let client = |_| {
            let (url, stop, answered) = (url.to_owned(), stop.clone(), answered.clone());
            tokio::spawn(async move {
                let http = reqwest::Client::builder().no_proxy().build().unwrap();
                let (mut sent, mut failed) = (0, Vec::new());
                while !stop.is_cancelled() {
                    sent += 1;
                    // Which may not be sent twice, so nothing is hidden.
                    match http.post(&url).body("more").send().await {
                        Ok(answer) if answer.status().is_success() => drop(answer.bytes().await.unwrap()),
                        Ok(answer) => failed.push(answer.status().to_string()),
                        Err(error) => failed.push(format!("{error:?}")),
                    }
                    answered.send_modify(|answered| *answered += 1);
                }
                (sent, failed)
            })
        };
        let clients = (0..clients).map(client).collect();
        Self { stop, clients, answered }
    }

    /// Waits for so many more answers.
    pub(crate) async fn more(&self, answers: u64) {
        let until = *self.answered.borrow() + answers;
        self.answered.subscribe().wait_for(|answered| *answered >= until).await.unwrap();
    }

    /// How many were sent, and what was wrong.
    pub(crate) async fn end(self) -> (u64, Vec<String>) {
        self.stop.cancel();
        let (mut sent, mut failed) = (0, Vec::new());
        for client in self.clients {
            let (some, wrong) = client.await.unwrap();
            sent += some;
            failed.extend(wrong);
        }
        (sent, failed)
    }
}
