//! Query parameters, read strictly; a repeated one means "any of".

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use domain::refusal::Refusal;
use serde::de::DeserializeOwned;

use super::problem::Problem;

/// The query parameters of an operation.
#[derive(Debug, Clone)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned> FromRequest for Query<T> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Self::of(request.query_string()).map_err(Problem::from))
    }
}

impl<T: DeserializeOwned> Query<T> {
    /// Reads them from the text after the question mark. One without a value is refused: it would be taken for one that is not
    /// there, and a list for a longer one than was asked for.
    ///
    /// # Errors
    /// `validation_failed`.
    pub fn of(text: &str) -> Result<Self, Refusal> {
        if let Some((name, _)) =
            url::form_urlencoded::parse(text.as_bytes()).find(|(_, value)| value.is_empty())
        {
            return Err(Refusal::invalid(format!("?{name}"), "required", "must not be empty"));
        }
        let deserializer = serde_html_form::Deserializer::from_bytes(text.as_bytes());
        serde_path_to_error::deserialize(deserializer).map(Self).map_err(|error| {
            let path = error.path().to_string();
            let name = path.split(['.', '[']).next().unwrap_or_default();
            Refusal::invalid(format!("?{name}"), "type", error.inner().to_string())
        })
    }
}

/// The most values of a parameter that is repeated for "any of".
const ANY_OF_MAX: usize = 50;

/// What a repeated parameter asks for.
///
/// # Errors
/// `validation_failed` at `pointer` for more than 50 values.
pub fn any_of<T>(pointer: &str, values: Vec<T>) -> Result<Vec<T>, Refusal> {
    if values.len() > ANY_OF_MAX {
        return Err(Refusal::invalid(pointer, "length", format!("must be at most {ANY_OF_MAX}")));
    }
    Ok(values)
}
