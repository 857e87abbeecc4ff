//! Why something is not done: a stable code, and what the sentence about it needs.

use std::fmt;

use crate::resource::TemplateRef;
use crate::text_enum::text_enum;

text_enum! {
    /// Every reason a caller can be told. Clients match on these words; they never change meaning.
    /// Status, title and sentence per code stand in one table, `api::http::problem`.
    pub enum Code {
        /// The body is not JSON.
        MalformedJson = "malformed_json",
        /// The request line, a header or the path cannot be understood.
        MalformedRequest = "malformed_request",
        /// No credentials came with the call.
        MissingCredentials = "missing_credentials",
        /// The access token is not one of ours, is of another kind, or its sign-in has ended.
        InvalidToken = "invalid_token",
        /// The link to a file is not one of ours, or has run out.
        InvalidLink = "invalid_link",
        /// The access token has run out.
        TokenExpired = "token_expired",
        /// E-mail and password do not match an active agent.
        InvalidCredentials = "invalid_credentials",
        /// The refresh token is not one of ours, or its sign-in has ended.
        InvalidRefreshToken = "invalid_refresh_token",
        /// The refresh token had been exchanged before: the whole sign-in is ended.
        RefreshTokenReused = "refresh_token_reused",
        /// The token of an invitation or a password reset is not one of ours, used, void or too old.
        InvalidOneTimeToken = "invalid_one_time_token",
        /// The signature or secret of a provider's webhook is wrong.
        InvalidSignature = "invalid_signature",
        /// The caller may know of the thing, but not do this.
        Forbidden = "forbidden",
        /// The API key lacks the scope for this.
        ScopeMissing = "scope_missing",
        /// The browser page's origin is not on the list.
        OriginNotAllowed = "origin_not_allowed",
        /// Unknown, or hidden from the caller.
        NotFound = "not_found",
        /// The path exists, the method does not.
        MethodNotAllowed = "method_not_allowed",
        /// Another agent holds the conversation.
        AlreadyHeld = "already_held",
        /// Nobody holds the conversation.
        NotHeld = "not_held",
        /// The conversation is resolved already.
        AlreadyResolved = "already_resolved",
        /// The reply window of the channel is closed.
        ReplyWindowClosed = "reply_window_closed",
        /// The contact is shut out: nothing is sent to it.
        ContactBlocked = "contact_blocked",
        /// Nothing can be put on this message: the provider does not have it.
        NotReactable = "not_reactable",
        /// Only a failed message, or one whose fate is unknown, can be sent again.
        NotRetryable = "not_retryable",
        /// Another workspace has this slug.
        SlugTaken = "slug_taken",
        /// Another agent of the workspace has this e-mail address.
        EmailTaken = "email_taken",
        /// Another thing of the kind has this name.
        NameTaken = "name_taken",
        /// The workspace would be left without an active admin.
        LastAdmin = "last_admin",
        /// Only members with the role `agent` have a supervisor.
        NotSupervisable = "not_supervisable",
        /// The member has left the team: it can be read, not changed.
        AgentLeft = "agent_left",
        /// The member has set its password already: there is nothing to invite it to.
        AlreadyJoined = "already_joined",
        /// The installation has no mail server, so nothing can be mailed to anybody.
        MailNotConfigured = "mail_not_configured",
        /// The file was sent already: it belongs to its message.
        AttachmentSent = "attachment_sent",
        /// The account is connected to this workspace already.
        ChannelExists = "channel_exists",
        /// The channel has another distribution policy; `errors` says which channel.
        ChannelHasPolicy = "channel_has_policy",
        /// Another contact has this phone number; `errors` says which, if the caller may know.
        ContactExists = "contact_exists",
        /// The contact has conversations, so it stays.
        ContactHasConversations = "contact_has_conversations",
        /// The contacts have more different attributes than a file can have columns.
        TooManyAttributes = "too_many_attributes",
        /// The conversation has as many labels as it can have.
        TooManyLabels = "too_many_labels",
        /// The workspace has as many webhook endpoints as it can have.
        TooManyWebhookEndpoints = "too_many_webhook_endpoints",
        /// The event is no longer kept.
        EventExpired = "event_expired",
        /// The member has uploaded as many files as may wait to be sent.
        TooManyUploads = "too_many_uploads",
        /// The thing has changed since the caller read it.
        VersionMismatch = "version_mismatch",
        /// The body is larger than allowed.
        PayloadTooLarge = "payload_too_large",
        /// The file has no bytes in the range that was asked for.
        RangeNotSatisfiable = "range_not_satisfiable",
        /// The body is not of the media type that the operation takes.
        UnsupportedMediaType = "unsupported_media_type",
        /// Something in the request has the wrong type or value; `errors` says what.
        ValidationFailed = "validation_failed",
        /// The range has more decisions of routing than can be simulated at once.
        RangeTooLarge = "range_too_large",
        /// The cursor is not one of this list.
        InvalidCursor = "invalid_cursor",
        /// The key came before with another request.
        IdempotencyKeyReused = "idempotency_key_reused",
        /// The same request is still being worked on.
        IdempotencyKeyInUse = "idempotency_key_in_use",
        /// More than one workspace knows this e-mail address: name the workspace.
        WorkspaceRequired = "workspace_required",
        /// The agent cannot be given conversations by this caller.
        NotAssignable = "not_assignable",
        /// The provider has not approved the template, or stopped it.
        TemplateNotAccepted = "template_not_accepted",
        /// The template may not start a conversation, nor open one again.
        TemplateNotInitiating = "template_not_initiating",
        /// The provider takes no change of the template as it stands.
        TemplateNotChangeable = "template_not_changeable",
        /// The channel has a template of this name and language.
        TemplateExists = "template_exists",
        /// The customer wants no marketing messages.
        ContactOptedOut = "contact_opted_out",
        /// Too many wrong passwords.
        TooManyRequests = "too_many_requests",
        /// The credential has used up its calls for the moment.
        RateLimited = "rate_limited",
        /// A fault of ours.
        Internal = "internal",
        /// The database is away or busy; the same call may succeed soon.
        Unavailable = "unavailable",
    }
}

/// A refusal: nothing was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The stable reason.
    pub code: Code,
    /// What the sentence for people names: `("holder", "Siti")`.
    pub params: Vec<(&'static str, String)>,
    /// What exactly is wrong with the request, for `validation_failed`; what it is about, for some others.
    pub errors: Vec<FieldError>,
    /// In how many seconds the same call may succeed, where that is known.
    pub retry_after_seconds: Option<u64>,
    /// What may be sent in place of what was refused, for `reply_window_closed`.
    pub templates: Vec<TemplateRef>,
}

/// One thing that is wrong with a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    /// JSON pointer into the body (`/admin/email`), or the name of a parameter (`?limit`).
    pub pointer: String,
    /// The stable reason.
    pub code: &'static str,
    /// One sentence.
    pub detail: String,
}

impl Refusal {
    /// A refusal that needs no words of its own.
    #[must_use]
    pub fn new(code: Code) -> Self {
        Self {
            code,
            params: Vec::new(),
            errors: Vec::new(),
            retry_after_seconds: None,
            templates: Vec::new(),
        }
    }

    /// Adds a word that the sentence names.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl fmt::Display) -> Self {
        self.params.push((name, value.to_string()));
        self
    }

    /// Says which part of the request it is about.
    #[must_use]
    pub fn at(mut self, pointer: impl Into<String>, code: &'static str, detail: impl Into<String>) -> Self {
        self.errors.push(FieldError { pointer: pointer.into(), code, detail: detail.into() });
        self
    }

    /// Says in how many seconds the same call may succeed.
    #[must_use]
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after_seconds = Some(seconds);
        self
    }

    /// A request with something wrong in it.
    #[must_use]
    pub fn invalid(pointer: impl Into<String>, code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(Code::ValidationFailed).at(pointer, code, detail)
    }
}

impl From<Code> for Refusal {
    fn from(code: Code) -> Self {
        Self::new(code)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "refused: {}", self.code)?;
        for error in &self.errors {
            write!(f, "; {} {}: {}", error.pointer, error.code, error.detail)?;
        }
        Ok(())
    }
}

impl std::error::Error for Refusal {}
