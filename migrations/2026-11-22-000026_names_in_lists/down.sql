CREATE OR REPLACE FUNCTION place_label() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    SELECT c.channel_id, c.shelf, c.last_activity_at INTO NEW.channel_id, NEW.shelf, NEW.last_activity_at
    FROM conversations c WHERE c.workspace_id = NEW.workspace_id AND c.id = NEW.conversation_id FOR SHARE;
    RETURN NEW;
END
$$;
DROP TRIGGER name_new_ticket ON tickets;
DROP FUNCTION name_ticket();
DROP TRIGGER rename_within_conversation ON conversations;
DROP FUNCTION rename_within_conversation();
DROP TRIGGER rename_conversations ON contacts;
DROP FUNCTION rename_conversations();
DROP TRIGGER name_moved_conversation ON conversations;
DROP TRIGGER name_new_conversation ON conversations;
DROP FUNCTION name_conversation();

DROP INDEX tickets_by_agent_and_channel;
CREATE INDEX tickets_by_agent_and_channel ON tickets (workspace_id, agent_id, channel_id, status, opened_at DESC, id DESC);
DROP INDEX tickets_by_agent;
CREATE INDEX tickets_by_agent ON tickets (workspace_id, agent_id, status, opened_at DESC, id DESC);
DROP INDEX tickets_by_channel;
CREATE INDEX tickets_by_channel ON tickets (workspace_id, channel_id, status, opened_at DESC, id DESC);
DROP INDEX tickets_by_status;
CREATE INDEX tickets_by_status ON tickets (workspace_id, status, opened_at DESC, id DESC);
DROP INDEX conversation_labels_by_activity;
CREATE INDEX conversation_labels_by_activity
    ON conversation_labels (workspace_id, label_id, channel_id, shelf, last_activity_at DESC, conversation_id DESC);
DROP INDEX conversations_unread;
CREATE INDEX conversations_unread ON conversations (workspace_id, shelf, last_activity_at DESC, id DESC) WHERE unread_count > 0;
DROP INDEX conversations_by_division;
CREATE INDEX conversations_by_division
    ON conversations (workspace_id, division_id, channel_id, shelf, last_activity_at DESC, id DESC)
    WHERE division_id IS NOT NULL;
DROP INDEX conversations_by_assignee_and_channel;
CREATE INDEX conversations_by_assignee_and_channel
    ON conversations (workspace_id, assignee_id, channel_id, shelf, last_activity_at DESC, id DESC)
    WHERE assignee_id IS NOT NULL;
DROP INDEX conversations_by_assignee;
CREATE INDEX conversations_by_assignee ON conversations (workspace_id, assignee_id, shelf, last_activity_at DESC, id DESC)
    WHERE assignee_id IS NOT NULL;
DROP INDEX conversations_by_channel;
CREATE INDEX conversations_by_channel ON conversations (workspace_id, channel_id, shelf, last_activity_at DESC, id DESC);
DROP INDEX conversations_by_shelf;
CREATE INDEX conversations_by_shelf ON conversations (workspace_id, shelf, last_activity_at DESC, id DESC);

ALTER TABLE tickets DROP COLUMN search_name;
ALTER TABLE conversation_labels DROP COLUMN search_name;
ALTER TABLE conversations DROP COLUMN search_name;
