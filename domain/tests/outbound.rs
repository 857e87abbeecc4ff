//! What is sent is stored, and read back as it was, whatever it says; and each check names the place that is wrong.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has to fail")]

use std::fmt;

use domain::attachment::AttachmentKind;
use domain::channel::ChannelKind;
use domain::interactive::{Interactive, InteractiveButton, InteractiveRow, InteractiveSection};
use domain::location::Location;
use domain::outbound::OutboundContent;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

fn words() -> impl Strategy<Value = String> {
    "\\PC{1,30}"
}

fn place() -> impl Strategy<Value = Location> {
    let named = option::of((words(), words()));
    (-90.0..=90.0, -180.0..=180.0, named).prop_map(|(latitude, longitude, named)| {
        let (name, address) = named.unzip();
        Location { latitude, longitude, name, address }.rounded()
    })
}

fn buttons() -> impl Strategy<Value = Interactive> {
    let button = (words(), words()).prop_map(|(id, title)| InteractiveButton { id, title });
    (option::of(words()), option::of(words()), vec(button, 1..14))
        .prop_map(|(header, footer, buttons)| Interactive::Buttons { header, footer, buttons })
}

fn list() -> impl Strategy<Value = Interactive> {
    let row = (words(), words(), option::of(words())).prop_map(|(id, title, description)| InteractiveRow {
        id,
        title,
        description,
    });
    let section =
        (option::of(words()), vec(row, 1..5)).prop_map(|(title, rows)| InteractiveSection { title, rows });
    (option::of(words()), option::of(words()), words(), vec(section, 1..4))
        .prop_map(|(header, footer, button, sections)| Interactive::List { header, footer, button, sections })
}

/// A message that a failed test may show; real ones are shown nowhere.
#[derive(Clone)]
struct Said(OutboundContent);

impl fmt::Debug for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?} {:?}", self.0.kind(), self.0.text(), self.0.content())
    }
}

fn content() -> impl Strategy<Value = Said> {
    use AttachmentKind::{Audio, Document, Image, Video};
    let file = (select(vec![Image, Video, Document, Audio]), option::of(words()));
    prop_oneof![
        words().prop_map(|text| Said(OutboundContent::Text { text })),
        file.prop_map(|(kind, caption)| Said(OutboundContent::File { kind, caption })),
        place().prop_map(|place| Said(OutboundContent::Location(place))),
        (words(), prop_oneof![buttons(), list()])
            .prop_map(|(text, interactive)| Said(OutboundContent::Interactive { text, interactive })),
    ]
}

proptest! {
    #[test]
    fn what_is_stored_is_sent_as_it_was(Said(content) in content()) {
        // As the database keeps it: text.
        let json = content.content().map(|json| serde_json::from_str(&json.to_string()).unwrap());
        let stored = OutboundContent::stored(content.kind(), content.text().map(ToOwned::to_owned), json);
        prop_assert!(stored == Some(content));
    }

    #[test]
    fn whatever_is_said_is_taken_or_refused_at_a_place_of_the_body(Said(content) in content()) {
        for channel in ChannelKind::ALL {
            if let Err(refusal) = content.check(*channel) {
                prop_assert_eq!(refusal.errors.len(), 1);
                prop_assert!(refusal.errors[0].pointer.starts_with('/'));
            } else {
                prop_assert!(channel.kinds().contains(&content.kind()));
            }
        }
    }
}

#[test]
fn what_a_channel_shows_of_itself_is_what_it_checks() {
    for channel in ChannelKind::ALL {
        let told = channel.capabilities();
        assert_eq!(told.kinds, channel.kinds());
        for limits in told.limits.attachments {
            assert!(told.kinds.contains(&limits.kind.message_kind()), "{channel}");
            let any = vec!["application/x-whatever".to_owned()];
            for one in limits.content_types.as_ref().unwrap_or(&any) {
                assert!(channel.check_file(limits.kind, one, limits.max_bytes).is_ok(), "{channel} {one}");
                assert!(
                    channel.check_file(limits.kind, one, limits.max_bytes + 1).is_err(),
                    "{channel} {one}"
                );
            }
            let strange = channel.check_file(limits.kind, "application/x-whatever", 1);
            assert_eq!(strange.is_ok(), limits.content_types.is_none(), "{channel} {}", limits.kind);
        }
        assert!(channel.check_file(AttachmentKind::Sticker, "image/webp", 1).is_err());
    }
}
