-- Tickets and contacts as lists; what members are to know of.

-- How a ticket stands is a part of each run, as the shelf is for conversations: whatever is asked for lies in one piece,
-- newest first. A ticket moves in these indexes twice in its life, so they cost messages nothing.
ALTER TABLE tickets ADD COLUMN status text COLLATE "C" NOT NULL GENERATED ALWAYS AS (
    CASE WHEN closed_at IS NOT NULL THEN 'resolved' WHEN answered_at IS NOT NULL THEN 'answered' ELSE 'open' END) STORED;
CREATE INDEX tickets_by_status ON tickets (workspace_id, status, opened_at DESC, id DESC);
DROP INDEX tickets_by_opening;
DROP INDEX tickets_by_channel;
CREATE INDEX tickets_by_channel ON tickets (workspace_id, channel_id, status, opened_at DESC, id DESC);
DROP INDEX tickets_by_agent;
CREATE INDEX tickets_by_agent ON tickets (workspace_id, agent_id, status, opened_at DESC, id DESC);
DROP INDEX tickets_by_agent_and_channel;
CREATE INDEX tickets_by_agent_and_channel ON tickets (workspace_id, agent_id, channel_id, status, opened_at DESC, id DESC);

-- Contacts in the order of their names. A folded name may be longer than an index takes; its beginning will do.
CREATE INDEX contacts_by_name ON contacts (workspace_id, left(search_name, 100) COLLATE "C", id);
CREATE INDEX contacts_blocked ON contacts (workspace_id, left(search_name, 100) COLLATE "C", id) WHERE blocked_at IS NOT NULL;

ALTER TABLE notifications
    ADD COLUMN channel_id uuid,
    ADD FOREIGN KEY (workspace_id, channel_id) REFERENCES channels (workspace_id, id) ON DELETE CASCADE;
CREATE INDEX notifications_by_channel ON notifications (workspace_id, channel_id) WHERE channel_id IS NOT NULL;
ALTER TABLE notifications DROP CONSTRAINT notifications_kind_check;
ALTER TABLE notifications ADD CONSTRAINT notifications_kind_check
    CHECK (kind IN ('assigned', 'transferred', 'handed_over', 'unanswered', 'new_message', 'channel_attention'));
-- A member is told once that there are new messages in a conversation, until it has read that.
CREATE UNIQUE INDEX notifications_one_new_message ON notifications (workspace_id, conversation_id, agent_id)
    WHERE kind = 'new_message' AND read_at IS NULL;

-- How a member wants to be told. Who has said nothing has no row.
CREATE TABLE notification_preferences (
    workspace_id  uuid NOT NULL,
    agent_id      uuid NOT NULL,
    sound         boolean NOT NULL,
    toast         boolean NOT NULL,
    muted_kinds   text[] NOT NULL CHECK (muted_kinds <@ ARRAY['assigned', 'transferred', 'handed_over', 'unanswered',
                                                              'new_message', 'channel_attention']),
    version       bigint NOT NULL,
    PRIMARY KEY (workspace_id, agent_id),
    FOREIGN KEY (workspace_id, agent_id) REFERENCES agents (workspace_id, id) ON DELETE CASCADE
);
