//! The sandbox's own calls: play the customer, script faults, look.

pub(super) mod channels;
pub(super) mod compose;
pub(super) mod customers;
pub(super) mod faults;
pub(super) mod help;
pub(super) mod refusal;
pub(super) mod select;
pub(super) mod templates;
pub(super) mod write;
