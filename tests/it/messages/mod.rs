mod files;
mod gestures;
mod idempotency;
mod kinds;
mod samples;
mod sending;
mod sending_breaks;
