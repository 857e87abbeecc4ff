-- What the inbox is made of: what is known of contacts, labels on conversations, files of messages.

-- The name as it is searched, written by domain::search::folded; rows from before get a first guess here, which the next
-- change of the name makes right.
CREATE EXTENSION IF NOT EXISTS pg_trgm;
CREATE EXTENSION IF NOT EXISTS btree_gin;

ALTER TABLE contacts
    ADD COLUMN email text CHECK (char_length(email) BETWEEN 1 AND 254),
    ADD COLUMN company text CHECK (char_length(company) BETWEEN 1 AND 200),
    ADD COLUMN attributes jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(attributes) = 'object'),
    ADD COLUMN blocked_at timestamptz,
    -- The name was given by the team: what the provider tells does not change it any more.
    ADD COLUMN name_is_own boolean NOT NULL DEFAULT false,
    ADD COLUMN search_name text NOT NULL DEFAULT '';
UPDATE contacts SET search_name = lower(normalize(name, NFKD));

CREATE TABLE labels (
    workspace_id  uuid NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    id            uuid NOT NULL,
    name          text NOT NULL CHECK (char_length(name) BETWEEN 1 AND 50),
    -- The name as it is compared: two labels do not differ in case and accents only.
    search_name   text NOT NULL,
    color         text NOT NULL CHECK (color ~ '^#[0-9A-F]{6}$'),
    version       bigint NOT NULL DEFAULT 1,
    created_at    timestamptz NOT NULL,
    PRIMARY KEY (workspace_id, id),
    UNIQUE (workspace_id, search_name)
);

CREATE TABLE conversation_labels (
    workspace_id     uuid NOT NULL,
    conversation_id  uuid NOT NULL,
    label_id         uuid NOT NULL,
    PRIMARY KEY (workspace_id, conversation_id, label_id),
    FOREIGN KEY (workspace_id, conversation_id) REFERENCES conversations (workspace_id, id) ON DELETE CASCADE,
    FOREIGN KEY (workspace_id, label_id) REFERENCES labels (workspace_id, id) ON DELETE CASCADE
);
CREATE INDEX conversation_labels_by_label ON conversation_labels (workspace_id, label_id, conversation_id);

-- A file: of a customer's message, which is fetched from the provider, or uploaded to be sent. Its bytes lie in the
-- attachment store under its id.
CREATE TABLE attachments (
    workspace_id     uuid NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    id               uuid NOT NULL,
    kind             text NOT NULL CHECK (kind IN ('image', 'video', 'document', 'audio', 'sticker')),
    -- pending: the bytes are still at the provider. failed: they cannot be had, failure says why.
    state            text NOT NULL CHECK (state IN ('pending', 'stored', 'failed')),
    failure          text,
    filename         text,
    content_type     text,
    size_bytes       bigint CHECK (size_bytes >= 0),
    sha256           bytea,
    width            integer,
    height           integer,
    -- Where a customer's file is at the provider: a domain::inbound::InboundMedia.
    source           jsonb,
    -- Who uploaded it; only this member may send it, once.
    uploaded_by      uuid,
    -- The message that it belongs to; none yet for an upload that was not sent.
    conversation_id  uuid,
    message_id       uuid,
    created_at       timestamptz NOT NULL,
    PRIMARY KEY (workspace_id, id),
    CHECK ((conversation_id IS NULL) = (message_id IS NULL)),
    CHECK ((source IS NULL) <> (uploaded_by IS NULL)),
    CHECK (state <> 'stored' OR (content_type IS NOT NULL AND size_bytes IS NOT NULL AND sha256 IS NOT NULL)),
    FOREIGN KEY (workspace_id, uploaded_by) REFERENCES agents (workspace_id, id) ON DELETE RESTRICT,
    FOREIGN KEY (workspace_id, conversation_id) REFERENCES conversations (workspace_id, id) ON DELETE CASCADE,
    FOREIGN KEY (workspace_id, message_id) REFERENCES messages (workspace_id, id) ON DELETE CASCADE
);
CREATE UNIQUE INDEX attachments_by_message ON attachments (workspace_id, message_id) WHERE message_id IS NOT NULL;
CREATE INDEX attachments_by_conversation ON attachments (workspace_id, conversation_id) WHERE conversation_id IS NOT NULL;
CREATE INDEX attachments_by_uploader ON attachments (workspace_id, uploaded_by) WHERE uploaded_by IS NOT NULL;
-- Uploads that nobody sent are thrown away after a while.
CREATE INDEX attachments_unsent ON attachments (created_at) WHERE message_id IS NULL;

ALTER TABLE messages ADD COLUMN attachment_id uuid;
UPDATE messages SET attachment_id = gen_random_uuid() WHERE media IS NOT NULL;
INSERT INTO attachments (workspace_id, id, kind, state, filename, content_type, size_bytes, source, conversation_id, message_id,
    created_at)
SELECT workspace_id, attachment_id, kind, 'pending', media ->> 'filename', media ->> 'content_type',
    (media ->> 'size_bytes')::bigint, media, conversation_id, id, created_at
FROM messages WHERE media IS NOT NULL AND kind IN ('image', 'video', 'document', 'audio', 'sticker');
UPDATE messages SET attachment_id = NULL
WHERE media IS NOT NULL AND kind NOT IN ('image', 'video', 'document', 'audio', 'sticker');
-- messages.media is not read any more. It goes with the next release, so that this one can be undone.
-- The two are written in one transaction, the message first.
ALTER TABLE messages ADD FOREIGN KEY (workspace_id, attachment_id) REFERENCES attachments (workspace_id, id)
    ON DELETE RESTRICT DEFERRABLE INITIALLY DEFERRED;
CREATE INDEX messages_by_attachment ON messages (workspace_id, attachment_id) WHERE attachment_id IS NOT NULL;

ALTER TABLE api_keys DROP CONSTRAINT api_keys_scopes_check;
ALTER TABLE api_keys ADD CONSTRAINT api_keys_scopes_check CHECK (scopes <@ ARRAY['workspace:read', 'workspace:write',
    'team:read', 'team:write', 'channels:read', 'channels:write', 'conversations:read', 'conversations:write',
    'contacts:read', 'contacts:write', 'templates:read', 'templates:write', 'messages:read', 'messages:write',
    'tickets:read', 'audit:read']);

-- Who sees a contact is decided by all of its identities: a domain::event::ContactSight.
ALTER TABLE events ADD COLUMN contact_sight jsonb;
ALTER TABLE events DROP CONSTRAINT events_audience_check;
ALTER TABLE events ADD CONSTRAINT events_audience_check CHECK (audience IN ('everyone', 'admins', 'agent',
    'conversation', 'ticket', 'channel', 'contact'));

ALTER TABLE jobs DROP CONSTRAINT jobs_kind_check;
ALTER TABLE jobs ADD CONSTRAINT jobs_kind_check CHECK (kind IN ('send_message', 'send_mail', 'fetch_profile', 'fetch_media',
    'send_reaction', 'mark_read', 'block_contact', 'submit_template', 'delete_template', 'sync_templates'));
