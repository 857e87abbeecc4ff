//! The rules of Tanggap: what is true without a database and without HTTP.
//!
//! Nothing here is asynchronous, reads a clock or makes randomness: times and ids are arguments.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

pub mod access;
pub mod actor;
pub mod agent;
pub mod attachment;
pub mod audit;
pub mod capability;
pub mod channel;
pub mod contact;
pub mod conversation;
pub mod event;
pub mod id;
pub mod inbound;
pub mod input;
pub mod interactive;
pub mod job;
pub mod location;
pub mod message;
pub mod notification;
pub mod one_time_token;
pub mod outbound;
pub mod reaction;
pub mod refusal;
pub mod reply_window;
pub mod resource;
pub mod routing;
pub mod search;
pub mod sign_in_throttle;
pub mod template;
pub mod text_enum;
pub mod ticket;
pub mod time;
pub mod timer;
pub mod webhook;
