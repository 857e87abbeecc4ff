//! What a message has beside its text: one shape for all channels. Each group of members is a shape of its own; a new kind
//! of message is one more of them.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::interactive::Interactive;
use crate::routing::Trigger;
use crate::template::FilledTemplate;
use crate::text_enum::text_enum;

use super::{AgentRef, DivisionRef};

shape! {
    /// What a message has beside its text. What its kind has no use for is null.
    #[derive(Default)]
    #[serde(default, deny_unknown_fields)]
    pub struct MessageContent {
        /// The place, of a `location`.
        pub location: Option<MessageLocation>,
        /// The contact cards, of `contacts`.
        pub contacts: Option<Vec<ContactCard>>,
        /// The pressed button or chosen row, of an `interactive` message of a customer.
        pub choice: Option<MessageChoice>,
        /// The buttons or the list, of an `interactive` message of the team.
        pub interactive: Option<Interactive>,
        /// The template and what was filled in, of a `template` message.
        pub template: Option<FilledTemplate>,
        /// The form that the customer filled in, of an `interactive` message.
        pub form: Option<MessageForm>,
        /// What was ordered, of an `order`.
        pub order: Option<MessageOrder>,
        /// The advertisement or link through which the customer came.
        pub referral: Option<MessageReferral>,
        /// The product that the customer asks about.
        pub product: Option<ProductReference>,
        /// The post, reel or link that the customer shared.
        pub shared: Option<SharedLink>,
        /// What is known of the file beside `attachment`.
        pub media: Option<MediaDetails>,
        /// Whether the customer passed on what somebody else wrote.
        pub forwarded: bool,
        /// The same for all messages that the customer sent as one album.
        pub media_group: Option<String>,
        /// The part of the answered message that the customer quotes.
        pub quote: Option<String>,
        /// What the link carried by which the customer began (`/start promo` on Telegram).
        pub start_parameter: Option<String>,
        /// What of the message could not be shown; always there for an `unsupported` one.
        pub unsupported: Option<UnsupportedContent>,
        /// What happened, of a `system` message.
        pub system: Option<SystemEvent>,
        /// What another version of Tanggap stored in words of its own.
        pub raw: Option<Value>,
    }
}

shape! {
    /// A place.
    #[derive(Default)]
    #[serde(default, deny_unknown_fields)]
    pub struct MessageLocation {
        /// Degrees north.
        pub latitude: f64,
        /// Degrees east.
        pub longitude: f64,
        /// What is there.
        pub name: Option<String>,
        /// Its address.
        pub address: Option<String>,
        /// A page about it.
        pub url: Option<String>,
        /// For how many seconds the customer shares where it is from now on.
        pub live_period: Option<i64>,
    }
}

shape! {
    /// A contact card.
    #[derive(Default)]
    #[serde(default, deny_unknown_fields)]
    pub struct ContactCard {
        /// The whole name.
        pub name: Option<String>,
        /// The phone numbers.
        pub phones: Vec<CardEntry>,
        /// The e-mail addresses.
        pub emails: Vec<CardEntry>,
        /// The company.
        pub organization: Option<String>,
        /// The position there.
        pub title: Option<String>,
        /// The postal addresses, each on one line.
        pub addresses: Vec<CardEntry>,
        /// The web pages.
        pub urls: Vec<CardEntry>,
        /// The birthday, as the customer's device writes it.
        pub birthday: Option<String>,
    }
}

shape! {
    /// A number, address or page of a contact card.
    #[derive(Default)]
    #[serde(default, deny_unknown_fields)]
    pub struct CardEntry {
        /// The number, address or page, as the customer's device writes it.
        pub value: String,
        /// What it is for, as the customer's device writes it: `HOME`, `WORK`.
        pub label: Option<String>,
        /// The provider's id of who has the number, where it tells.
        pub external_id: Option<String>,
    }
}

text_enum! {
    /// How a customer chose.
    pub enum ChoiceType {
        /// By a button below a message.
        ButtonReply = "button_reply",
        /// By a row of a list.
        ListReply = "list_reply",
        /// By a button of a menu or a template (Messenger).
        Postback = "postback",
    }
}

shape! {
    /// What a customer chose.
    #[serde(deny_unknown_fields)]
    pub struct MessageChoice {
        /// How.
        #[serde(rename = "type")]
        pub choice_type: ChoiceType,
        /// What the sender of the buttons calls it.
        pub payload: Option<String>,
        /// The words on it.
        pub title: Option<String>,
        /// The words below them, of a row.
        pub description: Option<String>,
        /// The provider's id of the press, by which it can be acknowledged within seconds (Telegram).
        pub press_id: Option<String>,
    }
}

shape! {
    /// A form that a customer filled in.
    #[derive(Default)]
    #[serde(default, deny_unknown_fields)]
    pub struct MessageForm {
        /// What its sender calls it.
        pub name: Option<String>,
        /// What was filled in, by the names of the form's maker; text where it is no JSON.
        pub response: Option<Value>,
    }
}

shape! {
    /// An order.
    #[derive(Default)]
    #[serde(default, deny_unknown_fields)]
    pub struct MessageOrder {
        /// The catalogue.
        pub catalog_id: Option<String>,
        /// What was ordered of it.
        pub items: Vec<OrderItem>,
    }
}

shape! {
    /// One line of an order.
    #[derive(Default)]
    #[serde(default, deny_unknown_fields)]
    pub struct OrderItem {
        /// The seller's id of the product.
        pub product_id: Option<String>,
        /// How many.
        pub quantity: Option<i64>,
        /// The price of one.
        pub price: Option<f64>,
        /// Its currency (ISO 4217).
        pub currency: Option<String>,
    }
}

shape! {
    /// A product of a catalogue.
    #[derive(Default)]
    #[serde(default, deny_unknown_fields)]
    pub struct ProductReference {
        /// The catalogue.
        pub catalog_id: Option<String>,
        /// The seller's id of the product.
        pub product_id: Option<String>,
    }
}

shape! {
    /// The advertisement or link through which a customer came.
    #[derive(Default)]
    #[serde(default, deny_unknown_fields)]
    pub struct MessageReferral {
        /// What it is: `ad`, `post`, or the provider's word in lower case (`shortlink`).
        pub source_type: Option<String>,
        /// The provider's id of the advertisement or post.
        pub source_id: Option<String>,
        /// Where it can be seen.
        pub source_url: Option<String>,
        /// Its headline.
        pub headline: Option<String>,
        /// Its text.
        pub body: Option<String>,
        /// Its picture or video; such links end after a while.
        pub media_url: Option<String>,
        /// What the link carries for us.
        pub parameter: Option<String>,
        /// The provider's id of the click (`ctwa_clid`), by which a sale can be reported to it.
        pub click_id: Option<String>,
        /// The product that it shows.
        pub product_id: Option<String>,
    }
}

shape! {
    /// Something that a customer shared.
    #[derive(Default)]
    #[serde(default, deny_unknown_fields)]
    pub struct SharedLink {
        /// What it is, in the provider's words: `reel`, `post`, `fallback`.
        #[serde(rename = "type")]
        pub link_type: Option<String>,
        /// Its title.
        pub title: Option<String>,
        /// Where it is.
        pub url: Option<String>,
    }
}

shape! {
    /// What is known of a file beside the file itself.
    #[derive(Default)]
    #[serde(default, deny_unknown_fields)]
    pub struct MediaDetails {
        /// Whether the audio was spoken into the chat.
        pub voice: bool,
        /// Whether the video was, as a round one.
        pub video_note: bool,
        /// Whether the video is an animation without sound, or the sticker moves.
        pub animated: bool,
        /// How long it plays.
        pub duration_seconds: Option<i64>,
        /// The title of the piece of music.
        pub title: Option<String>,
        /// Who plays it.
        pub performer: Option<String>,
        /// The emoji that the sticker stands for.
        pub emoji: Option<String>,
        /// The provider's id of the sticker.
        pub sticker_id: Option<String>,
    }
}

shape! {
    /// Something that this version cannot show. The provider's own JSON is kept.
    #[derive(Default)]
    #[serde(default, deny_unknown_fields)]
    pub struct UnsupportedContent {
        /// What it is, in the provider's words; null where it does not tell.
        #[serde(rename = "type")]
        pub provider_type: Option<String>,
        /// Why the provider did not pass it on.
        pub error_code: Option<i64>,
    }
}

text_enum! {
    /// What happened to a conversation.
    pub enum SystemEventType {
        /// An agent took it.
        Claimed = "claimed",
        /// An agent wrote first.
        Started = "started",
        /// An agent was given it by hand.
        Assigned = "assigned",
        /// A division was given it.
        DivisionAssigned = "division_assigned",
        /// It was put back into the queue, or its holder left the team.
        Unassigned = "unassigned",
        /// Routing gave it to an agent.
        Routed = "routed",
        /// Routing put it back into the queue.
        Queued = "queued",
        /// Its session ended.
        Resolved = "resolved",
        /// The customer was shut out.
        ContactBlocked = "contact_blocked",
        /// The customer was let in again.
        ContactUnblocked = "contact_unblocked",
        /// The customer has another phone number.
        NumberChanged = "number_changed",
        /// The provider knows the customer by another id.
        IdentityChanged = "identity_changed",
    }
}

shape! {
    /// What happened to a conversation. Names are those of then.
    #[serde(deny_unknown_fields)]
    pub struct SystemEvent {
        /// What.
        pub event: SystemEventType,
        /// The agent that it is about.
        pub agent: Option<AgentRef>,
        /// The division that it is about.
        pub division: Option<DivisionRef>,
        /// The agent who did it; null for routing and for what customers do.
        pub by: Option<AgentRef>,
        /// What made routing do it.
        pub trigger: Option<Trigger>,
        /// The phone number before, digits with country code.
        pub from: Option<String>,
        /// The phone number since.
        pub to: Option<String>,
    }
}

impl SystemEvent {
    /// Something that happened, of which no more is known yet.
    #[must_use]
    pub fn new(event: SystemEventType) -> Self {
        Self { event, agent: None, division: None, by: None, trigger: None, from: None, to: None }
    }

    /// The same by an agent.
    #[must_use]
    pub fn by(self, agent: AgentRef) -> Self {
        Self { by: Some(agent), ..self }
    }

    /// The same about an agent.
    #[must_use]
    pub fn about(self, agent: AgentRef) -> Self {
        Self { agent: Some(agent), ..self }
    }
}

impl From<SystemEvent> for MessageContent {
    fn from(event: SystemEvent) -> Self {
        Self { system: Some(event), ..Self::default() }
    }
}

impl MessageContent {
    /// As it is stored: without what is null or false. `None` if there is nothing.
    #[must_use]
    pub fn to_stored(&self) -> Option<Value> {
        if let Some(raw) = &self.raw {
            return Some(raw.clone());
        }
        let Ok(Value::Object(mut members)) = serde_json::to_value(self) else { return None };
        members.retain(|_, value| !matches!(value, Value::Null | Value::Bool(false)));
        (!members.is_empty()).then_some(Value::Object(members))
    }

    /// Reads what was stored. What is not in the words of this version is shown whole, as `raw`: a thread stays readable
    /// whoever wrote to it.
    #[must_use]
    pub fn stored(stored: Value) -> Self {
        match Self::deserialize(&stored) {
            Ok(content) => content,
            Err(_) => Self { raw: Some(stored), ..Self::default() },
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{ChoiceType, MessageChoice, MessageContent, SystemEvent, SystemEventType};

    #[test]
    fn what_is_stored_is_read_back_and_nothing_is_nothing() {
        assert_eq!(MessageContent::default().to_stored(), None);
        let choice = MessageChoice {
            choice_type: ChoiceType::ListReply,
            payload: Some("divisi:komplain".to_owned()),
            title: None,
            description: None,
            press_id: None,
        };
        let content = MessageContent { choice: Some(choice), forwarded: true, ..MessageContent::default() };
        let stored = content.to_stored().unwrap();
        assert_eq!(stored.as_object().map(|members| members.len()), Some(2));
        assert_eq!(MessageContent::stored(stored), content);
        let event = MessageContent::from(SystemEvent::new(SystemEventType::Resolved));
        assert_eq!(event.to_stored().map(MessageContent::stored), Some(event));
    }

    #[test]
    fn what_others_stored_is_shown_whole_and_kept_as_it_is() {
        for stored in [
            json!({ "event": "claimed", "agent": { "id": "x" } }),
            json!({ "location": { "latitude": "south" } }),
            json!({ "choice": { "type": "telepathy" } }),
            json!({ "hologram": { "x": 1 }, "forwarded": true }),
            json!([1]),
        ] {
            let read = MessageContent::stored(stored.clone());
            assert_eq!(read.raw, Some(stored.clone()));
            assert_eq!(read.to_stored(), Some(stored));
        }
    }
}
