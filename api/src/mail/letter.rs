//! What mails say: Indonesian and English in one.

use domain::one_time_token::TokenPurpose;
use persistence::one_time_tokens;

use crate::auth::keys::Keys;
use crate::auth::one_time_token::OneTimeToken;

/// A mail, ready to be sent. It has no `Debug`: its text signs somebody in.
#[derive(Clone)]
pub struct Letter {
    /// The recipient's address.
    pub to: String,
    /// One line.
    pub subject: String,
    /// Plain text.
    pub text: String,
}

impl Letter {
    /// Writes the mail that brings a token. `app_url` is where the pages are that its link names; the
    /// token is in the link's fragment, which browsers send to no server.
    #[must_use]
    pub fn write(keys: &Keys, app_url: &str, token: OneTimeToken, about: &one_time_tokens::Letter) -> Self {
        let (name, workspace) = (one_line(&about.name), one_line(&about.workspace));
        let until = about.expires_at.to_chrono().format("%Y-%m-%d %H:%M UTC");
        let token = token.write(keys);
        let (subject, text) = match about.purpose {
            TokenPurpose::Invitation => (
                format!("Undangan ke {workspace} / Invitation to {workspace}"),
                format!(
                    "Halo {name},\n\n\
                     Anda diundang ke {workspace}. Buka tautan di bawah untuk membuat kata sandi; tautan berlaku sampai \
                     {until}. Abaikan e-mail ini bila Anda tidak menunggu undangan.\n\n\
                     Hello {name},\n\n\
                     you are invited to {workspace}. Open the link below to set a password; it is good until {until}. \
                     Ignore this mail if you do not expect an invitation.\n\n\
                     {app_url}/accept-invite#token={token}\n"
                ),
            ),
            TokenPurpose::PasswordReset => (
                format!("Kata sandi baru untuk {workspace} / New password for {workspace}"),
                format!(
                    "Halo {name},\n\n\
                     Buka tautan di bawah untuk membuat kata sandi baru bagi {workspace}; tautan berlaku sampai {until}. \
                     Abaikan e-mail ini bila Anda tidak memintanya: kata sandi Anda tetap berlaku.\n\n\
                     Hello {name},\n\n\
                     open the link below to set a new password for {workspace}; it is good until {until}. Ignore this mail \
                     if you did not ask for it: your password stays as it is.\n\n\
                     {app_url}/reset-password#token={token}\n"
                ),
            ),
        };
        Self { to: about.email.clone(), subject, text }
    }
}

/// Whatever a name contains, it begins no new line and so no new header.
fn one_line(text: &str) -> String {
    let words: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    words.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::{Letter, one_line};
    use crate::auth::keys::Keys;
    use crate::auth::one_time_token::OneTimeToken;
    use domain::one_time_token::TokenPurpose;
    use domain::time::Timestamp;
    use persistence::one_time_tokens;
    use uuid::Uuid;

    #[test]
    fn the_link_has_the_token_in_its_fragment_and_names_stay_on_their_line() {
        let keys = Keys::from_secret(&"a".repeat(32)).unwrap();
        for (purpose, page) in
            [(TokenPurpose::Invitation, "accept-invite"), (TokenPurpose::PasswordReset, "reset-password")]
        {
            let (workspace_id, id) = (Uuid::from_u128(1).into(), Uuid::from_u128(2).into());
            let token = OneTimeToken { workspace_id, id, purpose };
            let about = one_time_tokens::Letter {
                purpose,
                expires_at: Timestamp::from_unix_seconds(1_795_160_000).unwrap(),
                name: "Siti\r\nBcc: semua@jahat.example".to_owned(),
                email: "siti@toko.example".to_owned(),
                workspace: "Toko\u{85}\nTani".to_owned(),
            };
            let letter = Letter::write(&keys, "https://app.example", token, &about);
            let link = format!("https://app.example/{page}#token={}\n", token.write(&keys));
            assert!(letter.text.ends_with(&link), "{}", letter.text);
            assert!(letter.text.contains("2026-11-20 07:33 UTC"));
            assert!(letter.text.contains("Siti Bcc: semua@jahat.example,"));
            assert!(!letter.subject.contains(['\r', '\n', '\u{85}']) && letter.subject.contains("Toko Tani"));
        }
        assert_eq!(one_line("\0a\u{2028}b "), "a b");
    }
}
