//! What each provider speaks, in and out.
