//! Signatures by [Standard Webhooks](https://www.standardwebhooks.com): who receives a call can tell that it is ours, that
//! nobody changed it, and that it is no repeat of an old one.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use standardwebhooks::{HEADER_WEBHOOK_ID, HEADER_WEBHOOK_SIGNATURE, HEADER_WEBHOOK_TIMESTAMP, Webhook};

/// How much of a secret is random, in bytes.
const SECRET_BYTES: usize = 32;

/// A secret that a receiver shares with us, written `whsec_` and Base64. It has no `Debug` that would tell it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SigningSecret(String);

impl SigningSecret {
    /// Makes a new one.
    #[must_use]
    pub fn make() -> Self {
        Self(format!("whsec_{}", STANDARD.encode(rand::random::<[u8; SECRET_BYTES]>())))
    }

    /// The text, to be shown once.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.0
    }

    /// Its last four characters, by which people tell secrets apart.
    #[must_use]
    pub fn ends_with(&self) -> &str {
        self.0.get(self.0.len().saturating_sub(4)..).unwrap_or_default()
    }
}

impl fmt::Debug for SigningSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningSecret")
    }
}

/// The secrets of a receiver: the present one, and for a while the one before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SigningSecrets {
    /// Signs.
    pub current: SigningSecret,
    /// Signs too, until the receiver has learned the new one.
    pub previous: Option<Previous>,
}

/// A secret that was replaced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Previous {
    /// The secret.
    pub secret: SigningSecret,
    /// From then on it signs nothing.
    pub until: Timestamp,
}

/// A stored secret is not one that we made.
#[derive(Debug, thiserror::Error)]
#[error("a stored signing secret is not one")]
pub struct NotASecret;

impl SigningSecrets {
    /// A first secret.
    #[must_use]
    pub fn make() -> Self {
        Self { current: SigningSecret::make(), previous: None }
    }

    /// A new secret; the present one signs too until then.
    #[must_use]
    pub fn rotated(self, until: Timestamp) -> Self {
        Self { current: SigningSecret::make(), previous: Some(Previous { secret: self.current, until }) }
    }

    /// Until when the secret before signs too, if it still does.
    #[must_use]
    pub fn previous_until(&self, now: Timestamp) -> Option<Timestamp> {
        self.previous.as_ref().map(|previous| previous.until).filter(|until| *until > now)
    }

    /// The three headers of a call: `id` is the same for every attempt, so that receivers can drop repeats.
    ///
    /// # Errors
    /// [`NotASecret`].
    pub fn headers(
        &self,
        id: &str,
        now: Timestamp,
        body: &str,
    ) -> Result<[(&'static str, String); 3], NotASecret> {
        let at = now.unix_seconds();
        let sign = |secret: &SigningSecret| {
            let webhook = Webhook::new(secret.text()).map_err(|_| NotASecret)?;
            webhook.sign(id, at, body.as_bytes()).map_err(|_| NotASecret)
        };
        let mut signatures = sign(&self.current)?;
        if let Some(previous) = self.previous.as_ref().filter(|previous| previous.until > now) {
            signatures = format!("{signatures} {}", sign(&previous.secret)?);
        }
        Ok([
            (HEADER_WEBHOOK_ID, id.to_owned()),
            (HEADER_WEBHOOK_TIMESTAMP, at.to_string()),
            (HEADER_WEBHOOK_SIGNATURE, signatures),
        ])
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use domain::time::Timestamp;
    use standardwebhooks::Webhook;

    use super::{SigningSecret, SigningSecrets};

    #[test]
    fn the_example_of_the_specification_is_signed_as_it_says() {
        let secret = SigningSecret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned());
        let secrets = SigningSecrets { current: secret, previous: None };
        let now = Timestamp::from_unix_seconds(1_614_265_330).unwrap();
        let headers =
            secrets.headers("msg_p5jXN8AQM9LWM0D4loKWxJek", now, r#"{"test": 2432232314}"#).unwrap();
        assert_eq!(headers[1].1, "1614265330");
        assert_eq!(headers[2].1, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn both_secrets_sign_until_the_old_one_ends() {
        let now = Timestamp::from_unix_seconds(1_795_160_000).unwrap();
        let first = SigningSecrets::make();
        let both = first.clone().rotated(now.plus(TimeDelta::hours(24)));
        let verifies = |by: &SigningSecret, headers: &[(&'static str, String); 3]| {
            let own = Webhook::new(by.text()).unwrap().sign("1", now.unix_seconds(), b"{}").unwrap();
            headers[2].1.split(' ').any(|one| one == own)
        };
        let headers = both.headers("1", now, "{}").unwrap();
        assert!(verifies(&first.current, &headers) && verifies(&both.current, &headers));
        assert!(!verifies(&SigningSecret::make(), &headers));
        let after = SigningSecrets {
            previous: both.previous.clone().map(|mut one| {
                one.until = now;
                one
            }),
            ..both.clone()
        };
        let headers = after.headers("1", now, "{}").unwrap();
        assert!(!verifies(&first.current, &headers) && verifies(&both.current, &headers));
        assert_eq!((both.previous_until(now).is_some(), after.previous_until(now)), (true, None));
        assert_eq!(format!("{both:?}").matches("whsec").count(), 0);
    }
}
