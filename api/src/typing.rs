//! Shows customers that somebody is writing to them. It is of the moment: what cannot be shown at once is not shown, and
//! nobody waits for it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::TimeDelta;
use domain::id::{ConversationId, JobId, WorkspaceId};
use domain::resource::CallbackType;
use domain::time::Timestamp;
use persistence::error::Failure;
use persistence::{conversations, messages};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::channels::Recipient;
use crate::channels::callback::Line;
use crate::channels::gesture::{Gesture, make};
use crate::jobs::callback::{self, Telling};
use crate::state::App;

/// Calls under way at once on this node.
const CONCURRENT: usize = 16;
/// Beyond this many the conversations whose turn has come again are cleared out.
const CLEAR_ABOVE: usize = 10_000;

/// Which customers were shown it a moment ago. Clones share everything.
#[derive(Clone)]
pub struct Typing {
    slots: Arc<Semaphore>,
    shown: Arc<Mutex<HashMap<ConversationId, Timestamp>>>,
}

impl Default for Typing {
    fn default() -> Self {
        Self { slots: Arc::new(Semaphore::new(CONCURRENT)), shown: Arc::default() }
    }
}

impl Typing {
    /// A slot, if it is the conversation's turn and one is free.
    fn turn(&self, id: ConversationId, now: Timestamp, every: Duration) -> Option<OwnedSemaphorePermit> {
        let every = TimeDelta::from_std(every).unwrap_or(TimeDelta::MAX);
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        if shown.get(&id).is_some_and(|at| now.since(*at) < every) {
            return None;
        }
        let slot = self.slots.clone().try_acquire_owned().ok()?;
        if shown.len() > CLEAR_ABOVE {
            shown.retain(|_, at| now.since(*at) < every);
        }
        shown.insert(id, now);
        Some(slot)
    }
}

impl App {
    /// Shows the customer of a conversation that somebody is writing, by and by, unless it was shown a moment ago. The
    /// caller has made sure that whoever writes may.
    pub fn show_typing(&self, workspace: WorkspaceId, id: ConversationId) {
        let Some(slot) = self.typing.turn(id, self.clock.now(), self.settings.times.typing_interval) else {
            return;
        };
        let app = self.clone();
        tokio::spawn(async move {
            let outcome = show(&app, workspace, id).await.unwrap_or("unavailable");
            metrics::counter!("gestures_sent", "kind" => "typing", "outcome" => outcome).increment(1);
            drop(slot);
        });
    }
}

/// Shows it, once; answers what came of it.
async fn show(app: &App, workspace: WorkspaceId, id: ConversationId) -> Result<&'static str, Failure> {
    let now = app.clock.now();
    let found = app
        .db
        .read(move |conn| {
            let Some(conversation) = conversations::shape(conn, workspace, id, now)? else { return Ok(None) };
            let Some(newest) = messages::newest_inbound(conn, workspace, id)? else { return Ok(None) };
            let target = messages::target(conn, workspace, newest)?;
            Ok(target.map(|target| (conversation, target)))
        })
        .await?;
    let Some((conversation, target)) = found else { return Ok("nobody") };
    if target.blocked || conversation.reply_window.check_open().is_err() {
        return Ok("not_allowed");
    }
    let known = app.known_channels.get(app, conversation.channel.id).await?;
    let (Some(known), Some(message)) = (known, target.provider_message_id) else { return Ok("nobody") };
    let recipient = Recipient { external_id: target.external_id, phone: target.phone };
    let made = match known.secrets.credentials(&known.channel.external_id) {
        Some(credentials) => make(&app.providers, &credentials, &recipient, &Gesture::Type { message }).await,
        None => {
            let Some(line) = Line::of(&known) else { return Ok("nobody") };
            let telling = Telling {
                callback_type: CallbackType::Type,
                workspace_id: workspace,
                conversation_id: id,
                customer: recipient,
                message_id: None,
                reply_to: None,
                emoji: None,
            };
            let call: JobId = app.ids.make(now);
            callback::tell(app, &line, &call.to_string(), telling).await?.map(drop)
        }
    };
    Ok(made.map_or_else(|failure| failure.code, |()| "done"))
}
