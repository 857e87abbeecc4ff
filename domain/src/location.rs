//! Places.

use serde::{Deserialize, Serialize};

use crate::refusal::Refusal;

/// The longest name or address, in characters. The providers state none.
const WORDS_MAX_CHARS: usize = 300;

/// A place that is sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Location {
    /// Degrees north, -90 to 90; kept to seven decimal places.
    #[cfg_attr(feature = "schema", schema(minimum = -90, maximum = 90, example = -6.2088))]
    pub latitude: f64,
    /// Degrees east, -180 to 180.
    #[cfg_attr(feature = "schema", schema(minimum = -180, maximum = 180, example = 106.8456))]
    pub longitude: f64,
    /// Its name; comes together with its address.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schema(example = "Toko Tani"))]
    pub name: Option<String>,
    /// Its address; comes together with its name.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schema(example = "Jl. Melati 7, Jakarta"))]
    pub address: Option<String>,
}

impl Location {
    /// The same place to a centimetre. Longer numbers may differ in their last digit once they have been written as text
    /// and read again, and then the same message would not be the same.
    #[must_use]
    pub fn rounded(self) -> Self {
        const STEPS: f64 = 1e7;
        let round = |degrees: f64| (degrees * STEPS).round() / STEPS;
        Self { latitude: round(self.latitude), longitude: round(self.longitude), ..self }
    }

    /// Refuses what is no place.
    ///
    /// # Errors
    /// `validation_failed`, at pointers below `/location`.
    pub fn check(&self) -> Result<(), Refusal> {
        degrees("/location/latitude", self.latitude, 90.0)?;
        degrees("/location/longitude", self.longitude, 180.0)?;
        match (&self.name, &self.address) {
            (None, None) => Ok(()),
            (Some(name), Some(address)) => {
                words("/location/name", name)?;
                words("/location/address", address)
            }
            // One alone is shown by none of the providers.
            (Some(_), None) => {
                Err(Refusal::invalid("/location/address", "required", "must come with the name"))
            }
            (None, Some(_)) => {
                Err(Refusal::invalid("/location/name", "required", "must come with the address"))
            }
        }
    }
}

fn degrees(pointer: &str, value: f64, most: f64) -> Result<(), Refusal> {
    if value.abs() <= most {
        Ok(())
    } else {
        Err(Refusal::invalid(pointer, "out_of_range", format!("must be -{most} to {most}")))
    }
}

fn words(pointer: &str, text: &str) -> Result<(), Refusal> {
    if text.trim().is_empty() {
        return Err(Refusal::invalid(pointer, "required", "must not be empty"));
    }
    if text.chars().any(char::is_control) {
        return Err(Refusal::invalid(pointer, "characters", "must not contain control characters"));
    }
    if text.chars().count() > WORDS_MAX_CHARS {
        let detail = format!("must be at most {WORDS_MAX_CHARS} characters");
        return Err(Refusal::invalid(pointer, "too_long", detail));
    }
    Ok(())
}
