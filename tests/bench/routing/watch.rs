//! Somebody who sees conversations go to agents.

use std::time::{Duration, Instant};

use harness::process::{Failed, Tanggap};
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::streams::Stream;

/// How long the next assignment may take before the measurement is given up.
const PATIENCE: Duration = Duration::from_secs(60);

/// A conversation went to an agent.
#[derive(Debug)]
pub struct Assigned {
    /// When the frame was here.
    pub at: Instant,
    /// The conversation.
    pub conversation: String,
    /// Its customer's number.
    pub phone: String,
}

/// Open streams of some workspaces.
pub struct Watch {
    heard: mpsc::UnboundedReceiver<Assigned>,
    streams: Vec<JoinHandle<Result<(), Failed>>>,
}

impl Watch {
    /// Opens a stream with each of these tokens.
    pub async fn open(server: &Tanggap, tokens: impl IntoIterator<Item = &str>) -> Result<Self, Failed> {
        let (told, heard) = mpsc::unbounded_channel();
        let mut streams = Vec::new();
        for token in tokens {
            let stream = Stream::open(server.addr, token).await?;
            let told = told.clone();
            let tell = move |frame: &[u8]| {
                let at = Instant::now();
                let frame: Value = serde_json::from_slice(frame)?;
                let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
                let conversation = text(&frame["data"]["id"]);
                Ok(told.send(Assigned {
                    at,
                    conversation,
                    phone: text(&frame["data"]["contact"]["phone"]),
                })?)
            };
            streams.push(tokio::spawn(stream.listen(br#""type":"conversation.assigned""#, tell)));
        }
        Ok(Self { heard, streams })
    }

    /// The next assignment.
    pub async fn next(&mut self) -> Result<Assigned, Failed> {
        let next = tokio::time::timeout(PATIENCE, self.heard.recv()).await;
        Ok(next.map_err(|_| "nothing was assigned for a while")?.ok_or("the streams have ended")?)
    }

    /// So many assignments.
    pub async fn take(&mut self, count: usize) -> Result<Vec<Assigned>, Failed> {
        let mut assigned = Vec::with_capacity(count);
        while assigned.len() < count {
            assigned.push(self.next().await.map_err(|error| format!("{error} after {}", assigned.len()))?);
        }
        Ok(assigned)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.streams.iter().for_each(JoinHandle::abort);
    }
}
