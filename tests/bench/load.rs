//! Load from prepared requests over kept connections.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use harness::process::Failed;
use harness::wire::Connection;

/// What a round of load gave.
pub struct Round {
    /// Answers of 2xx per second.
    pub per_second: f64,
    /// How long each took.
    pub times: Vec<Duration>,
}

/// Sends every request once, `at_once` at a time. All must be answered with 2xx.
pub async fn each_once(addr: SocketAddr, requests: Vec<Vec<u8>>, at_once: usize) -> Result<Round, Failed> {
    let count = requests.len();
    drive(addr, requests, at_once, move |taken, _| taken < count).await
}

/// Sends the requests over and over for `duration`, `at_once` at a time. All must be answered with 2xx.
pub async fn again_and_again(
    addr: SocketAddr,
    requests: Vec<Vec<u8>>,
    at_once: usize,
    duration: Duration,
) -> Result<Round, Failed> {
    drive(addr, requests, at_once, move |_, elapsed| elapsed < duration).await
}

async fn drive(
    addr: SocketAddr,
    requests: Vec<Vec<u8>>,
    at_once: usize,
    goes_on: impl Fn(usize, Duration) -> bool + Send + Sync + Clone + 'static,
) -> Result<Round, Failed> {
    let (requests, taken) = (Arc::new(requests), Arc::new(AtomicUsize::new(0)));
    let mut connections = Vec::new();
    for _ in 0..at_once {
        connections.push(Connection::open(addr).await?);
    }
    let began = Instant::now();
    let callers: Vec<_> = connections
        .into_iter()
        .map(|mut connection| {
            let (requests, taken, goes_on) = (requests.clone(), taken.clone(), goes_on.clone());
            tokio::spawn(async move {
                let mut times = Vec::new();
                loop {
                    let number = taken.fetch_add(1, Ordering::Relaxed);
                    if !goes_on(number, began.elapsed()) {
                        return Ok::<_, Failed>(times);
                    }
                    let sent = Instant::now();
                    let status = connection.send(&requests[number % requests.len()]).await?;
                    if !(200..300).contains(&status) {
                        return Err(format!("a request of the load was answered {status}").into());
                    }
                    times.push(sent.elapsed());
                }
            })
        })
        .collect();
    let mut times = Vec::new();
    for caller in callers {
        times.extend(caller.await??);
    }
    Ok(Round { per_second: times.len() as f64 / began.elapsed().as_secs_f64(), times })
}
