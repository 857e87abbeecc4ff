mod access;
mod claims;
mod lists;
mod paging;
mod races;
mod whole_conversation;
