//! The dry run, on histories that are made by a small team which routes by itself.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod simulation {
    mod drafts;
    mod properties;
    mod reality;
}
