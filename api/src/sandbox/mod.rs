//! Stand-ins for the providers, to develop and test against.
