DROP TABLE notification_preferences;
DROP INDEX notifications_one_new_message;
DELETE FROM notifications WHERE kind IN ('new_message', 'channel_attention');
ALTER TABLE notifications DROP CONSTRAINT notifications_kind_check;
ALTER TABLE notifications ADD CONSTRAINT notifications_kind_check
    CHECK (kind IN ('assigned', 'transferred', 'handed_over', 'unanswered'));
ALTER TABLE notifications DROP COLUMN channel_id;

DROP INDEX contacts_blocked;
DROP INDEX contacts_by_name;

DROP INDEX tickets_by_agent_and_channel;
DROP INDEX tickets_by_agent;
DROP INDEX tickets_by_channel;
DROP INDEX tickets_by_status;
ALTER TABLE tickets DROP COLUMN status;
CREATE INDEX tickets_by_opening ON tickets (workspace_id, opened_at DESC, id DESC);
CREATE INDEX tickets_by_agent ON tickets (workspace_id, agent_id, opened_at DESC, id DESC);
CREATE INDEX tickets_by_channel ON tickets (workspace_id, channel_id, opened_at DESC, id DESC);
CREATE INDEX tickets_by_agent_and_channel ON tickets (workspace_id, agent_id, channel_id, opened_at DESC, id DESC);
