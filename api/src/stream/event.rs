//! One event of the log, as this node holds it, and what each reader is sent for it.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Mutex, OnceLock, PoisonError};

use bytestring::ByteString;
use domain::access::Visible;
use domain::agent::Availability;
use domain::event::{Audience, Delivery, EventType, delivery};
use domain::id::{AgentId, ChannelId, ConversationId, EventId};
use persistence::events::StoredEvent;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;
use serde_json::value::RawValue;
use uuid::Uuid;

use super::cursor::{ScopeTag, StreamCursor};
use super::protocol::Signal;

/// An event, shared by all its readers.
#[derive(Debug)]
pub struct LogEvent {
    /// Its number.
    pub seq: i64,
    /// Its id.
    pub id: EventId,
    event_type: EventType,
    audience: Audience,
    conversation_id: Option<ConversationId>,
    body: String,
    presence: Option<PresenceNews>,
    hidden: OnceLock<Option<String>>,
    shown: OnceLock<Option<String>>,
    /// The frame composed last: most readers have the same `prev`.
    last: Mutex<Option<(i64, ScopeTag, ByteString)>>,
}

impl From<StoredEvent> for LogEvent {
    fn from(event: StoredEvent) -> Self {
        let presence =
            (event.event_type == EventType::AgentUpdated).then(|| PresenceNews::read(&event.body)).flatten();
        Self {
            presence,
            seq: event.seq,
            id: event.id,
            event_type: event.event_type,
            audience: event.audience,
            conversation_id: event.conversation_id,
            body: event.body,
            hidden: OnceLock::new(),
            shown: OnceLock::new(),
            last: Mutex::new(None),
        }
    }
}

/// For whom an envelope is composed.
#[derive(Debug, Clone, Copy)]
pub struct Reading<'a> {
    /// The life of the log.
    pub epoch: Uuid,
    /// What the reader may see.
    pub visible: &'a Visible,
    /// The tag of that.
    pub scope: ScopeTag,
    /// The number of the event it was sent before.
    pub prev: i64,
}

/// The fields of a body, as they stand in the text.
#[derive(Deserialize)]
struct Fields<'a> {
    #[serde(borrow)]
    id: &'a RawValue,
    #[serde(borrow)]
    at: &'a RawValue,
    #[serde(borrow)]
    actor: &'a RawValue,
    #[serde(borrow)]
    conversation_id: &'a RawValue,
    #[serde(borrow)]
    version: &'a RawValue,
    #[serde(borrow)]
    data: &'a RawValue,
}

/// A member came, went, or said something else of itself.
#[derive(Debug)]
struct PresenceNews {
    signal: Signal,
    /// Nothing else of the member changed.
    alone: bool,
}

/// What of a member's event tells of presence.
#[derive(Deserialize)]
struct PresenceFields {
    data: PresenceData,
    previous: HashMap<String, IgnoredAny>,
}

#[derive(Deserialize)]
struct PresenceData {
    id: AgentId,
    availability: Availability,
    online: bool,
}

impl PresenceNews {
    /// `None` if the event tells of something else, or was too large to be written out.
    fn read(body: &str) -> Option<Self> {
        let PresenceFields { data, previous } = serde_json::from_str(&format!("{{{body}")).ok()?;
        let told = PRESENCE_FIELDS.iter().filter(|field| previous.contains_key(**field)).count();
        let PresenceData { id, availability, online } = data;
        (told > 0).then_some(Self {
            signal: Signal::Presence { agent_id: id, availability, online },
            alone: told == previous.len(),
        })
    }
}

/// What of a member says whether it is there.
const PRESENCE_FIELDS: [&str; 2] = ["availability", "online"];

/// What of a resource says which it is.
#[derive(Deserialize)]
struct Named {
    id: Option<Uuid>,
    #[serde(rename = "ref")]
    path: Option<String>,
}

impl Named {
    fn id(self) -> Option<Uuid> {
        self.id.or_else(|| self.path.as_deref()?.rsplit('/').next()?.parse().ok())
    }
}

impl LogEvent {
    /// About how much memory it takes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        size_of::<Self>() + self.body.len()
    }

    /// May it change who sees what? Then every reader's scope is read again before it is sent.
    #[must_use]
    pub fn changes_rights(&self) -> bool {
        // Members come and go all the time, and may do what they might before.
        self.event_type.changes_rights() && !self.presence.as_ref().is_some_and(|news| news.alone)
    }

    /// The signal that goes with it, if it tells that a member came, went, or said something else of itself.
    #[must_use]
    pub fn presence(&self) -> Option<Signal> {
        self.presence.as_ref().map(|news| news.signal.clone())
    }

    /// Is a reader with this scope sent anything for it?
    #[must_use]
    pub fn is_told_to(&self, visible: &Visible) -> bool {
        delivery(visible, self.event_type, &self.audience) != Delivery::Nothing
    }

    /// The frame for a reader; `None` if it is sent nothing.
    #[must_use]
    pub fn frame(&self, reading: Reading<'_>) -> Option<ByteString> {
        let body = self.body_for(reading.visible)?;
        if !std::ptr::eq(&*body, self.body.as_str()) {
            return Some(self.compose("{\"op\":\"event\",", reading, &body).into());
        }
        // A panic while holding the lock cannot leave half a frame.
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((prev, scope, frame)) = &*last
            && (*prev, *scope) == (reading.prev, reading.scope)
        {
            return Some(frame.clone());
        }
        let frame = ByteString::from(self.compose("{\"op\":\"event\",", reading, &body));
        *last = Some((reading.prev, reading.scope, frame.clone()));
        Some(frame)
    }

    /// The same without `op`, for `GET /v1/events`.
    #[must_use]
    pub fn envelope(&self, reading: Reading<'_>) -> Option<String> {
        self.body_for(reading.visible).map(|body| self.compose("{", reading, &body))
    }

    fn compose(&self, begin: &str, reading: Reading<'_>, body: &str) -> String {
        let cursor = StreamCursor::in_scope(reading.epoch, self.seq, reading.scope);
        format!("{begin}\"cursor\":\"{cursor}\",\"seq\":{},\"prev\":{},{body}", self.seq, reading.prev)
    }

    /// What a webhook endpoint is sent, whose reader sees this; `None`: nothing. It can be read by whoever has a right to, so
    /// its cursor belongs to no scope.
    #[must_use]
    pub fn webhook_body(&self, epoch: Uuid, visible: &Visible) -> Option<String> {
        let body = self.body_for(visible)?;
        let cursor = StreamCursor { epoch, seq: self.seq, scope: None };
        Some(format!("{{\"cursor\":\"{cursor}\",\"seq\":{},{body}", self.seq))
    }

    /// As what a reader with this scope is told it; `None`: not at all.
    #[must_use]
    pub fn told_as(&self, visible: &Visible) -> Option<EventType> {
        let of_conversation = self.event_type.as_str().starts_with("conversation.");
        match (delivery(visible, self.event_type, &self.audience), &self.audience) {
            (Delivery::Nothing, _) => None,
            (Delivery::Full, _) => Some(self.event_type),
            (Delivery::Shown, Audience::Conversation(_)) if of_conversation => {
                Some(EventType::ConversationShown)
            }
            // It tells itself who sees it now: a ticket, or a message.
            (Delivery::Shown, _) => Some(self.event_type),
            (Delivery::Hidden, Audience::Ticket(_)) => Some(EventType::TicketHidden),
            (Delivery::Hidden, Audience::Contact(_)) => Some(EventType::ContactHidden),
            (Delivery::Hidden, _) => Some(EventType::ConversationHidden),
        }
    }

    /// The thing that it is about: what is told of one thing is told in order.
    #[must_use]
    pub fn about(&self) -> Option<Uuid> {
        self.conversation_id.map(Uuid::from).or_else(|| {
            let whole = format!("{{{}", self.body);
            let fields = serde_json::from_str::<Fields<'_>>(&whole).ok()?;
            serde_json::from_str::<Named>(fields.data.get()).ok()?.id()
        })
    }

    /// What follows `prev` for a reader with this scope.
    fn body_for(&self, visible: &Visible) -> Option<Cow<'_, str>> {
        let told_as = self.told_as(visible)?;
        let of_agent = self.event_type.as_str().starts_with("agent.");
        if told_as == self.event_type {
            return if of_agent && visible.only_channels().is_some() {
                self.narrowed(visible).map(Cow::Owned)
            } else {
                Some(Cow::Borrowed(&self.body))
            };
        }
        let body = if told_as == EventType::ConversationShown {
            self.shown.get_or_init(|| self.shown())
        } else {
            self.hidden.get_or_init(|| self.hidden(told_as))
        };
        body.as_deref().map(Cow::Borrowed)
    }

    /// A member without the channels that the reader is kept from.
    fn narrowed(&self, visible: &Visible) -> Option<String> {
        self.rewritten(self.event_type, |fields| {
            let mut data: Value = serde_json::from_str(fields.data.get()).ok()?;
            if let Some(channels) = data.get_mut("channels").and_then(Value::as_array_mut) {
                channels.retain(|channel| {
                    let id = serde_json::from_value(channel["id"].clone());
                    id.is_ok_and(|id: ChannelId| visible.allows_channel(id))
                });
            }
            Some(data.to_string())
        })
    }

    fn shown(&self) -> Option<String> {
        self.rewritten(EventType::ConversationShown, |fields| Some(fields.data.get().to_owned()))
    }

    fn hidden(&self, to: EventType) -> Option<String> {
        self.rewritten(to, |fields| {
            let id = match (to, self.conversation_id) {
                (EventType::ConversationHidden, Some(id)) => id.0,
                _ => serde_json::from_str::<Named>(fields.data.get()).ok()?.id()?,
            };
            Some(format!("{{\"id\":\"{id}\"}}"))
        })
    }

    /// The body with another type and other data. `None`, and a line in the log, if the stored text
    /// is not what `ops::event` writes: nobody is sent what they may not see.
    fn rewritten(&self, to: EventType, data: impl FnOnce(&Fields<'_>) -> Option<String>) -> Option<String> {
        let whole = format!("{{{}", self.body);
        let text = serde_json::from_str::<Fields<'_>>(&whole).ok().and_then(|fields| {
            let data = data(&fields)?;
            Some(format!(
                "\"id\":{},\"type\":\"{to}\",\"at\":{},\"actor\":{},\"conversation_id\":{},\"version\":{},\"data\":{data},\"previous\":null}}",
                fields.id.get(), fields.at.get(), fields.actor.get(), fields.conversation_id.get(), fields.version.get(),
            ))
        });
        if text.is_none() {
            tracing::error!(seq = self.seq, event_type = %self.event_type, "the body of an event cannot be read");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use domain::agent::Availability;
    use domain::event::{Audience, EventType, Sight};
    use serde_json::{Value, json};
    use uuid::Uuid;

    use super::{LogEvent, Reading};
    use crate::stream::protocol::Signal;
    use crate::stream::reader::View;
    use crate::stream::testing::{EPOCH, Entry, admin, agent, agent_id, facts};

    fn sent(entry: Entry, to: u128) -> Value {
        let view = View::of(&if to == 9 { admin(9) } else { agent(to) });
        let event = LogEvent::from(entry.stored(7));
        let reading = Reading { epoch: EPOCH, visible: &view.visible, scope: view.scope, prev: 3 };
        event.frame(reading).map_or(Value::Null, |frame| serde_json::from_str(&frame).unwrap())
    }

    #[test]
    fn a_ticket_is_hidden_by_its_id_also_when_it_was_too_large_to_be_written_out() {
        let id = Uuid::from_u128(42);
        for data in [json!({"id": id, "contact": "Ani"}), json!({"ref": format!("/v1/tickets/{id}")})] {
            let sight = Sight { before: Some(facts(Some(1))), after: Some(facts(Some(2))) };
            let entry = Entry {
                event_type: EventType::TicketTransferred,
                audience: Audience::Ticket(sight),
                data: data.clone(),
                ..Entry::moved(1, 5, None, facts(None))
            };
            let hidden = sent(entry.clone(), 1);
            assert_eq!((&hidden["type"], &hidden["version"]), (&json!("ticket.hidden"), &json!(5)));
            assert_eq!((&hidden["data"], &hidden["previous"]), (&json!({"id": id}), &Value::Null));
            let shown = sent(entry.clone(), 2);
            assert_eq!((&shown["type"], &shown["data"]), (&json!("ticket.transferred"), &data));
            assert_eq!(sent(entry, 3), Value::Null);
        }
    }

    #[test]
    fn coming_and_going_are_signalled_and_change_nobodys_rights() {
        let read = |previous: Value| {
            let event = LogEvent::from(Entry::member(7, Availability::Away, false, previous).stored(1));
            (event.presence(), event.changes_rights())
        };
        let signal =
            Signal::Presence { agent_id: agent_id(7), availability: Availability::Away, online: false };
        assert_eq!(read(json!({ "online": true })), (Some(signal.clone()), false));
        assert_eq!(read(json!({ "availability": "online", "online": true })), (Some(signal.clone()), false));
        assert_eq!(read(json!({ "online": true, "role": "admin" })), (Some(signal), true));
        assert_eq!(read(json!({ "role": "admin" })), (None, true));
        assert_eq!(read(Value::Null), (None, true));
        let large = Entry {
            data: json!({ "ref": "/v1/agents/7" }),
            ..Entry::member(7, Availability::Away, false, Value::Null)
        };
        assert_eq!(LogEvent::from(large.stored(1)).presence(), None);
    }

    #[test]
    fn the_frame_of_one_reader_is_not_given_to_another() {
        let event = LogEvent::from(Entry::everyone().stored(7));
        let views = [View::of(&agent(1)), View::of(&agent(2))];
        let texts = [(0, 3), (0, 3), (1, 3), (1, 4), (0, 3)].map(|(view, prev)| {
            let View { visible, scope } = &views[view];
            let frame = event.frame(Reading { epoch: EPOCH, visible, scope: *scope, prev }).unwrap();
            let frame: Value = serde_json::from_str(&frame).unwrap();
            assert_eq!(frame["prev"], prev);
            frame["cursor"].to_string()
        });
        assert_eq!((&texts[0], &texts[2]), (&texts[1], &texts[3]));
        assert_eq!(texts[0], texts[4]);
        assert_ne!(texts[0], texts[2], "the cursor tells by which scope it was followed");
    }
}
