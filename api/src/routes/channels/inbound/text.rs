//! Words of customers, as integrators pass them on: taken as they are as far as they can be stored and shown.

use domain::refusal::Refusal;

/// The longest name of anything, in characters.
pub(super) const NAME_MAX_CHARS: usize = 200;

/// What has to be there.
pub(super) fn required<T>(pointer: &str, value: Option<T>) -> Result<T, Refusal> {
    value.ok_or_else(|| Refusal::invalid(pointer, "required", "must not be empty"))
}

/// Words that have to be there.
pub(super) fn words(pointer: &str, text: Option<String>) -> Result<String, Refusal> {
    required(pointer, text.filter(|text| !text.trim().is_empty()))
}

/// Words of at most so many characters.
pub(super) fn within(pointer: &str, text: String, max: usize) -> Result<String, Refusal> {
    if text.contains('\0') {
        return Err(Refusal::invalid(pointer, "characters", "must not contain the character U+0000"));
    }
    if text.chars().count() > max {
        return Err(Refusal::invalid(pointer, "too_long", format!("must be at most {max} characters")));
    }
    Ok(text)
}

/// Words on one line, without the space around them; none where nothing is left.
pub(super) fn shown(pointer: &str, text: Option<String>, max: usize) -> Result<Option<String>, Refusal> {
    let Some(text) = text else { return Ok(None) };
    let text = within(pointer, text.trim().to_owned(), max)?;
    if text.chars().any(char::is_control) {
        return Err(Refusal::invalid(pointer, "characters", "must not contain control characters"));
    }
    Ok(Some(text).filter(|text| !text.is_empty()))
}

/// At most so many.
pub(super) fn few<T>(pointer: &str, list: Vec<T>, max: usize) -> Result<Vec<T>, Refusal> {
    if list.len() > max {
        return Err(Refusal::invalid(pointer, "too_many", format!("must be at most {max}")));
    }
    Ok(list)
}
