//! The sandbox from outside: a real server, a real receiver, real requests.

mod customers;
mod faults;
mod graph_refusals;
mod receiver;
mod retries;
mod setup;
mod statuses;
mod telegram;
