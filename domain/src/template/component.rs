//! The parts of a template.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::text_enum::text_enum;

text_enum! {
    /// What is above the text.
    pub enum HeaderFormat {
        /// Words.
        Text = "text",
        /// A picture, given with each message.
        Image = "image",
        /// A video, given with each message.
        Video = "video",
        /// A file, given with each message.
        Document = "document",
        /// A place, given with each message.
        Location = "location",
    }
}

text_enum! {
    /// What a button does.
    pub enum ButtonKind {
        /// Answers with its words.
        QuickReply = "quick_reply",
        /// Opens a page.
        Url = "url",
        /// Calls a number.
        PhoneNumber = "phone_number",
        /// Copies a code that is given with each message.
        CopyCode = "copy_code",
        /// Takes over the one-time code of the body. Made at the provider.
        Otp = "otp",
        /// Asks the customer for its number. Made at the provider.
        RequestContactInfo = "request_contact_info",
    }
}

/// What a template consists of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct TemplateComponents {
    /// What is above the text.
    pub header: Option<TemplateHeader>,
    /// The text.
    pub body: TemplateBody,
    /// Small words below the text, at most 60 characters, without variables.
    #[cfg_attr(feature = "schema", schema(example = "Toko Tani, Malang"))]
    pub footer: Option<String>,
    /// At most 10.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schema(example = json!([{ "type": "quick_reply", "text": "Sudah diterima" }])))]
    pub buttons: Vec<TemplateButton>,
}

/// What is above the text of a template.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct TemplateHeader {
    /// What it is.
    pub format: HeaderFormat,
    /// The words, at most 60 characters and one variable; for `text` only.
    #[cfg_attr(feature = "schema", schema(example = "Pesanan {{1}}"))]
    pub text: Option<String>,
    /// For `text` what the variable may be, if there is one; for a file the handle of a sample, as the provider's upload
    /// gives it.
    #[cfg_attr(feature = "schema", schema(example = "INV-2041"))]
    pub sample: Option<String>,
}

/// The text of a template.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct TemplateBody {
    /// At most 1024 characters. Variables are `{{1}}`, `{{2}}` or, with the format `named`, `{{order_number}}`; they
    /// neither begin nor end the text, nor stand next to each other.
    #[cfg_attr(feature = "schema", schema(example = "Halo {{1}}, pesanan {{2}} sudah kami kirim ya."))]
    pub text: String,
    /// What each variable may be, by its number or name.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schema(example = json!({ "1": "Kak Rina", "2": "INV-2041" })))]
    pub samples: BTreeMap<String, String>,
}

/// A button of a template.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct TemplateButton {
    /// What it does.
    #[serde(rename = "type")]
    pub kind: ButtonKind,
    /// The words on it, at most 25 characters; not for `copy_code`.
    #[cfg_attr(feature = "schema", schema(example = "Lacak paket"))]
    pub text: Option<String>,
    /// The page, at most 2000 characters; it may end in the variable `{{1}}`. For `url` only.
    #[cfg_attr(feature = "schema", schema(example = "https://toko-tani.example/lacak/{{1}}"))]
    pub url: Option<String>,
    /// The number with its country code, at most 20 characters. For `phone_number` only.
    #[cfg_attr(feature = "schema", schema(example = "+6281119876543"))]
    pub phone_number: Option<String>,
    /// What the variable of the page may be, or the code to copy, at most 20 characters.
    #[cfg_attr(feature = "schema", schema(example = "JNE-0042"))]
    pub sample: Option<String>,
}
