//! Several clients that ask again and again, over connections that they keep.

use std::collections::BTreeMap;

use tokio::{sync::watch, task::JoinHandle};
use tokio_util::sync::CancellationToken;

pub(crate) struct Load {
    stop: CancellationToken,
    clients: Vec<JoinHandle<Vec<String>>>,
    answered: watch::Sender<u64>,
}

impl Load {
    pub(crate) fn begin(address: &str, clients: usize) -> Self {
        let (stop, answered) = (CancellationToken::new(), watch::Sender::new(0));
        let client = |_| tokio::spawn(ask(address.to_owned(), stop.clone(), answered.clone()));
        let clients = (0..clients).map(client).collect();
        Self { stop, clients, answered }
    }

    /// Waits for so many more answers.
    pub(crate) async fn more(&self, answers: u64) {
        let until = *self.answered.borrow() + answers;
        self.answered.subscribe().wait_for(|answered| *answered >= until).await.unwrap();
    }

    /// How often what was answered: a version, or what went wrong.
    pub(crate) async fn end(self) -> BTreeMap<String, u64> {
        self.stop.cancel();
        let mut answers = BTreeMap::new();
        for client in self.clients {
            for answer in client.await.unwrap() {
                *answers.entry(answer).or_default() += 1;
            }
        }
        answers
    }
}

async fn ask(address: String, stop: CancellationToken, answered: watch::Sender<u64>) -> Vec<String> {
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let mut answers = Vec::new();
    while !stop.is_cancelled() {
        // What may not be sent twice, so that nothing is hidden.
        let answer = match http.post(&address).body("more").send().await {
            Ok(answer) if answer.status().is_success() => {
                answer.text().await.unwrap_or_else(|it| it.to_string())
            }
            Ok(answer) => answer.status().to_string(),
            Err(error) => format!("{error:?}"),
        };
        answers.push(answer);
        answered.send_modify(|answered| *answered += 1);
    }
    answers
}
