//! Buttons and lists that a customer answers with a tap.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::channel::ChannelKind;
use crate::refusal::Refusal;
use crate::resource::{InteractiveLimits, InteractiveListLimits};

/// What the customer can tap. The answer is a message of kind `interactive` whose `content.choice.payload` is the id of what
/// was tapped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Interactive {
    /// Buttons beneath the words.
    Buttons {
        /// A line above the words.
        #[serde(default)]
        header: Option<String>,
        /// A line below the words.
        #[serde(default)]
        footer: Option<String>,
        /// The buttons.
        buttons: Vec<InteractiveButton>,
    },
    /// A list that a button opens.
    List {
        /// A line above the words.
        #[serde(default)]
        header: Option<String>,
        /// A line below the words.
        #[serde(default)]
        footer: Option<String>,
        /// What is written on the button that opens it.
        button: String,
        /// The rows, in sections.
        sections: Vec<InteractiveSection>,
    },
}

/// A button.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct InteractiveButton {
    /// What comes back when it is pressed; no two of a message are the same.
    pub id: String,
    /// What is written on it; no two of a message are the same.
    pub title: String,
}

/// Rows of a list that belong together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct InteractiveSection {
    /// What is written above them; required where there is more than one section.
    #[serde(default)]
    pub title: Option<String>,
    /// The rows.
    pub rows: Vec<InteractiveRow>,
}

/// A row of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct InteractiveRow {
    /// What comes back when it is chosen; no two of a message are the same.
    pub id: String,
    /// What is written in it.
    pub title: String,
    /// What is written beneath it.
    #[serde(default)]
    pub description: Option<String>,
}

impl Interactive {
    /// Refuses what the channel cannot show.
    ///
    /// # Errors
    /// `validation_failed`, at pointers below `/interactive`.
    pub fn check(&self, channel: ChannelKind) -> Result<(), Refusal> {
        let limits = channel.interactive_limits();
        let (Self::Buttons { header, footer, .. } | Self::List { header, footer, .. }) = self;
        edge("/interactive/header", header.as_deref(), limits.header_chars)?;
        edge("/interactive/footer", footer.as_deref(), limits.footer_chars)?;
        match self {
            Self::Buttons { buttons, .. } => check_buttons(buttons, &limits),
            Self::List { button, sections, .. } => match &limits.list {
                Some(limits) => check_list(button, sections, limits),
                None => {
                    let detail = "lists cannot be sent on this channel";
                    Err(Refusal::invalid("/interactive/type", "not_supported", detail))
                }
            },
        }
    }
}

fn check_buttons(buttons: &[InteractiveButton], limits: &InteractiveLimits) -> Result<(), Refusal> {
    count("/interactive/buttons", buttons.len(), limits.buttons)?;
    let (mut ids, mut titles) = (BTreeSet::new(), BTreeSet::new());
    for (at, button) in buttons.iter().enumerate() {
        let pointer = format!("/interactive/buttons/{at}");
        id(&format!("{pointer}/id"), &button.id, limits.button_id_bytes, &mut ids)?;
        let pointer = format!("{pointer}/title");
        line(&pointer, &button.title, limits.button_title_chars)?;
        distinct(&pointer, &button.title, &mut titles)?;
    }
    Ok(())
}

fn check_list(
    button: &str,
    sections: &[InteractiveSection],
    limits: &InteractiveListLimits,
) -> Result<(), Refusal> {
    line("/interactive/button", button, limits.button_chars)?;
    count("/interactive/sections", sections.len(), limits.sections)?;
    let (mut ids, mut rows) = (BTreeSet::new(), 0);
    for (at, section) in sections.iter().enumerate() {
        let pointer = format!("/interactive/sections/{at}");
        match &section.title {
            Some(title) => line(&format!("{pointer}/title"), title, limits.section_title_chars)?,
            None if sections.len() > 1 => {
                let detail = "must be there where there is more than one section";
                return Err(Refusal::invalid(format!("{pointer}/title"), "required", detail));
            }
            None => {}
        }
        rows += section.rows.len();
        let pointer = format!("{pointer}/rows");
        count(&pointer, section.rows.len(), limits.rows)?;
        for (at, row) in section.rows.iter().enumerate() {
            check_row(&format!("{pointer}/{at}"), row, limits, &mut ids)?;
        }
    }
    count("/interactive/sections", rows, limits.rows)
}

fn check_row<'a>(
    pointer: &str,
    row: &'a InteractiveRow,
    limits: &InteractiveListLimits,
    ids: &mut BTreeSet<&'a str>,
) -> Result<(), Refusal> {
    id(&format!("{pointer}/id"), &row.id, limits.row_id_bytes, ids)?;
    line(&format!("{pointer}/title"), &row.title, limits.row_title_chars)?;
    match &row.description {
        Some(text) => line(&format!("{pointer}/description"), text, limits.row_description_chars),
        None => Ok(()),
    }
}

/// A line above or below the words, where the channel has one.
fn edge(pointer: &str, text: Option<&str>, max: Option<usize>) -> Result<(), Refusal> {
    match (text, max) {
        (None, _) => Ok(()),
        (Some(text), Some(max)) => line(pointer, text, max),
        (Some(_), None) => Err(Refusal::invalid(pointer, "not_supported", "cannot be sent on this channel")),
    }
}

fn line(pointer: &str, text: &str, max: usize) -> Result<(), Refusal> {
    if text.trim().is_empty() {
        return Err(Refusal::invalid(pointer, "required", "must not be empty"));
    }
    if text.chars().any(char::is_control) {
        return Err(Refusal::invalid(pointer, "characters", "must not contain control characters"));
    }
    if text.chars().count() > max {
        let detail = format!("must be at most {max} characters on this channel");
        return Err(Refusal::invalid(pointer, "too_long", detail));
    }
    Ok(())
}

fn id<'a>(pointer: &str, id: &'a str, max: usize, known: &mut BTreeSet<&'a str>) -> Result<(), Refusal> {
    // WhatsApp refuses ids with white space at their ends.
    if id.is_empty() || id.trim() != id || id.chars().any(char::is_control) {
        let detail = "must be there, without control characters and without white space at its ends";
        return Err(Refusal::invalid(pointer, "characters", detail));
    }
    if id.len() > max {
        let detail = format!("must be at most {max} bytes on this channel");
        return Err(Refusal::invalid(pointer, "too_long", detail));
    }
    distinct(pointer, id, known)
}

fn distinct<'a>(pointer: &str, word: &'a str, known: &mut BTreeSet<&'a str>) -> Result<(), Refusal> {
    if known.insert(word) {
        Ok(())
    } else {
        Err(Refusal::invalid(pointer, "duplicate", "must not be there more than once"))
    }
}

fn count(pointer: &str, found: usize, max: usize) -> Result<(), Refusal> {
    match found {
        0 => Err(Refusal::invalid(pointer, "required", "must not be empty")),
        found if found > max => {
            let detail = format!("must be at most {max} on this channel");
            Err(Refusal::invalid(pointer, "too_many", detail))
        }
        _ => Ok(()),
    }
}
