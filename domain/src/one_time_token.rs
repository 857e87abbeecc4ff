//! Tokens that are mailed to a member and used once.

use crate::text_enum::text_enum;

text_enum! {
    /// What a one-time token is good for.
    pub enum TokenPurpose {
        /// An invited member sets its first password.
        Invitation = "invitation",
        /// A member that forgot its password sets a new one.
        PasswordReset = "password_reset",
    }
}
