-- The customer's folded name beside what is listed by it: conversations, what has a label, and tickets. The indexes that lists
-- go along have it in them, so that a name which one in a hundred has is looked for without looking at the other ninety-nine.
-- A folded name is at most 1200 bytes, so it fits. Every message moves its conversation in these indexes, by as many entries as
-- before, each longer by a name.
-- It is the contact's and follows it by triggers, which serve the previous release too while it runs beside this one.
ALTER TABLE conversations ADD COLUMN search_name text;
UPDATE conversations c SET search_name = p.search_name FROM contacts p
WHERE p.workspace_id = c.workspace_id AND p.id = c.contact_id;
ALTER TABLE conversation_labels ADD COLUMN search_name text;
UPDATE conversation_labels k SET search_name = c.search_name FROM conversations c
WHERE c.workspace_id = k.workspace_id AND c.id = k.conversation_id;
ALTER TABLE tickets ADD COLUMN search_name text;
UPDATE tickets t SET search_name = c.search_name FROM conversations c
WHERE c.workspace_id = t.workspace_id AND c.id = t.conversation_id;
ALTER TABLE conversations ALTER COLUMN search_name SET NOT NULL;
ALTER TABLE conversation_labels ALTER COLUMN search_name SET NOT NULL;
ALTER TABLE tickets ALTER COLUMN search_name SET NOT NULL;

DROP INDEX conversations_by_shelf;
CREATE INDEX conversations_by_shelf ON conversations (workspace_id, shelf, last_activity_at DESC, id DESC)
    INCLUDE (search_name);
DROP INDEX conversations_by_channel;
CREATE INDEX conversations_by_channel ON conversations (workspace_id, channel_id, shelf, last_activity_at DESC, id DESC)
    INCLUDE (search_name);
DROP INDEX conversations_by_assignee;
CREATE INDEX conversations_by_assignee ON conversations (workspace_id, assignee_id, shelf, last_activity_at DESC, id DESC)
    INCLUDE (search_name) WHERE assignee_id IS NOT NULL;
DROP INDEX conversations_by_assignee_and_channel;
CREATE INDEX conversations_by_assignee_and_channel
    ON conversations (workspace_id, assignee_id, channel_id, shelf, last_activity_at DESC, id DESC)
    INCLUDE (search_name) WHERE assignee_id IS NOT NULL;
DROP INDEX conversations_by_division;
CREATE INDEX conversations_by_division
    ON conversations (workspace_id, division_id, channel_id, shelf, last_activity_at DESC, id DESC)
    INCLUDE (search_name) WHERE division_id IS NOT NULL;
DROP INDEX conversations_unread;
CREATE INDEX conversations_unread ON conversations (workspace_id, shelf, last_activity_at DESC, id DESC)
    INCLUDE (search_name) WHERE unread_count > 0;
DROP INDEX conversation_labels_by_activity;
CREATE INDEX conversation_labels_by_activity
    ON conversation_labels (workspace_id, label_id, channel_id, shelf, last_activity_at DESC, conversation_id DESC)
    INCLUDE (search_name);
DROP INDEX tickets_by_status;
CREATE INDEX tickets_by_status ON tickets (workspace_id, status, opened_at DESC, id DESC) INCLUDE (search_name);
DROP INDEX tickets_by_channel;
CREATE INDEX tickets_by_channel ON tickets (workspace_id, channel_id, status, opened_at DESC, id DESC) INCLUDE (search_name);
DROP INDEX tickets_by_agent;
CREATE INDEX tickets_by_agent ON tickets (workspace_id, agent_id, status, opened_at DESC, id DESC) INCLUDE (search_name);
DROP INDEX tickets_by_agent_and_channel;
CREATE INDEX tickets_by_agent_and_channel ON tickets (workspace_id, agent_id, channel_id, status, opened_at DESC, id DESC)
    INCLUDE (search_name);

-- A conversation that begins, or becomes another contact's, takes its name. Whoever changes the name at that moment waits for
-- the commit, and then finds the conversation.
CREATE FUNCTION name_conversation() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    SELECT p.search_name INTO NEW.search_name FROM contacts p
    WHERE p.workspace_id = NEW.workspace_id AND p.id = NEW.contact_id FOR NO KEY UPDATE;
    -- Without such a contact the foreign key refuses the row.
    NEW.search_name := coalesce(NEW.search_name, '');
    RETURN NEW;
END
$$;
CREATE TRIGGER name_new_conversation BEFORE INSERT ON conversations FOR EACH ROW EXECUTE FUNCTION name_conversation();
CREATE TRIGGER name_moved_conversation BEFORE UPDATE ON conversations FOR EACH ROW
    WHEN (OLD.contact_id <> NEW.contact_id) EXECUTE FUNCTION name_conversation();

CREATE FUNCTION rename_conversations() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM conversations WHERE workspace_id = NEW.workspace_id AND contact_id = NEW.id ORDER BY id FOR NO KEY UPDATE;
    UPDATE conversations SET search_name = NEW.search_name WHERE workspace_id = NEW.workspace_id AND contact_id = NEW.id;
    RETURN NULL;
END
$$;
CREATE TRIGGER rename_conversations AFTER UPDATE ON contacts FOR EACH ROW
    WHEN (OLD.search_name <> NEW.search_name) EXECUTE FUNCTION rename_conversations();

CREATE FUNCTION rename_within_conversation() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE conversation_labels SET search_name = NEW.search_name
    WHERE workspace_id = NEW.workspace_id AND conversation_id = NEW.id;
    UPDATE tickets SET search_name = NEW.search_name WHERE workspace_id = NEW.workspace_id AND conversation_id = NEW.id;
    RETURN NULL;
END
$$;
CREATE TRIGGER rename_within_conversation AFTER UPDATE ON conversations FOR EACH ROW
    WHEN (OLD.search_name <> NEW.search_name) EXECUTE FUNCTION rename_within_conversation();

-- Whoever opens a ticket has its conversation locked, so that its name stays.
CREATE FUNCTION name_ticket() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    SELECT c.search_name INTO NEW.search_name FROM conversations c
    WHERE c.workspace_id = NEW.workspace_id AND c.id = NEW.conversation_id;
    NEW.search_name := coalesce(NEW.search_name, '');
    RETURN NEW;
END
$$;
CREATE TRIGGER name_new_ticket BEFORE INSERT ON tickets FOR EACH ROW EXECUTE FUNCTION name_ticket();

CREATE OR REPLACE FUNCTION place_label() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    SELECT c.channel_id, c.shelf, c.last_activity_at, c.search_name
    INTO NEW.channel_id, NEW.shelf, NEW.last_activity_at, NEW.search_name
    FROM conversations c WHERE c.workspace_id = NEW.workspace_id AND c.id = NEW.conversation_id FOR SHARE;
    RETURN NEW;
END
$$;
