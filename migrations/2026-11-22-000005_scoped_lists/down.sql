DROP INDEX tickets_by_agent_and_channel;
DROP INDEX tickets_by_channel;
ALTER TABLE tickets DROP COLUMN channel_id;

DROP INDEX conversations_by_division;
CREATE INDEX conversations_by_division ON conversations (workspace_id, division_id) WHERE division_id IS NOT NULL;
DROP INDEX conversations_by_assignee_and_channel;
DROP INDEX conversations_by_assignee;
CREATE INDEX conversations_by_assignee ON conversations (workspace_id, assignee_id, last_activity_at DESC, id DESC)
    WHERE assignee_id IS NOT NULL;
DROP INDEX conversations_by_channel;
CREATE INDEX conversations_by_channel ON conversations (workspace_id, channel_id);
CREATE INDEX conversations_archived ON conversations (workspace_id, last_activity_at DESC, id DESC)
    WHERE archived_at IS NOT NULL;
CREATE INDEX conversations_unassigned ON conversations (workspace_id, last_activity_at DESC, id DESC)
    WHERE assignee_id IS NULL AND archived_at IS NULL;
CREATE INDEX conversations_by_activity ON conversations (workspace_id, last_activity_at DESC, id DESC)
    WHERE archived_at IS NULL;
DROP INDEX conversations_by_shelf;
ALTER TABLE conversations DROP COLUMN shelf, DROP CONSTRAINT conversations_resolved_wait_for_nobody;
