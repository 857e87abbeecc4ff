//! What the team knows of its customers: what may be written down, and what becomes of it when two contacts are one.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::input;
use crate::refusal::Refusal;
use crate::resource::Contact;
use crate::time::Timestamp;

/// The most attributes of a contact.
pub const ATTRIBUTES_MAX: usize = 50;
/// The longest text of an attribute, in characters.
const ATTRIBUTE_MAX_CHARS: usize = 1000;
/// The longest name of an attribute.
const ATTRIBUTE_NAME_MAX: usize = 64;
/// The largest number of an attribute: every client counts exactly so far.
const ATTRIBUTE_MAX_NUMBER: f64 = 9_007_199_254_740_991.0;
/// What no attribute is called: the columns of files of contacts that are something else.
pub const FIELDS: [&str; 8] =
    ["id", "name", "phone", "email", "company", "blocked_at", "opted_out_at", "created_at"];

/// A phone number with its country code, as digits only: `+62 812-3456-7890` is `6281234567890`. Without a country code (`0812…`)
/// it is nobody's.
///
/// # Errors
/// `validation_failed` at `pointer`.
pub fn phone(pointer: &str, text: &str) -> Result<String, Refusal> {
    let text = text.trim();
    let number = text.strip_prefix('+').or_else(|| text.strip_prefix("00")).unwrap_or(text);
    let between = |c: char| matches!(c, ' ' | '-' | '.' | '/' | '(' | ')' | '\u{A0}');
    let digits: String = number.chars().filter(|c| !between(*c)).collect();
    let fits = (7..=15).contains(&digits.len())
        && digits.bytes().all(|byte| byte.is_ascii_digit())
        && !digits.starts_with('0');
    if fits {
        Ok(digits)
    } else {
        let detail = "must be a phone number with its country code: 7 to 15 digits, the first not 0";
        Err(Refusal::invalid(pointer, "phone", detail))
    }
}

/// The name of an attribute: 1 to 64 of a-z, 0-9 and `_`, and none of [`FIELDS`].
///
/// # Errors
/// `validation_failed` at `pointer`.
pub fn attribute_name(pointer: &str, name: &str) -> Result<(), Refusal> {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    if !(1..=ATTRIBUTE_NAME_MAX).contains(&name.len()) || !name.bytes().all(inner) {
        return Err(Refusal::invalid(pointer, "attribute_name", "must be 1 to 64 of a-z, 0-9 and _"));
    }
    if FIELDS.contains(&name) {
        return Err(Refusal::invalid(pointer, "attribute_name", "is the name of a field"));
    }
    Ok(())
}

/// The value of an attribute: a text of 1 to 1,000 characters, a number, true or false.
///
/// # Errors
/// `validation_failed` at `pointer`.
pub fn attribute_value(pointer: &str, value: &Value) -> Result<(), Refusal> {
    let fits = match value {
        Value::String(text) => {
            (1..=ATTRIBUTE_MAX_CHARS).contains(&text.chars().count()) && !text.contains('\0')
        }
        Value::Number(number) => number.as_f64().is_some_and(|number| number.abs() <= ATTRIBUTE_MAX_NUMBER),
        Value::Bool(_) => true,
        Value::Null | Value::Array(_) | Value::Object(_) => false,
    };
    if fits {
        Ok(())
    } else {
        let detail =
            "must be a text of 1 to 1,000 characters, a number up to 9007199254740991, true or false";
        Err(Refusal::invalid(pointer, "attribute", detail))
    }
}

/// What is to become of an optional field: `None` leaves it, `Some(None)` empties it.
pub type Change = Option<Option<String>>;

/// What the team says of a contact, checked; what is absent stays.
#[derive(Clone, Default, PartialEq)]
pub struct ContactPatch {
    /// Its name.
    pub name: Option<String>,
    /// Its phone number.
    pub phone: Change,
    /// Its e-mail address.
    pub email: Change,
    /// Where it works.
    pub company: Change,
    /// Attributes to be set, or with null to be taken away.
    pub attributes: Map<String, Value>,
    /// All other attributes are taken away.
    pub only_these_attributes: bool,
}

/// Checks attributes that are to be set, or with null to be taken away.
///
/// # Errors
/// `validation_failed` below `pointer`.
pub fn attributes(pointer: &str, attributes: &Map<String, Value>) -> Result<(), Refusal> {
    for (name, value) in attributes {
        let place = format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"));
        attribute_name(&place, name)?;
        if !value.is_null() {
            attribute_value(&place, value)?;
        }
    }
    Ok(())
}

/// A company: 1 to 200 characters, trimmed, on one line.
///
/// # Errors
/// `validation_failed` at `pointer`.
pub fn company(pointer: &str, text: &str) -> Result<String, Refusal> {
    input::workspace_name(pointer, text)
}

impl ContactPatch {
    /// Changes what is known of a contact.
    ///
    /// # Errors
    /// `validation_failed` if it would have too many attributes.
    pub fn apply(&self, contact: &mut Contact) -> Result<(), Refusal> {
        let set = |field: &mut Option<String>, change: &Change| {
            if let Some(value) = change {
                field.clone_from(value);
            }
        };
        if let Some(name) = &self.name {
            contact.name.clone_from(name);
        }
        set(&mut contact.phone, &self.phone);
        set(&mut contact.email, &self.email);
        set(&mut contact.company, &self.company);
        if self.only_these_attributes {
            contact.attributes.clear();
        }
        for (name, value) in &self.attributes {
            if value.is_null() {
                contact.attributes.remove(name);
            } else {
                contact.attributes.insert(name.clone(), value.clone());
            }
        }
        if contact.attributes.len() > ATTRIBUTES_MAX {
            let detail = format!("a contact has at most {ATTRIBUTES_MAX}");
            return Err(Refusal::invalid("/attributes", "too_many", detail));
        }
        Ok(())
    }
}

/// What a contact that stays took over from one that was merged into it, because it did not know it.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Taken {
    phone: Option<String>,
    email: Option<String>,
    company: Option<String>,
    opted_out_at: Option<Timestamp>,
    attributes: Map<String, Value>,
}

/// Fills what the contact that stays does not know with what the other one knows.
pub fn take_over(stays: &mut Contact, goes: &Contact) -> Taken {
    let mut taken = Taken::default();
    let fill = |own: &mut Option<String>, others: &Option<String>, taken: &mut Option<String>| {
        if own.is_none() {
            own.clone_from(others);
            taken.clone_from(others);
        }
    };
    fill(&mut stays.phone, &goes.phone, &mut taken.phone);
    fill(&mut stays.email, &goes.email, &mut taken.email);
    fill(&mut stays.company, &goes.company, &mut taken.company);
    if stays.opted_out_at.is_none() {
        (stays.opted_out_at, taken.opted_out_at) = (goes.opted_out_at, goes.opted_out_at);
    }
    for (name, value) in &goes.attributes {
        if stays.attributes.len() < ATTRIBUTES_MAX && !stays.attributes.contains_key(name) {
            stays.attributes.insert(name.clone(), value.clone());
            taken.attributes.insert(name.clone(), value.clone());
        }
    }
    taken
}

/// Gives back what was taken over, as far as it is still what it was then.
pub fn give_back(stays: &mut Contact, taken: &Taken) {
    let give = |own: &mut Option<String>, taken: &Option<String>| {
        if taken.is_some() && own == taken {
            *own = None;
        }
    };
    give(&mut stays.phone, &taken.phone);
    give(&mut stays.email, &taken.email);
    give(&mut stays.company, &taken.company);
    if stays.opted_out_at == taken.opted_out_at {
        stays.opted_out_at = None;
    }
    stays.attributes.retain(|name, value| taken.attributes.get(name) != Some(value));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Map, Value, json};
    use uuid::Uuid;

    use super::{attribute_name, attribute_value, give_back, phone, take_over};
    use crate::id::ContactId;
    use crate::resource::Contact;
    use crate::time::Timestamp;

    #[test]
    fn a_number_is_its_digits_with_the_country_code() {
        for text in ["6281234567890", "+62 812-3456-7890", "0062 (812) 3456.7890", " +62812 3456 7890 "] {
            assert_eq!(phone("/phone", text).as_deref(), Ok("6281234567890"), "{text}");
        }
        for wrong in [
            "",
            "081234567890",
            "+",
            "628123",
            "6.28123E+12",
            "62812345678901234",
            "628123 456a",
            "++6281234567890",
            "+62+81234567",
            "٦٢٨١٢٣٤٥٦٧",
        ] {
            assert!(phone("/phone", wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn attributes_have_plain_names_and_plain_values() {
        assert!(attribute_name("/a", "plan_2").is_ok());
        for wrong in ["", "Plan", "plan-2", "paket kita", "phone", "é", &"a".repeat(65)] {
            assert!(attribute_name("/a", wrong).is_err(), "{wrong}");
        }
        for right in [json!("gold"), json!(3), json!(-2.5), json!(true)] {
            assert!(attribute_value("/a", &right).is_ok(), "{right}");
        }
        for wrong in [
            json!(null),
            json!(""),
            json!("a\0"),
            json!([1]),
            json!({}),
            json!(1e300),
            json!("x".repeat(1001)),
        ] {
            assert!(attribute_value("/a", &wrong).is_err(), "{wrong}");
        }
    }

    fn text() -> impl Strategy<Value = Option<String>> {
        proptest::option::of("[ab]")
    }

    prop_compose! {
        fn contact()(
            phone in text(), email in text(), company in text(), out in proptest::option::of(0..3_i64),
            attributes in proptest::collection::btree_map("[a-c]", 0..3_i32, 0..3),
        ) -> Contact {
            let attributes: Map<String, Value> =
                attributes.into_iter().map(|(name, value)| (name, json!(value))).collect();
            let at = |seconds| Timestamp::from_unix_seconds(seconds).unwrap();
            Contact {
                id: ContactId(Uuid::nil()), name: "Ani".to_owned(), email, company, phone, attributes,
                identities: Vec::new(), blocked_at: None, opted_out_at: out.map(at), version: 1, created_at: at(0),
            }
        }
    }

    proptest! {
        /// What was merged and parted again is as it was; what the team wrote in between stays.
        #[test]
        fn what_was_taken_over_is_given_back(stays in contact(), goes in contact(), later in text()) {
            let mut merged = stays.clone();
            let taken = take_over(&mut merged, &goes);
            let known = |contact: &Contact| [contact.phone.is_some(), contact.email.is_some(), contact.company.is_some()];
            for (is, (own, others)) in known(&merged).iter().zip(known(&stays).into_iter().zip(known(&goes))) {
                prop_assert_eq!(*is, own || others);
            }
            let mut parted = merged.clone();
            give_back(&mut parted, &taken);
            prop_assert_eq!(&parted, &stays);
            if later.is_some() && later != merged.company {
                merged.company = later.clone();
                give_back(&mut merged, &taken);
                prop_assert_eq!(merged.company, later);
            }
        }
    }
}
