-- Lists that read about as many rows as they show, whatever the reader may see.
--
-- A list is put together from runs: stretches of an index that hold, newest first, nothing but what the reader may
-- see. The shelf is the part of a run that a conversation chooses itself: how it stands, and whether it is archived.
-- "directed" is waiting for a division: who is kept to an allocation sees those of its own divisions only.
--
-- Every message moves its conversation in each of these indexes, so they were chosen to be few. What a message writes
-- for a conversation, besides the key, the identity and the contact: before, by_channel, by_activity and one of
-- by_assignee and unassigned; from now on by_channel and by_shelf, and for a held one by_assignee and
-- by_assignee_and_channel. One more for a held conversation, one less for any other.
-- The previous release's lists stay right without the indexes dropped here; they sort what they read until it is gone.

-- A resolved conversation waits for no division; the shelf counts on it.
ALTER TABLE conversations
    ADD CONSTRAINT conversations_resolved_wait_for_nobody CHECK (session_id IS NOT NULL OR division_id IS NULL),
    ADD COLUMN shelf text COLLATE "C" NOT NULL GENERATED ALWAYS AS (
        CASE WHEN archived_at IS NULL THEN '' ELSE 'archived_' END
        || CASE WHEN assignee_id IS NOT NULL THEN 'answered'
                WHEN session_id IS NULL THEN 'resolved'
                WHEN division_id IS NULL THEN 'open'
                ELSE 'directed' END) STORED;

-- For who sees everything: a run for each shelf of a tab.
CREATE INDEX conversations_by_shelf ON conversations (workspace_id, shelf, last_activity_at DESC, id DESC);
DROP INDEX conversations_by_activity;
DROP INDEX conversations_unassigned;
DROP INDEX conversations_archived;

-- For who is kept to some channels, and for lists of a channel.
DROP INDEX conversations_by_channel;
CREATE INDEX conversations_by_channel ON conversations (workspace_id, channel_id, shelf, last_activity_at DESC, id DESC);

-- For what one holds, and for what supervised agents hold.
DROP INDEX conversations_by_assignee;
CREATE INDEX conversations_by_assignee ON conversations (workspace_id, assignee_id, shelf, last_activity_at DESC, id DESC)
    WHERE assignee_id IS NOT NULL;
-- The same on some channels only. Neither of the two before will do: of what one agent holds little may be on the channel,
-- and of what is on the channel little may be held by the agent.
CREATE INDEX conversations_by_assignee_and_channel
    ON conversations (workspace_id, assignee_id, channel_id, shelf, last_activity_at DESC, id DESC)
    WHERE assignee_id IS NOT NULL;

-- For what waits for a division on one's channels. Few conversations have a division.
DROP INDEX conversations_by_division;
CREATE INDEX conversations_by_division
    ON conversations (workspace_id, division_id, channel_id, shelf, last_activity_at DESC, id DESC)
    WHERE division_id IS NOT NULL;

-- A ticket's channel is its conversation's, which never changes. Written here too, so that a list of some channels' tickets
-- needs no look at the conversations of others. Null only for what the previous release opens beside this one; the next
-- change of such a ticket fills it.
ALTER TABLE tickets ADD COLUMN channel_id uuid;
UPDATE tickets t SET channel_id = c.channel_id FROM conversations c
WHERE c.workspace_id = t.workspace_id AND c.id = t.conversation_id;
ALTER TABLE tickets ADD FOREIGN KEY (workspace_id, channel_id) REFERENCES channels (workspace_id, id) ON DELETE RESTRICT;
-- Tickets are opened once per session and keep their place: two more indexes cost messages nothing.
CREATE INDEX tickets_by_channel ON tickets (workspace_id, channel_id, opened_at DESC, id DESC);
CREATE INDEX tickets_by_agent_and_channel ON tickets (workspace_id, agent_id, channel_id, opened_at DESC, id DESC);
