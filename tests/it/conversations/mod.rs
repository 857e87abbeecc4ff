mod whole_conversation;
