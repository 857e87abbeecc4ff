mod managing;
mod provider;
mod reply_window;
mod sending;
mod starting;
