mod access;
mod claims;
mod paging;
mod races;
mod whole_conversation;
