mod idempotency;
mod sending;
mod sending_breaks;
