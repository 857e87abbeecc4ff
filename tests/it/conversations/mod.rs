mod access;
mod claims;
mod paging;
mod whole_conversation;
