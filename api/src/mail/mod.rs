//! Mail to members, handed to the installation's mail server.

mod letter;

use std::time::{Duration, SystemTime};

use chrono::TimeDelta;
use domain::one_time_token::TokenPurpose;
use domain::refusal::{Code, Refusal};
use domain::time::Timestamp;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message};
use lettre::transport::smtp::Error as SmtpError;
use lettre::{Address, AsyncSmtpTransport, AsyncTransport, Tokio1Executor};

pub use letter::Letter;

use crate::config::Settings;

/// Why the settings of mail cannot be used. It does not repeat them: the server's URL has a password.
#[derive(Debug, Clone, Copy, thiserror::Error)]
pub enum MailSettingsError {
    /// No server can be reached by the URL.
    #[error("TANGGAP_SMTP_URL must be like smtps://user:password@host:465 or smtp://host:25")]
    Url,
    /// There is a server, but no sender.
    #[error("TANGGAP_SMTP_URL needs TANGGAP_MAIL_FROM, like `Tanggap <tanggap@example.com>`")]
    From,
}

/// Why a mail was not taken. It does not repeat what the server said: that names the recipient.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MailFailure {
    /// It may be taken later.
    #[error("the mail server did not take the mail: {0}")]
    Passing(&'static str),
    /// The mail server will never take it.
    #[error("the mail server refuses the recipient")]
    Final,
}

/// Sends mails.
#[derive(Clone)]
pub struct Mailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    timeout: Duration,
}

impl Mailer {
    /// Prepares sending, if a mail server is set. Nothing is connected yet.
    ///
    /// # Errors
    /// See [`MailSettingsError`].
    pub fn new(settings: &Settings) -> Result<Option<Self>, MailSettingsError> {
        let Some(url) = &settings.mail.smtp_url else { return Ok(None) };
        let from = settings.mail.from.as_deref().and_then(|from| from.parse().ok());
        let from = from.ok_or(MailSettingsError::From)?;
        let timeout = settings.times.mail_total;
        let transport = AsyncSmtpTransport::<Tokio1Executor>::from_url(url)
            .map_err(|_| MailSettingsError::Url)?
            .timeout(Some(timeout))
            .build();
        Ok(Some(Self { transport, from, timeout }))
    }

    /// Hands a mail over. `id` tells repeats of one mail from another mail.
    ///
    /// # Errors
    /// See [`MailFailure`].
    pub async fn send(&self, letter: &Letter, id: &str, now: Timestamp) -> Result<(), MailFailure> {
        let message = self.message(letter, id, now).ok_or(MailFailure::Final)?;
        match tokio::time::timeout(self.timeout, self.transport.send(message)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(failure(&error)),
            Err(_) => Err(MailFailure::Passing("it did not answer in time")),
        }
    }

    /// `None` if the recipient's address is none for mail.
    fn message(&self, letter: &Letter, id: &str, now: Timestamp) -> Option<Message> {
        let to: Address = letter.to.parse().ok()?;
        let since_1970 = Duration::from_secs(u64::try_from(now.unix_seconds()).unwrap_or(0));
        // Nobody's holiday reply is wanted (RFC 3834).
        let automatic = HeaderName::new_from_ascii_str("Auto-Submitted");
        Message::builder()
            .from(self.from.clone())
            // Without the name: it would be words of the inviting person in a header.
            .to(Mailbox::new(None, to))
            .subject(letter.subject.clone())
            .date(SystemTime::UNIX_EPOCH + since_1970)
            .message_id(Some(format!("<{id}@{}>", self.from.email.domain())))
            .raw_header(HeaderValue::new(automatic, "auto-generated".to_owned()))
            .header(ContentType::TEXT_PLAIN)
            .body(letter.text.clone())
            .ok()
    }
}

fn failure(error: &SmtpError) -> MailFailure {
    match error.status().map(u16::from) {
        // No such mailbox, in the words of RFC 5321. Other refusals are mostly about us.
        Some(550 | 551 | 553) => MailFailure::Final,
        Some(400..500) => MailFailure::Passing("it is not ready to"),
        Some(_) => MailFailure::Passing("it refuses our credentials or the mail"),
        None if error.is_timeout() => MailFailure::Passing("it did not answer in time"),
        None if error.is_tls() => MailFailure::Passing("no secure connection could be made"),
        None => MailFailure::Passing("it cannot be reached, or broke the connection"),
    }
}

/// Proof that mail can be sent: nothing is enqueued without. It knows how long tokens are good.
#[derive(Debug, Clone, Copy)]
pub struct MailConfigured {
    invitation: TimeDelta,
    password_reset: TimeDelta,
}

impl MailConfigured {
    /// Is there a mail server?
    ///
    /// # Errors
    /// `mail_not_configured`.
    pub fn check(settings: &Settings) -> Result<Self, Refusal> {
        if settings.mail.smtp_url.is_none() {
            return Err(Code::MailNotConfigured.into());
        }
        let long = TimeDelta::MAX;
        Ok(Self {
            invitation: TimeDelta::from_std(settings.times.invitation).unwrap_or(long),
            password_reset: TimeDelta::from_std(settings.times.password_reset).unwrap_or(long),
        })
    }

    /// How long a token is good.
    #[must_use]
    pub fn lifetime(self, purpose: TokenPurpose) -> TimeDelta {
        match purpose {
            TokenPurpose::Invitation => self.invitation,
            TokenPurpose::PasswordReset => self.password_reset,
        }
    }
}
