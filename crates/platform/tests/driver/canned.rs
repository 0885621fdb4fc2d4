//! A server that answers every request with a text made beforehand.

use std::sync::{Arc, Mutex};

use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

type Answer = Arc<Mutex<dyn FnMut(&str) -> String + Send>>;

/// A running server; it ends with its owner.
pub(crate) struct Canned {
    pub(crate) url: String,
    _serving: JoinSet<()>,
}

impl Canned {
    /// Answers with what `answer` makes of the path and query of each request.
    pub(crate) async fn start(answer: impl FnMut(&str) -> String + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let answer: Answer = Arc::new(Mutex::new(answer));
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(serve(stream, answer.clone()));
            }
        });
        Self { url, _serving: serving }
    }
}

/// Reads one request, answers it, and closes, unless the answer has no end.
async fn serve(stream: TcpStream, answer: Answer) {
    let mut stream = BufReader::new(stream);
    let mut head = Vec::new();
    let mut length = 0;
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.unwrap_or(0) == 0 {
            return;
        }
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line.trim().is_empty() {
            break;
        }
        head.push(line);
    }
    let mut body = vec![0; length];
    tokio::io::AsyncReadExt::read_exact(&mut stream, &mut body).await.unwrap();
    let path = head[0].split(' ').nth(1).unwrap().to_owned();
    let text = answer.lock().unwrap()(&path);
    stream.write_all(text.as_bytes()).await.unwrap();
    stream.flush().await.unwrap();
    if text == open() {
        std::future::pending::<()>().await;
    }
}

/// JSON.
pub(crate) fn json(status: u16, body: &str) -> String {
    with_type(status, "application/json", body)
}

/// Plain text.
pub(crate) fn plain(status: u16, body: &str) -> String {
    with_type(status, "text/plain", body)
}

/// A watch on which nothing comes.
pub(crate) fn open() -> String {
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n".to_owned()
}

fn with_type(status: u16, content_type: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status} Canned\r\nContent-Type: {content_type}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )
}
