//! What a customer of an integrator wrote.

use domain::attachment::AttachmentKind;
use domain::contact;
use domain::id::AttachmentId;
use domain::inbound::{InboundMedia, InboundMessage, Sender};
use domain::input;
use domain::location::Location;
use domain::message::MessageKind;
use domain::refusal::Refusal;
use domain::resource::{CardEntry, ChoiceType, ContactCard, MessageChoice, MessageContent, MessageLocation};
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use url::Url;
use utoipa::ToSchema;

use super::text::{NAME_MAX_CHARS, few, required, shown, within, words};
use crate::channels::callback::EXTERNAL_ID_MAX;
use crate::outbound_url::GuardedClient;

/// The longest text of a customer, in characters: longer than any provider's, since a mail may come this way.
const TEXT_MAX_CHARS: usize = 16_384;
/// The longest link to a file, in characters.
const URL_MAX_CHARS: usize = 2000;
/// The most contact cards of a message, and the most entries of each kind of one.
const CARDS_MAX: usize = 20;

/// What a customer wrote. Beside `kind`, it has the fields of its kind and no others.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "external_id": "m-1001", "contact": { "external_id": "u-42", "name": "Budi" }, "kind": "text", "text": "Halo kak"
}))]
pub struct NewInboundMessage {
    /// Your id of it, 1 to 255 visible ASCII characters, unique on the channel: the same one again is the same message, and
    /// changes nothing.
    #[schema(example = "m-1001", max_length = 255, format = "token")]
    external_id: String,
    /// Who wrote it.
    contact: NewInboundContact,
    /// When; now, if it is absent or lies ahead.
    at: Option<Timestamp>,
    /// What it is: `text`, `image`, `video`, `document`, `audio`, `sticker`, `location`, `contacts` or `interactive` (something
    /// that was tapped).
    #[schema(value_type = NewInboundKind, example = "text")]
    kind: MessageKind,
    /// The words of a `text`, at most 16384 characters, or those beneath a file.
    #[schema(example = "Halo kak", max_length = 16384)]
    text: Option<String>,
    /// The file of an `image`, `video`, `document` or `audio`: an upload of the caller's that was not sent before.
    attachment_id: Option<AttachmentId>,
    /// The file in place of that: a link to it, https, without credentials. It is fetched soon; `message.updated` tells
    /// when it is here.
    #[schema(example = "https://chat.example/files/7f1c.jpg", max_length = 2000)]
    url: Option<String>,
    /// The name of the file behind `url`.
    #[schema(example = "foto.jpg", max_length = 200)]
    filename: Option<String>,
    /// What a `location`, `contacts` or `interactive` says.
    content: Option<NewInboundContent>,
    /// Your id of the message that it answers: one that you delivered, or that you gave a message of the team, or that
    /// message's own `id` where you gave none.
    #[schema(example = "a-2001", max_length = 255, format = "token")]
    reply_to_external_id: Option<String>,
}

/// What a customer can write.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "lowercase")]
#[allow(
    dead_code,
    reason = "read by the document only; the other words are refused by a problem that names the kind"
)]
enum NewInboundKind {
    Text,
    Image,
    Video,
    Document,
    Audio,
    Sticker,
    Location,
    Contacts,
    Interactive,
}

/// Who wrote. What is absent or null says nothing, and leaves what is known.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewInboundContact {
    /// Your lasting id of the customer, 1 to 255 visible ASCII characters. Each has one conversation.
    #[schema(example = "u-42", max_length = 255, format = "token")]
    external_id: String,
    /// The name that the customer goes by; a name that the team gave stays.
    #[schema(example = "Budi", max_length = 200)]
    name: Option<String>,
    /// The phone number, with country code. It is one customer's on the channel: this one's from now on.
    #[schema(example = "+6281234567890", max_length = 40, format = "phone")]
    phone: Option<String>,
    /// A user name, with or without `@`.
    #[schema(example = "budi.s", max_length = 200)]
    username: Option<String>,
    /// The e-mail address; one that is known stays.
    #[schema(example = "budi@pelanggan.example", max_length = 254, format = "email")]
    email: Option<String>,
}

/// What a message says beside words.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewInboundContent {
    /// The place of a `location`.
    location: Option<Location>,
    /// The cards of `contacts`, 1 to 20.
    #[schema(min_items = 1, max_items = 20)]
    contacts: Option<Vec<NewInboundCard>>,
    /// What was tapped, of an `interactive`.
    choice: Option<NewInboundChoice>,
}

/// A contact card.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewInboundCard {
    /// The whole name.
    #[schema(example = "Siti Aminah", max_length = 200)]
    name: String,
    /// The phone numbers, as they are written, at most 20.
    #[serde(default)]
    #[schema(example = json!(["+62 812-3456-7890"]), max_items = 20)]
    phones: Vec<String>,
    /// The e-mail addresses, at most 20.
    #[serde(default)]
    #[schema(example = json!([]), max_items = 20)]
    emails: Vec<String>,
    /// The company.
    #[schema(max_length = 200)]
    organization: Option<String>,
}

/// A button or a row that a customer tapped.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewInboundChoice {
    /// The `id` of the button or row, as the team's message had it.
    #[schema(example = "divisi:komplain", max_length = 256)]
    id: String,
    /// The words on it.
    #[schema(example = "Komplain", max_length = 200)]
    title: String,
}

impl NewInboundMessage {
    /// The message as it is stored.
    pub(super) fn checked(self, guarded: &GuardedClient, now: Timestamp) -> Result<InboundMessage, Refusal> {
        self.check_fields()?;
        // Kept as it came, like what providers send.
        let raw = serde_json::to_string(&self).unwrap_or_default();
        let media = self.media(guarded)?;
        let text = self.text.map(|text| within("/text", text, TEXT_MAX_CHARS)).transpose()?;
        let (text, content) = match self.kind {
            MessageKind::Text => (Some(words("/text", text)?), MessageContent::default()),
            MessageKind::Location | MessageKind::Contacts | MessageKind::Interactive => {
                said(self.kind, required("/content", self.content)?)
                    .map_err(|refusal| below("/content", refusal))?
            }
            _ => (text, MessageContent::default()),
        };
        Ok(InboundMessage {
            sender: self.contact.checked().map_err(|refusal| below("/contact", refusal))?,
            provider_message_id: input::token("/external_id", &self.external_id, EXTERNAL_ID_MAX)?,
            at: self.at.map_or(now, |at| at.min(now)),
            kind: self.kind,
            text,
            content,
            media,
            upload: self.attachment_id,
            reply_to: self
                .reply_to_external_id
                .map(|id| input::token("/reply_to_external_id", &id, EXTERNAL_ID_MAX))
                .transpose()?,
            raw,
        })
    }

    /// Refuses kinds that customers do not send, and what the kind has no place for: it would be lost.
    fn check_fields(&self) -> Result<(), Refusal> {
        use MessageKind::{Contacts, Interactive, Location, Text};
        let file = AttachmentKind::of(self.kind).is_some();
        let said = matches!(self.kind, Location | Contacts | Interactive);
        if !file && !said && self.kind != Text {
            let detail = format!("messages of kind {} cannot be delivered", self.kind);
            return Err(Refusal::invalid("/kind", "not_supported", detail));
        }
        let fields = [
            ("/text", self.text.is_some(), !said),
            ("/attachment_id", self.attachment_id.is_some(), file && self.url.is_none()),
            ("/url", self.url.is_some(), file),
            ("/filename", self.filename.is_some(), file && self.url.is_some()),
            ("/content", self.content.is_some(), said),
        ];
        if let Some((pointer, ..)) = fields.into_iter().find(|(_, given, fits)| *given && !*fits) {
            let detail = format!("such a message of kind {} has none", self.kind);
            return Err(Refusal::invalid(pointer, "unexpected", detail));
        }
        if file && self.attachment_id.is_none() && self.url.is_none() {
            return Err(Refusal::invalid("/url", "required", "a file needs url or attachment_id"));
        }
        Ok(())
    }

    fn media(&self, guarded: &GuardedClient) -> Result<Option<InboundMedia>, Refusal> {
        let Some(url) = &self.url else { return Ok(None) };
        let url = within("/url", url.clone(), URL_MAX_CHARS)?;
        let may_be_called = Url::parse(&url).is_ok_and(|url| guarded.check(&url).is_ok());
        if !may_be_called {
            let detail = "must be an https link into the public Internet, without user and password";
            return Err(Refusal::invalid("/url", "not_allowed", detail));
        }
        let filename = shown("/filename", self.filename.clone(), NAME_MAX_CHARS)?;
        Ok(Some(InboundMedia {
            provider_media_id: None,
            url: Some(url),
            content_type: None,
            filename,
            size_bytes: None,
            sha256: None,
        }))
    }
}

impl NewInboundContact {
    fn checked(self) -> Result<Sender, Refusal> {
        let username = self.username.map(|name| name.trim().trim_start_matches('@').to_owned());
        Ok(Sender {
            external_id: input::token("/external_id", &self.external_id, EXTERNAL_ID_MAX)?,
            phone: self.phone.map(|phone| contact::phone("/phone", &phone)).transpose()?,
            username: shown("/username", username, NAME_MAX_CHARS)?,
            name: shown("/name", self.name, NAME_MAX_CHARS)?,
            email: self.email.map(|email| input::email("/email", &email)).transpose()?,
        })
    }
}

/// The words and the content of a message that says more than words.
fn said(kind: MessageKind, content: NewInboundContent) -> Result<(Option<String>, MessageContent), Refusal> {
    let NewInboundContent { location, contacts, choice } = content;
    let fields = [
        ("/location", location.is_some(), kind == MessageKind::Location),
        ("/contacts", contacts.is_some(), kind == MessageKind::Contacts),
        ("/choice", choice.is_some(), kind == MessageKind::Interactive),
    ];
    if let Some((pointer, ..)) = fields.into_iter().find(|(_, given, fits)| *given && !*fits) {
        let detail = format!("messages of kind {kind} have none");
        return Err(Refusal::invalid(pointer, "unexpected", detail));
    }
    let mut said = MessageContent::default();
    let text = match kind {
        MessageKind::Location => {
            let place = place(required("/location", location)?)?;
            let name = place.name.clone();
            said.location = Some(place);
            name
        }
        MessageKind::Contacts => {
            let cards = few("/contacts", required("/contacts", contacts)?, CARDS_MAX)?;
            required("/contacts", cards.first())?;
            let cards = cards.into_iter().enumerate().map(|(at, card)| {
                card.checked().map_err(|refusal| below(&format!("/contacts/{at}"), refusal))
            });
            said.contacts = Some(cards.collect::<Result<_, _>>()?);
            None
        }
        _ => {
            let NewInboundChoice { id, title } = required("/choice", choice)?;
            let id = words("/choice/id", Some(within("/choice/id", id, 256)?))?;
            let title = words("/choice/title", shown("/choice/title", Some(title), NAME_MAX_CHARS)?)?;
            said.choice = Some(MessageChoice {
                choice_type: ChoiceType::ButtonReply,
                payload: Some(id),
                title: Some(title.clone()),
                description: None,
                press_id: None,
            });
            Some(title)
        }
    };
    Ok((text, said))
}

/// A place as a customer sends it: other than those that the team sends it may have a name without an address.
fn place(place: Location) -> Result<MessageLocation, Refusal> {
    let Location { latitude, longitude, name, address } = place.rounded();
    Location { latitude, longitude, name: None, address: None }.check()?;
    Ok(MessageLocation {
        latitude,
        longitude,
        name: shown("/location/name", name, NAME_MAX_CHARS)?,
        address: shown("/location/address", address, NAME_MAX_CHARS)?,
        ..MessageLocation::default()
    })
}

impl NewInboundCard {
    fn checked(self) -> Result<ContactCard, Refusal> {
        let entries = |pointer: &str, list: Vec<String>| -> Result<Vec<CardEntry>, Refusal> {
            let list = few(pointer, list, CARDS_MAX)?.into_iter().enumerate();
            list.map(|(at, value)| {
                let pointer = format!("{pointer}/{at}");
                let value = words(&pointer, shown(&pointer, Some(value), NAME_MAX_CHARS)?)?;
                Ok(CardEntry { value, ..CardEntry::default() })
            })
            .collect()
        };
        Ok(ContactCard {
            name: Some(words("/name", shown("/name", Some(self.name), NAME_MAX_CHARS)?)?),
            phones: entries("/phones", self.phones)?,
            emails: entries("/emails", self.emails)?,
            organization: shown("/organization", self.organization, NAME_MAX_CHARS)?,
            ..ContactCard::default()
        })
    }
}

/// A refusal of a part, as one of the whole.
pub(super) fn below(place: &str, mut refusal: Refusal) -> Refusal {
    for error in &mut refusal.errors {
        error.pointer = format!("{place}{}", error.pointer);
    }
    refusal
}
