//! What a connection waits for.

use std::future::pending;
use std::sync::Arc;

use tokio::sync::{broadcast, watch};
use tokio::time::{Instant, sleep_until};

use super::backend::Backend;
use super::links::{Farewell, Standing};
use super::reader::Reader;
use super::topic::Passing;

/// Waits until then; for ever if there is no deadline. One that has passed is told at once: the runtime's
/// timer only learns of it when the task gives way, which one with events at hand does not.
pub(super) async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) if deadline <= Instant::now() => {}
        Some(deadline) => sleep_until(deadline).await,
        None => pending().await,
    }
}

/// Waits until there are events; for ever without a reader.
pub(super) async fn ready<B: Backend>(reader: Option<&mut Reader<B>>) {
    match reader {
        Some(reader) => reader.ready().await,
        None => pending().await,
    }
}

/// The next signal; those that came while the connection was busy are lost.
pub(super) async fn next_signal(signals: Option<&mut broadcast::Receiver<Arc<Passing>>>) -> Arc<Passing> {
    if let Some(signals) = signals {
        loop {
            match signals.recv().await {
                Ok(signal) => return signal,
                Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => break,
            }
        }
    }
    pending().await
}

/// Waits until the connection has to end.
pub(super) async fn farewell(standing: &mut watch::Receiver<Standing>) -> Farewell {
    let over = match standing.wait_for(|standing| matches!(standing, Standing::Over(_))).await {
        Ok(standing) => match *standing {
            Standing::Over(farewell) => Some(farewell),
            Standing::Stranger | Standing::Member(_) => None,
        },
        Err(_) => None,
    };
    match over {
        Some(farewell) => farewell,
        // The register outlives the connection.
        None => pending().await,
    }
}
