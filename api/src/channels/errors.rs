//! What the providers' error codes mean: one table per provider.

use std::time::Duration;

use domain::inbound::ProviderError;

use super::outbound::{FailureClass, SendFailure};

/// What an error means here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Verdict {
    class: FailureClass,
    code: &'static str,
    detail: &'static str,
}

impl Verdict {
    pub(super) fn failure(self, provider: ProviderError, retry_after: Option<Duration>) -> SendFailure {
        SendFailure { class: self.class, code: self.code, provider, detail: self.detail, retry_after }
    }
}

macro_rules! verdicts {
    ($($name:ident = $class:ident $code:literal $detail:literal;)+) => {$(
        pub(super) const $name: Verdict = Verdict {
            class: FailureClass::$class,
            code: $code,
            detail: $detail,
        };
    )+

        /// Every reason that a failure can name.
        #[cfg(test)]
        pub(super) const ALL: &[Verdict] = &[$($name),+];
    };
}

verdicts! {
    RATE_LIMITED = Retry "rate_limited"
        "The provider takes messages more slowly than they were sent. The message goes out by itself in a moment.";
    PROVIDER_UNAVAILABLE = Retry "provider_unavailable"
        "The provider has a problem at the moment. The message is sent again by itself.";
    FILE_UNAVAILABLE = Retry "file_unavailable"
        "The file could not be read here at the moment. The message is sent again by itself.";

    CALLBACK_FAILED = Retry "callback_failed"
        "The server behind this channel did not take the message. It is handed over again by itself for about three days; after that tell an administrator.";

    SPAM_LIMITED = RetryLater "spam_limited"
        "The provider slows this number down because customers blocked or reported it. Wait at least a day before you send again.";
    MARKETING_LIMITED = RetryLater "marketing_limited"
        "The customer gets no more marketing messages for now. Wait at least a day, or wait until the customer writes.";
    RECIPIENT_IN_EXPERIMENT = RetryLater "recipient_in_experiment"
        "The provider withholds marketing messages from this customer for a test. Wait until the customer writes.";

    REPLY_WINDOW_CLOSED = Final "reply_window_closed"
        "The time to answer this customer freely is over. Use an approved template, or wait until the customer writes again.";
    RECIPIENT_UNREACHABLE = Final "recipient_unreachable"
        "The customer cannot get this message now. Ask for another way to reach the customer.";
    RECIPIENT_BLOCKED = Final "recipient_blocked"
        "The customer blocked this account. Nothing can be sent until the customer unblocks it.";
    RECIPIENT_UNKNOWN = Final "recipient_unknown"
        "The provider does not know this customer. Check the contact, or wait until the customer writes.";
    RECIPIENT_IS_SENDER = Final "recipient_is_sender"
        "The recipient is the number that sends. Choose another recipient.";
    RECIPIENT_NOT_ALLOWED = Final "recipient_not_allowed"
        "This is a test number, which may write to listed recipients only. An administrator has to add the recipient to the list.";
    RECIPIENT_OPTED_OUT = Final "recipient_opted_out"
        "The customer does not want marketing messages from this account. Do not send them any more.";
    RECIPIENT_NEEDS_PHONE = Final "recipient_needs_phone"
        "This kind of message can be sent to a phone number only, and the customer's is not known. Ask the customer for it.";
    RECIPIENT_COUNTRY_RESTRICTED = Final "recipient_country_restricted"
        "This account may not write to customers of this country.";
    TEMPLATE_REJECTED = Final "template_rejected"
        "The template does not exist, is not approved, or does not fit what was filled in. Check the template and its parameters.";
    TEMPLATE_PAUSED = Final "template_paused"
        "The provider paused this template because of its quality. Use another one.";
    TEMPLATE_DISABLED = Final "template_disabled"
        "The provider disabled this template for good. Use another one.";
    MEDIA_REJECTED = Final "media_rejected"
        "The provider could not take the file. Check its type and size and send it anew.";
    FILE_LOST = Final "file_lost"
        "The file is not here any more. Upload it again and send it anew.";
    MESSAGE_REJECTED = Final "message_rejected"
        "The provider did not accept this message. Change it, or tell an administrator what the provider says.";
    MESSAGE_TOO_LONG = Final "message_too_long"
        "The text is longer than the provider takes. Send it in parts.";

    CALLBACK_REJECTED = Final "callback_rejected"
        "The server behind this channel did not accept this message. Change it, or tell an administrator.";

    CALLBACK_UNAUTHORIZED = ChannelStopped "callback_unauthorized"
        "The server behind this channel does not accept our signature. An administrator has to give it the signing secret and enter the callback again; waiting messages are kept.";
    CALLBACK_GONE = ChannelStopped "callback_gone"
        "The server behind this channel says that its callback is gone. An administrator has to enter another one; waiting messages are kept.";
    CALLBACK_NOT_ALLOWED = ChannelStopped "callback_not_allowed"
        "This channel's callback leads to an address that may not be called. An administrator has to enter another one; waiting messages are kept.";
    CHANNEL_UNAUTHORIZED = ChannelStopped "channel_unauthorized"
        "The provider no longer accepts this channel's access. An administrator has to connect it anew; waiting messages are kept.";
    CHANNEL_MISCONFIGURED = ChannelStopped "channel_misconfigured"
        "This channel's settings cannot be used. An administrator has to correct them; waiting messages are kept.";
    ACCOUNT_RESTRICTED = ChannelStopped "account_restricted"
        "The provider restricted the account. An administrator has to settle it with the provider; waiting messages are kept.";
    ACCOUNT_PAYMENT = ChannelStopped "account_payment_required"
        "The provider wants the account's payment settled. An administrator has to do that; waiting messages are kept.";
    NUMBER_UNREGISTERED = ChannelStopped "number_not_registered"
        "The number is not registered with the provider. An administrator has to register it; waiting messages are kept.";
}

/// WhatsApp (Meta, "support/error-codes", Dec 2025; HTTP status in brackets where it is not 400).
pub(super) fn whatsapp(code: i64) -> Option<Verdict> {
    Some(match code {
        // 80007 and 4: of the account and the app; 130429: of the number; 131056: of the recipient.
        4 | 80007 | 130429 | 131056 => RATE_LIMITED,
        // 2 (503), 131000 (500), 131016 (500), 131057 (500, maintenance), 133004 (503).
        2 | 131000 | 131016 | 131057 | 133004 => PROVIDER_UNAVAILABLE,
        131048 | 131064 => SPAM_LIMITED,
        131049 => MARKETING_LIMITED,
        130472 => RECIPIENT_IN_EXPERIMENT,
        131047 => REPLY_WINDOW_CLOSED,
        131026 => RECIPIENT_UNREACHABLE,
        131021 => RECIPIENT_IS_SENDER,
        131030 => RECIPIENT_NOT_ALLOWED,
        131050 => RECIPIENT_OPTED_OUT,
        131062 => RECIPIENT_NEEDS_PHONE,
        130497 => RECIPIENT_COUNTRY_RESTRICTED,
        // 132001 comes with 404.
        132000 | 132001 | 132005 | 132007 | 132008 | 132012 | 132068 | 132069 => TEMPLATE_REJECTED,
        132015 => TEMPLATE_PAUSED,
        132016 => TEMPLATE_DISABLED,
        131052 | 131053 => MEDIA_REJECTED,
        33 | 100 | 131008 | 131009 | 131051 | 135000 => MESSAGE_REJECTED,
        // 0 and 190 (401), 200 to 299 (403).
        0 | 3 | 10 | 190 | 200..=299 | 131005 => CHANNEL_UNAUTHORIZED,
        368 | 131031 => ACCOUNT_RESTRICTED,
        131042 => ACCOUNT_PAYMENT,
        131045 | 133010 => NUMBER_UNREGISTERED,
        _ => return None,
    })
}

/// Messenger (Meta, "messenger-platform/error-codes", Mar 2026). The sub-code decides first.
pub(super) fn messenger(code: i64, subcode: i64) -> Option<Verdict> {
    Some(match (code, subcode) {
        (10, 2018278 | 2018065 | 2534022) => REPLY_WINDOW_CLOSED,
        // Meta's page on sending calls 1545041 "window closed", its page on errors "not available":
        // 10/2018278 is taken as the only sign of the window.
        (_, 1545041 | 2018108) | (551, _) => RECIPIENT_UNREACHABLE,
        (100, 2018001) => RECIPIENT_UNKNOWN,
        (100, 2018047 | 2018109) => MEDIA_REJECTED,
        (4 | 17 | 32 | 613, _) => RATE_LIMITED,
        (2 | 1200, _) => PROVIDER_UNAVAILABLE,
        (100, _) => MESSAGE_REJECTED,
        (3 | 10 | 190 | 200..=299, _) => CHANNEL_UNAUTHORIZED,
        (368, _) => ACCOUNT_RESTRICTED,
        _ => return None,
    })
}

/// Telegram: `error_code` and, as that is no more than an HTTP status, its words (tdlib's
/// telegram-bot-api 10.0). Bots are told nothing of retry classes: only 429 and 5xx are worth one.
pub(super) fn telegram(code: i64, description: &str) -> Verdict {
    let words = description.to_ascii_lowercase();
    let says = |part: &str| words.contains(part);
    match code {
        429 => RATE_LIMITED,
        500..=599 => PROVIDER_UNAVAILABLE,
        // A token that never was is answered 404, one that was taken back 401.
        401 | 404 => CHANNEL_UNAUTHORIZED,
        403 if says("blocked by the user") => RECIPIENT_BLOCKED,
        // Deactivated, or never started the bot.
        403 => RECIPIENT_UNREACHABLE,
        400 if says("chat not found") || says("peer_id_invalid") || says("user not found") => {
            RECIPIENT_UNKNOWN
        }
        400 if says("message is too long") => MESSAGE_TOO_LONG,
        _ => MESSAGE_REJECTED,
    }
}

/// What an error of Meta's means that is in no table: a server's fault is worth another try.
pub(super) fn unlisted(status: u16, transient: bool) -> Verdict {
    match status {
        429 => RATE_LIMITED,
        500..=599 => PROVIDER_UNAVAILABLE,
        _ if transient => PROVIDER_UNAVAILABLE,
        _ => MESSAGE_REJECTED,
    }
}

/// What the error in a `failed` status of WhatsApp means; the message had been accepted before.
#[must_use]
pub fn whatsapp_status(error: ProviderError) -> SendFailure {
    let known = error.code.parse().ok().and_then(whatsapp);
    known.unwrap_or(MESSAGE_REJECTED).failure(error, None)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use domain::inbound::ProviderError;

    use super::{ALL, messenger, telegram, whatsapp, whatsapp_status};
    use crate::channels::FailureClass::{self, ChannelStopped, Final, Retry, RetryLater};

    #[test]
    fn every_reason_has_its_own_word_and_tells_what_to_do() {
        let codes: BTreeSet<_> = ALL.iter().map(|verdict| verdict.code).collect();
        assert_eq!(codes.len(), ALL.len());
        for verdict in ALL {
            let snake = |c: char| c.is_ascii_lowercase() || c == '_';
            assert!(verdict.code.chars().all(snake), "{}", verdict.code);
            assert!(verdict.detail.ends_with('.'), "{}", verdict.code);
        }
    }

    #[test]
    fn whatsapp_codes_are_in_their_classes() {
        let classes: [(FailureClass, &[i64]); 4] = [
            (Retry, &[130429, 131056, 80007, 4, 131016, 131000, 2, 133004, 131057]),
            (RetryLater, &[131049, 130472, 131048]),
            (
                Final,
                &[
                    131047, 131026, 131021, 131030, 131050, 131062, 130497, 132000, 132001, 132005, 132007,
                    132008, 132012, 132015, 132016, 132068, 132069, 100, 131008, 131009, 131051, 131053,
                    131052, 135000, 33,
                ],
            ),
            (ChannelStopped, &[190, 0, 3, 10, 200, 299, 131005, 368, 131031, 131042, 131045, 133010]),
        ];
        for (class, codes) in classes {
            for code in codes {
                assert_eq!(whatsapp(*code).map(|verdict| verdict.class), Some(class), "{code}");
            }
        }
        assert_eq!(whatsapp(999_999), None);
    }

    #[test]
    fn messenger_codes_are_told_apart_by_their_sub_codes() {
        let cases = [
            (10, 2018278, "reply_window_closed"),
            (10, 2534022, "reply_window_closed"),
            (10, 2018108, "recipient_unreachable"),
            (551, 1545041, "recipient_unreachable"),
            (200, 1545041, "recipient_unreachable"),
            (100, 2018001, "recipient_unknown"),
            (100, 2018109, "media_rejected"),
            (100, 0, "message_rejected"),
            (4, 2018022, "rate_limited"),
            (613, 0, "rate_limited"),
            (190, 463, "channel_unauthorized"),
            (10, 0, "channel_unauthorized"),
            (230, 0, "channel_unauthorized"),
            (1200, 0, "provider_unavailable"),
        ];
        for (code, subcode, expected) in cases {
            let found = messenger(code, subcode).map(|verdict| verdict.code);
            assert_eq!(found, Some(expected), "{code}/{subcode}");
        }
    }

    #[test]
    fn telegram_words_are_understood() {
        let cases = [
            (403, "Forbidden: bot was blocked by the user", "recipient_blocked"),
            (403, "Forbidden: user is deactivated", "recipient_unreachable"),
            (403, "Forbidden: bot can't initiate conversation with a user", "recipient_unreachable"),
            (400, "Bad Request: chat not found", "recipient_unknown"),
            (400, "Bad Request: message is too long", "message_too_long"),
            (400, "Bad Request: message text is empty", "message_rejected"),
            (401, "Unauthorized", "channel_unauthorized"),
            (404, "Not Found", "channel_unauthorized"),
            (409, "Conflict: can't use getUpdates", "message_rejected"),
            (429, "Too Many Requests: retry after 5", "rate_limited"),
            (500, "Internal Server Error: restart", "provider_unavailable"),
        ];
        for (code, words, expected) in cases {
            assert_eq!(telegram(code, words).code, expected, "{code} {words}");
        }
    }

    #[test]
    fn a_failed_status_is_explained() {
        let of =
            |code: &str| whatsapp_status(ProviderError { code: code.to_owned(), detail: "x".to_owned() });
        assert_eq!((of("131047").class, of("131047").code), (Final, "reply_window_closed"));
        assert_eq!(of("unknown").code, "message_rejected");
    }
}
