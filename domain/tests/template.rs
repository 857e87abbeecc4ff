//! Filling in templates: what is accepted is what the provider takes, and reads as it was meant.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;

use domain::channel::ChannelKind;
use domain::id::{ChannelId, TemplateId};
use domain::resource::{ChannelRef, Template};
use domain::template::{
    ParameterFormat, TemplateBody, TemplateCategory, TemplateComponents, TemplateParameters, TemplateStatus,
    check_components, fill,
};
use domain::time::Timestamp;
use proptest::prelude::*;
use uuid::Uuid;

fn template(text: String, examples: BTreeMap<String, String>, parameter_format: ParameterFormat) -> Template {
    let now = Timestamp::from_unix_seconds(1_795_160_000).unwrap();
    Template {
        id: TemplateId(Uuid::from_u128(1)),
        channel: ChannelRef {
            id: ChannelId(Uuid::from_u128(2)),
            kind: ChannelKind::WhatsApp,
            name: "Pusat".into(),
        },
        name: "kirim".into(),
        language: "id".into(),
        category: TemplateCategory::Utility,
        parameter_format,
        components: TemplateComponents {
            header: None,
            body: TemplateBody { text, samples: examples },
            footer: None,
            buttons: vec![],
        },
        unsupported: vec![],
        status: TemplateStatus::Accepted,
        provider_status: None,
        rejection_reason: None,
        quality: None,
        initiate: true,
        provider_template_id: None,
        version: 1,
        created_at: now,
        updated_at: now,
    }
}

/// Words, variables between them, and a value for each.
fn sentence() -> impl Strategy<Value = (Vec<String>, Vec<String>, bool)> {
    (1..8_usize).prop_flat_map(|count| {
        let words = proptest::collection::vec("[a-zé🙏,.]{1,12}", count + 1);
        let values = proptest::collection::vec("[a-z0-9{}é$]([a-z0-9{}é$ ]{0,2}[a-z0-9{}é$]){0,6}", count);
        (words, values, any::<bool>())
    })
}

fn name(at: usize, named: bool) -> String {
    if named { format!("v_{at}") } else { (at + 1).to_string() }
}

proptest! {
    /// The text that is read is the words with the values between them, whatever is in the values: they are not looked at
    /// for variables again.
    #[test]
    fn what_is_read_is_what_was_filled_in((words, values, named) in sentence()) {
        let format = if named { ParameterFormat::Named } else { ParameterFormat::Positional };
        let (mut text, mut read) = (words[0].clone(), words[0].clone());
        for (at, value) in values.iter().enumerate() {
            text += &format!(" {{{{{}}}}} {}", name(at, named), words[at + 1]);
            read += &format!(" {value} {}", words[at + 1]);
        }
        let given: BTreeMap<String, String> =
            values.iter().enumerate().map(|(at, value)| (name(at, named), value.clone())).collect();
        let template = template(text, given.clone(), format);
        prop_assert_eq!(check_components(&template.components, format), Ok(()));
        let parameters = TemplateParameters { body: given, ..TemplateParameters::default() };
        prop_assert_eq!(fill(&template, &parameters).map(|filled| filled.text()), Ok(read));
    }

    /// Each value that is missing, too much or not taken is named, and nothing else is.
    #[test]
    fn every_slip_is_named_once(
        count in 1..8_usize, missing in proptest::collection::btree_set(0..8_usize, 0..4),
        broken in proptest::collection::btree_map(0..8_usize, "[\n\t]|a    b|  ", 0..4), extra in proptest::collection::btree_set(9..20_usize, 0..3),
    ) {
        let text = (1..=count).fold("Halo".to_owned(), |text, at| format!("{text} {{{{{at}}}}} kata"));
        let examples = (1..=count).map(|at| (at.to_string(), "a".to_owned())).collect();
        let template = template(text, examples, ParameterFormat::Positional);
        let mut body: BTreeMap<String, String> = (1..=count).map(|at| (at.to_string(), "a".to_owned())).collect();
        let mut expected = std::collections::BTreeSet::new();
        for (at, value) in broken.iter().filter(|(at, _)| **at < count) {
            body.insert((at + 1).to_string(), value.clone());
            expected.insert(at + 1);
        }
        for at in missing.iter().filter(|at| **at < count) {
            body.remove(&(at + 1).to_string());
            expected.insert(at + 1);
        }
        for at in &extra {
            body.insert(at.to_string(), "a".to_owned());
            expected.insert(*at);
        }
        let parameters = TemplateParameters { body, ..TemplateParameters::default() };
        let mut told: Vec<String> = match fill(&template, &parameters) {
            Ok(_) => Vec::new(),
            Err(refusal) => refusal.errors.into_iter().map(|error| error.pointer).collect(),
        };
        told.sort();
        let mut wanted: Vec<String> = expected.iter().map(|at| format!("/template/parameters/body/{at}")).collect();
        wanted.sort();
        prop_assert_eq!(told, wanted);
    }

    /// No text makes the rules stumble.
    #[test]
    fn any_text_is_judged(text in "[{}1-3a ]{0,30}|.{0,40}", value in ".{0,20}") {
        for format in [ParameterFormat::Positional, ParameterFormat::Named] {
            let one = template(text.clone(), BTreeMap::new(), format);
            let _ = check_components(&one.components, format);
            let body = BTreeMap::from([("1".to_owned(), value.clone())]);
            let _ = fill(&one, &TemplateParameters { body, ..TemplateParameters::default() });
        }
    }
}
