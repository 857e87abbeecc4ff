//! Files on their way in and out: what their bytes are, taking them in, links to them, and forgetting them.

mod content_type;
mod forget;
mod intake;
pub mod link;

pub use forget::{forget, forget_unsent};
pub(crate) use intake::pixels;
pub use intake::{Intake, IntakeError, Received};
