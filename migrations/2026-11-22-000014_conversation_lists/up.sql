-- What lists of conversations need to be as quick among a million as among ten thousand: customers by any part of their name
-- or number, conversations with unread messages, and how many there are of each.

-- The pieces of a text with this many characters, each as a number that differs from workspace to workspace: an index on
-- them finds any part of the text within the workspace. Two pieces may have one number: who searches compares the text too.
CREATE FUNCTION search_keys(workspace uuid, words text, shortest integer, longest integer) RETURNS bigint[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT array_agg(DISTINCT hashtextextended(substr(words, place, length) COLLATE "C", uuid_hash_extended(workspace, 0)))
    FROM generate_series(shortest, longest) AS length, generate_series(1, char_length(words) - length + 1) AS place
$$;

-- By what a contact is found. Names from one character on (index of trigrams would not do), numbers from three digits on.
-- Bound to the function that it calls: who restores a backup, or has PostgreSQL 17 build the index, finds no names in `public`.
CREATE FUNCTION contact_keys(workspace uuid, search_name text, phone text) RETURNS bigint[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN search_keys(workspace, search_name, 1, 3) || search_keys(workspace, phone, 3, 3);

-- By what an identity is found: any part of its number and user name, and the whole of the provider's id.
CREATE FUNCTION identity_keys(workspace uuid, phone text, username text, external_id text) RETURNS bigint[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN search_keys(workspace, phone, 3, 3) || search_keys(workspace, lower(username), 3, 3)
    || search_keys(workspace, lower(external_id), char_length(external_id), char_length(external_id));

-- As domain::search::folded makes it, as far as SQL can: decomposed, without marks, in lower case.
UPDATE contacts SET search_name = lower(regexp_replace(normalize(name, NFKD), '[\u0300-\u036F\u1AB0-\u1AFF\u1DC0-\u1DFF\u20D0-\u20FF\uFE20-\uFE2F]', '', 'g'));

-- Without a list of what is still to be put into them: every search would have to look through it.
CREATE INDEX contacts_by_keys ON contacts USING gin (contact_keys(workspace_id, search_name, phone)) WITH (fastupdate = off);
CREATE INDEX contact_identities_by_keys ON contact_identities
    USING gin (identity_keys(workspace_id, phone, username, external_id)) WITH (fastupdate = off);

-- What is unread on a shelf. Only conversations with unread messages are in it, so it costs only messages of customers.
CREATE INDEX conversations_unread ON conversations (workspace_id, shelf, last_activity_at DESC, id DESC) WHERE unread_count > 0;

-- What has a label, newest first, on each channel and shelf: what these are is the conversation's and follows it
-- (persistence::conversations::save_many), at the cost of a row for each of its labels. Few conversations have any.
ALTER TABLE conversation_labels
    ADD COLUMN channel_id uuid,
    ADD COLUMN shelf text COLLATE "C",
    ADD COLUMN last_activity_at timestamptz;
UPDATE conversation_labels k SET channel_id = c.channel_id, shelf = c.shelf, last_activity_at = c.last_activity_at
FROM conversations c WHERE c.workspace_id = k.workspace_id AND c.id = k.conversation_id;
ALTER TABLE conversation_labels
    ALTER COLUMN channel_id SET NOT NULL,
    ALTER COLUMN shelf SET NOT NULL,
    ALTER COLUMN last_activity_at SET NOT NULL;
CREATE INDEX conversation_labels_by_activity
    ON conversation_labels (workspace_id, label_id, channel_id, shelf, last_activity_at DESC, conversation_id DESC);

CREATE FUNCTION place_label() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    SELECT c.channel_id, c.shelf, c.last_activity_at INTO NEW.channel_id, NEW.shelf, NEW.last_activity_at
    FROM conversations c WHERE c.workspace_id = NEW.workspace_id AND c.id = NEW.conversation_id FOR SHARE;
    RETURN NEW;
END
$$;
CREATE TRIGGER place_new_label BEFORE INSERT ON conversation_labels FOR EACH ROW EXECUTE FUNCTION place_label();

-- How many conversations stand alike. The nil id stands for nobody, and for no division: only what waits for a division is
-- counted by it.
CREATE TABLE conversation_counts (
    workspace_id  uuid NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    channel_id    uuid NOT NULL,
    shelf         text COLLATE "C" NOT NULL,
    assignee_id   uuid NOT NULL,
    division_id   uuid NOT NULL,
    unread        boolean NOT NULL,
    count         bigint NOT NULL CHECK (count >= 0),
    PRIMARY KEY (workspace_id, channel_id, shelf, assignee_id, division_id, unread)
) WITH (fillfactor = 50);

CREATE FUNCTION count_conversation() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    nil CONSTANT uuid := '00000000-0000-0000-0000-000000000000';
BEGIN
    IF TG_OP <> 'INSERT' THEN
        UPDATE conversation_counts n SET count = n.count - 1
        WHERE n.workspace_id = OLD.workspace_id AND n.channel_id = OLD.channel_id AND n.shelf = OLD.shelf
          AND n.assignee_id = coalesce(OLD.assignee_id, nil)
          AND n.division_id = CASE WHEN OLD.assignee_id IS NULL THEN coalesce(OLD.division_id, nil) ELSE nil END
          AND n.unread = (OLD.unread_count > 0);
    END IF;
    IF TG_OP <> 'DELETE' THEN
        INSERT INTO conversation_counts AS n (workspace_id, channel_id, shelf, assignee_id, division_id, unread, count)
        VALUES (NEW.workspace_id, NEW.channel_id, NEW.shelf, coalesce(NEW.assignee_id, nil),
            CASE WHEN NEW.assignee_id IS NULL THEN coalesce(NEW.division_id, nil) ELSE nil END, NEW.unread_count > 0, 1)
        ON CONFLICT (workspace_id, channel_id, shelf, assignee_id, division_id, unread) DO UPDATE SET count = n.count + 1;
    END IF;
    RETURN NULL;
END
$$;

-- At the commit: whoever changes conversations holds its workspace's event counter by then, so nobody waits here, let alone in
-- a circle. A message that changes neither the shelf nor whether anything is unread costs the comparison only.
CREATE CONSTRAINT TRIGGER count_new_conversation AFTER INSERT OR DELETE ON conversations DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION count_conversation();
CREATE CONSTRAINT TRIGGER count_changed_conversation AFTER UPDATE ON conversations DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (OLD.shelf <> NEW.shelf OR OLD.assignee_id IS DISTINCT FROM NEW.assignee_id
        OR OLD.division_id IS DISTINCT FROM NEW.division_id OR OLD.channel_id <> NEW.channel_id
        OR (OLD.unread_count > 0) <> (NEW.unread_count > 0))
    EXECUTE FUNCTION count_conversation();

-- After the triggers, which keep others from changing conversations until this is committed.
INSERT INTO conversation_counts (workspace_id, channel_id, shelf, assignee_id, division_id, unread, count)
SELECT c.workspace_id, c.channel_id, c.shelf, coalesce(c.assignee_id, nil.id),
    CASE WHEN c.assignee_id IS NULL THEN coalesce(c.division_id, nil.id) ELSE nil.id END, c.unread_count > 0, count(*)
FROM conversations c, (VALUES ('00000000-0000-0000-0000-000000000000'::uuid)) AS nil (id)
GROUP BY 1, 2, 3, 4, 5, 6;
