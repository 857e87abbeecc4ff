-- Every table carries workspace_id, first in its primary key, and every foreign key and unique
-- constraint includes it: a row cannot point into another tenant, whatever the code does.
-- The exceptions are listed in persistence/tests/schema_rules.rs.

-- The installation itself. The epoch is part of every cursor; it is made anew when a backup is
-- restored, so that cursors of the lost future are refused instead of skipping events.
CREATE TABLE installation (
    singleton   boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    epoch       uuid NOT NULL,
    created_at  timestamptz NOT NULL
);

CREATE TABLE workspaces (
    id          uuid PRIMARY KEY,
    name        text NOT NULL CHECK (char_length(name) BETWEEN 1 AND 200),
    slug        text NOT NULL UNIQUE CHECK (slug ~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$'),
    timezone    text NOT NULL,
    version     bigint NOT NULL DEFAULT 1,
    created_at  timestamptz NOT NULL
);

-- The last number given out in a workspace's event log. A row of its own, because every write of
-- the workspace locks it, last.
CREATE TABLE event_counters (
    workspace_id  uuid PRIMARY KEY REFERENCES workspaces (id) ON DELETE CASCADE,
    seq           bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 50);

-- The log. It has no foreign keys: it outlives what it tells of, and inserting must stay cheap.
CREATE TABLE events (
    workspace_id        uuid NOT NULL,
    seq                 bigint NOT NULL,
    id                  uuid NOT NULL,
    type                text NOT NULL,
    at                  timestamptz NOT NULL,
    audience            text NOT NULL CHECK (audience IN ('everyone', 'admins', 'agent', 'conversation', 'ticket')),
    agent_id            uuid,
    conversation_id     uuid,
    before_exists       boolean NOT NULL,
    before_assignee_id  uuid,
    before_division_id  uuid,
    after_exists        boolean NOT NULL,
    after_assignee_id   uuid,
    after_division_id   uuid,
    body                text NOT NULL,
    PRIMARY KEY (workspace_id, seq)
);

CREATE TABLE agents (
    workspace_id       uuid NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    id                 uuid NOT NULL,
    name               text NOT NULL CHECK (char_length(name) BETWEEN 1 AND 100),
    email              text NOT NULL CHECK (email = lower(email)),
    password_hash      text NOT NULL,
    role               text NOT NULL CHECK (role IN ('admin', 'supervisor', 'agent')),
    supervisor_id      uuid,
    view_all           boolean NOT NULL DEFAULT true,
    active             boolean NOT NULL DEFAULT true,
    version            bigint NOT NULL DEFAULT 1,
    created_at         timestamptz NOT NULL,
    PRIMARY KEY (workspace_id, id),
    UNIQUE (workspace_id, email),
    FOREIGN KEY (workspace_id, supervisor_id) REFERENCES agents (workspace_id, id) ON DELETE SET NULL (supervisor_id)
);
CREATE INDEX agents_by_supervisor ON agents (workspace_id, supervisor_id) WHERE supervisor_id IS NOT NULL;
CREATE INDEX agents_by_email ON agents (email);
CREATE INDEX agents_by_name ON agents (workspace_id, name, id);

CREATE TABLE divisions (
    workspace_id  uuid NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    id            uuid NOT NULL,
    name          text NOT NULL CHECK (char_length(name) BETWEEN 1 AND 100),
    version       bigint NOT NULL DEFAULT 1,
    created_at    timestamptz NOT NULL,
    PRIMARY KEY (workspace_id, id),
    UNIQUE (workspace_id, name)
);

CREATE TABLE division_members (
    workspace_id  uuid NOT NULL,
    division_id   uuid NOT NULL,
    agent_id      uuid NOT NULL,
    PRIMARY KEY (workspace_id, division_id, agent_id),
    FOREIGN KEY (workspace_id, division_id) REFERENCES divisions (workspace_id, id) ON DELETE CASCADE,
    FOREIGN KEY (workspace_id, agent_id) REFERENCES agents (workspace_id, id) ON DELETE CASCADE
);
CREATE INDEX division_members_by_agent ON division_members (workspace_id, agent_id);

-- One row per signed-in device. A refresh token is derived from the row's id and generation with
-- the server's key, so that no token is stored in any form.
CREATE TABLE sign_ins (
    workspace_id  uuid NOT NULL,
    id            uuid NOT NULL,
    agent_id      uuid NOT NULL,
    generation    integer NOT NULL DEFAULT 1,
    rotated_at    timestamptz NOT NULL,
    expires_at    timestamptz NOT NULL,
    revoked_at    timestamptz,
    created_at    timestamptz NOT NULL,
    PRIMARY KEY (workspace_id, id),
    FOREIGN KEY (workspace_id, agent_id) REFERENCES agents (workspace_id, id) ON DELETE CASCADE
);
CREATE INDEX sign_ins_by_agent ON sign_ins (workspace_id, agent_id);
CREATE INDEX sign_ins_by_revocation ON sign_ins (revoked_at) WHERE revoked_at IS NOT NULL;
CREATE INDEX sign_ins_by_expiry ON sign_ins (expires_at);

-- config holds what may be shown, secrets the encrypted rest (XChaCha20-Poly1305, bound to the id).
CREATE TABLE channels (
    workspace_id   uuid NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    id             uuid NOT NULL,
    kind           text NOT NULL CHECK (kind IN ('whatsapp', 'messenger', 'telegram')),
    name           text NOT NULL CHECK (char_length(name) BETWEEN 1 AND 100),
    external_id    text NOT NULL,
    config         jsonb NOT NULL,
    secrets        bytea NOT NULL,
    state          text NOT NULL CHECK (state IN ('connected', 'needs_attention')),
    state_detail   text,
    version        bigint NOT NULL DEFAULT 1,
    created_at     timestamptz NOT NULL,
    PRIMARY KEY (workspace_id, id),
    UNIQUE (workspace_id, kind, external_id)
);
CREATE INDEX channels_by_id ON channels (id);
CREATE INDEX channels_by_name ON channels (workspace_id, name, id);

CREATE TABLE contacts (
    workspace_id    uuid NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    id              uuid NOT NULL,
    name            text NOT NULL CHECK (char_length(name) BETWEEN 1 AND 200),
    phone           text,
    opted_out_at    timestamptz,
    version         bigint NOT NULL DEFAULT 1,
    created_at      timestamptz NOT NULL,
    PRIMARY KEY (workspace_id, id)
);

-- Who a contact is on one channel. The provider's lasting id is the key; the phone number may come,
-- go and change.
CREATE TABLE contact_identities (
    workspace_id  uuid NOT NULL,
    id            uuid NOT NULL,
    contact_id    uuid NOT NULL,
    channel_id    uuid NOT NULL,
    external_id   text NOT NULL,
    phone         text,
    username      text,
        name          text,
    -- Everything sent up to here has arrived, or was seen (Messenger's watermarks).
    delivered_up_to  timestamptz,
    read_up_to       timestamptz,
    created_at    timestamptz NOT NULL,
    PRIMARY KEY (workspace_id, id),
    UNIQUE (workspace_id, channel_id, external_id),
    FOREIGN KEY (workspace_id, contact_id) REFERENCES contacts (workspace_id, id) ON DELETE CASCADE,
    FOREIGN KEY (workspace_id, channel_id) REFERENCES channels (workspace_id, id) ON DELETE CASCADE
);
CREATE INDEX contact_identities_by_contact ON contact_identities (workspace_id, contact_id);
CREATE UNIQUE INDEX contact_identities_by_phone ON contact_identities (workspace_id, channel_id, phone)
    WHERE phone IS NOT NULL;

CREATE TABLE conversations (
    workspace_id        uuid NOT NULL,
    id                  uuid NOT NULL,
    channel_id          uuid NOT NULL,
    contact_id          uuid NOT NULL,
    identity_id         uuid NOT NULL,
    session_id          uuid,
    session_started_at  timestamptz,
    assignee_id         uuid,
    division_id         uuid,
    ticket_id           uuid,
    waiting_since       timestamptz,
    last_inbound_at     timestamptz,
    last_activity_at    timestamptz NOT NULL,
    last_message_id     uuid,
    unread_count        integer NOT NULL DEFAULT 0 CHECK (unread_count >= 0),
    archived_at         timestamptz,
    version             bigint NOT NULL DEFAULT 1,
    created_at          timestamptz NOT NULL,
    PRIMARY KEY (workspace_id, id),
    UNIQUE (workspace_id, identity_id),
    -- No session: resolved. Nobody holds a resolved conversation, and only a held one has a holder's ticket.
    CHECK ((session_id IS NULL) = (session_started_at IS NULL)),
    CHECK (session_id IS NOT NULL OR (assignee_id IS NULL AND ticket_id IS NULL AND waiting_since IS NULL)),
    CHECK (assignee_id IS NULL OR ticket_id IS NOT NULL),
    FOREIGN KEY (workspace_id, channel_id) REFERENCES channels (workspace_id, id) ON DELETE RESTRICT,
    FOREIGN KEY (workspace_id, contact_id) REFERENCES contacts (workspace_id, id) ON DELETE RESTRICT,
    FOREIGN KEY (workspace_id, identity_id) REFERENCES contact_identities (workspace_id, id) ON DELETE RESTRICT,
    FOREIGN KEY (workspace_id, assignee_id) REFERENCES agents (workspace_id, id) ON DELETE RESTRICT,
    FOREIGN KEY (workspace_id, division_id) REFERENCES divisions (workspace_id, id) ON DELETE SET NULL (division_id)
) WITH (fillfactor = 80);
CREATE INDEX conversations_by_activity ON conversations (workspace_id, last_activity_at DESC, id DESC)
    WHERE archived_at IS NULL;
-- Archived ones too: deleting an agent asks for all of them.
-- A row is in the first or in the second: an agent's own, archived ones included, or what waits.
CREATE INDEX conversations_by_assignee ON conversations (workspace_id, assignee_id, last_activity_at DESC, id DESC)
    WHERE assignee_id IS NOT NULL;
CREATE INDEX conversations_unassigned ON conversations (workspace_id, last_activity_at DESC, id DESC)
    WHERE assignee_id IS NULL AND archived_at IS NULL;
CREATE INDEX conversations_archived ON conversations (workspace_id, last_activity_at DESC, id DESC)
    WHERE archived_at IS NOT NULL;
CREATE INDEX conversations_by_contact ON conversations (workspace_id, contact_id);
CREATE INDEX conversations_by_channel ON conversations (workspace_id, channel_id);
CREATE INDEX conversations_by_division ON conversations (workspace_id, division_id) WHERE division_id IS NOT NULL;

CREATE TABLE tickets (
    workspace_id        uuid NOT NULL,
    id                  uuid NOT NULL,
    conversation_id     uuid NOT NULL,
    session_id          uuid NOT NULL,
    agent_id            uuid NOT NULL,
    session_started_at  timestamptz NOT NULL,
    opened_at           timestamptz NOT NULL,
    answered_at         timestamptz,
    closed_at           timestamptz,
    version             bigint NOT NULL DEFAULT 1,
    PRIMARY KEY (workspace_id, id),
    UNIQUE (workspace_id, session_id),
    FOREIGN KEY (workspace_id, conversation_id) REFERENCES conversations (workspace_id, id) ON DELETE CASCADE,
    FOREIGN KEY (workspace_id, agent_id) REFERENCES agents (workspace_id, id) ON DELETE RESTRICT
);
CREATE UNIQUE INDEX tickets_one_unresolved ON tickets (workspace_id, conversation_id) WHERE closed_at IS NULL;
CREATE INDEX tickets_by_conversation ON tickets (workspace_id, conversation_id);
CREATE INDEX tickets_by_opening ON tickets (workspace_id, opened_at DESC, id DESC);
CREATE INDEX tickets_by_agent ON tickets (workspace_id, agent_id, opened_at DESC, id DESC);

CREATE TABLE ticket_holders (
    workspace_id  uuid NOT NULL,
    ticket_id     uuid NOT NULL,
    position      integer NOT NULL,
    agent_id      uuid NOT NULL,
    from_at       timestamptz NOT NULL,
    to_at         timestamptz,
    reason        text NOT NULL CHECK (reason IN ('claimed', 'assigned', 'replied')),
    PRIMARY KEY (workspace_id, ticket_id, position),
    FOREIGN KEY (workspace_id, ticket_id) REFERENCES tickets (workspace_id, id) ON DELETE CASCADE,
    FOREIGN KEY (workspace_id, agent_id) REFERENCES agents (workspace_id, id) ON DELETE RESTRICT
);
CREATE INDEX ticket_holders_by_agent ON ticket_holders (workspace_id, agent_id);

-- Messages are shown in the order of their ids (UUIDv7, the order of arrival here): the clocks of
-- customers' providers are not ours, and WhatsApp's has whole seconds only.
CREATE TABLE messages (
    workspace_id         uuid NOT NULL,
    id                   uuid NOT NULL,
    conversation_id      uuid NOT NULL,
    channel_id           uuid NOT NULL,
    session_id           uuid,
    direction            text NOT NULL CHECK (direction IN ('inbound', 'outbound', 'system')),
    author_type          text NOT NULL CHECK (author_type IN ('contact', 'agent', 'bot', 'system')),
    author_id            uuid,
    kind                 text NOT NULL CHECK (kind IN ('text', 'image', 'video', 'document', 'audio', 'sticker', 'location',
                                                       'contacts', 'interactive', 'template', 'order', 'system', 'unsupported')),
    text                 text,
    content              jsonb,
    media                jsonb,
    raw                  text,
    reply_to_id          uuid,
    reply_to_provider_id text,
    status               text NOT NULL CHECK (status IN ('received', 'queued', 'sent', 'delivered', 'read', 'failed', 'unknown')),
    queued_at            timestamptz,
    sent_at              timestamptz,
    delivered_at         timestamptz,
    read_at              timestamptz,
    failed_at            timestamptz,
    unknown_at           timestamptz,
    error_code           text,
    error_provider_code  text,
    error_detail         text,
    client_message_id    text,
    provider_message_id  text,
    at                   timestamptz NOT NULL,
    edited_at            timestamptz,
    revoked_at           timestamptz,
    version              bigint NOT NULL DEFAULT 1,
    created_at           timestamptz NOT NULL,
    PRIMARY KEY (workspace_id, id),
    FOREIGN KEY (workspace_id, conversation_id) REFERENCES conversations (workspace_id, id) ON DELETE CASCADE
);
CREATE INDEX messages_by_conversation ON messages (workspace_id, conversation_id, id);
CREATE UNIQUE INDEX messages_by_provider_id ON messages (workspace_id, channel_id, provider_message_id)
    WHERE provider_message_id IS NOT NULL;
CREATE UNIQUE INDEX messages_by_client_id ON messages (workspace_id, conversation_id, client_message_id)
    WHERE client_message_id IS NOT NULL;

CREATE TABLE message_reactions (
    workspace_id  uuid NOT NULL,
    message_id    uuid NOT NULL,
    author_type   text NOT NULL CHECK (author_type IN ('contact', 'agent')),
    author_id     uuid NOT NULL,
    emoji         text,
    at            timestamptz NOT NULL,
    PRIMARY KEY (workspace_id, message_id, author_type, author_id),
    FOREIGN KEY (workspace_id, message_id) REFERENCES messages (workspace_id, id) ON DELETE CASCADE
);

-- Work that happens later. A lane is worked in the order of ids, one job at a time.
CREATE TABLE jobs (
    workspace_id   uuid NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    id             uuid NOT NULL,
    kind           text NOT NULL CHECK (kind IN ('send_message', 'fetch_profile')),
    lane           uuid NOT NULL,
    channel_id     uuid NOT NULL,
    subject_id     uuid NOT NULL,
    due_at         timestamptz NOT NULL,
    attempts       integer NOT NULL DEFAULT 0,
    claimed_until  timestamptz,
    created_at     timestamptz NOT NULL,
    PRIMARY KEY (workspace_id, id),
    FOREIGN KEY (workspace_id, channel_id) REFERENCES channels (workspace_id, id) ON DELETE CASCADE
);
CREATE INDEX jobs_by_due ON jobs (due_at, id);
CREATE INDEX jobs_by_lane ON jobs (workspace_id, lane, id);
CREATE INDEX jobs_by_channel ON jobs (workspace_id, channel_id);

-- The answer given to a write that carried an Idempotency-Key, kept for 24 hours.
CREATE TABLE idempotency_keys (
    workspace_id   uuid NOT NULL,
    agent_id       uuid NOT NULL,
    key            text NOT NULL CHECK (char_length(key) BETWEEN 1 AND 255),
    request_hash   bytea NOT NULL,
    status         smallint,
    body           text,
    created_at     timestamptz NOT NULL,
    PRIMARY KEY (workspace_id, agent_id, key),
    FOREIGN KEY (workspace_id, agent_id) REFERENCES agents (workspace_id, id) ON DELETE CASCADE
);
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);
