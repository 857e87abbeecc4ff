mod access;
mod claims;
mod lists;
mod paging;
mod whole_conversation;
