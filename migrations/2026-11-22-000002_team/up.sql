-- The team: presence, allocation, counts, keys of programs, settings, and who changed what.

ALTER TABLE workspaces
    ADD COLUMN presence text NOT NULL DEFAULT 'connection' CHECK (presence IN ('connection', 'availability'));

CREATE TABLE assignment_settings (
    workspace_id            uuid PRIMARY KEY REFERENCES workspaces (id) ON DELETE CASCADE,
    agents_may_claim        boolean NOT NULL DEFAULT true,
    agents_may_transfer     boolean NOT NULL DEFAULT true,
    restrict_to_allocation  boolean NOT NULL DEFAULT false,
    version                 bigint NOT NULL DEFAULT 1
);
INSERT INTO assignment_settings (workspace_id) SELECT id FROM workspaces;

-- present: seen within the presence time-out. Kept here and not computed from last_seen_at, because
-- coming and going are told, and start routing.
ALTER TABLE agents
    ADD COLUMN name_folded text NOT NULL DEFAULT '',
    ADD COLUMN availability text NOT NULL DEFAULT 'online' CHECK (availability IN ('online', 'away', 'offline')),
    ADD COLUMN present boolean NOT NULL DEFAULT false,
    ADD COLUMN last_seen_at timestamptz;
UPDATE agents SET name_folded = lower(regexp_replace(normalize(name, NFKD), '[\u0300-\u036F]', '', 'g'));
-- Who has left gives the address free.
ALTER TABLE agents DROP CONSTRAINT agents_workspace_id_email_key;
CREATE UNIQUE INDEX agents_by_active_email ON agents (workspace_id, email) WHERE active;
CREATE INDEX agents_by_presence ON agents (last_seen_at) WHERE present;

-- What a member has to do and has done; changed in the transactions that change the facts. A row of
-- its own, so that assigning does not stand in the way of whoever refers to the member.
CREATE TABLE agent_counts (
    workspace_id  uuid NOT NULL,
    agent_id      uuid NOT NULL,
    assigned      bigint NOT NULL DEFAULT 0 CHECK (assigned >= 0),
    handled       bigint NOT NULL DEFAULT 0 CHECK (handled >= 0),
    resolved      bigint NOT NULL DEFAULT 0 CHECK (resolved >= 0),
    PRIMARY KEY (workspace_id, agent_id),
    FOREIGN KEY (workspace_id, agent_id) REFERENCES agents (workspace_id, id) ON DELETE CASCADE
) WITH (fillfactor = 50);
INSERT INTO agent_counts (workspace_id, agent_id, assigned, handled, resolved)
SELECT a.workspace_id, a.id,
       (SELECT count(*) FROM conversations c WHERE c.workspace_id = a.workspace_id AND c.assignee_id = a.id),
       (SELECT count(DISTINCT h.ticket_id) FROM ticket_holders h
        WHERE h.workspace_id = a.workspace_id AND h.agent_id = a.id),
       (SELECT count(*) FROM tickets t
        WHERE t.workspace_id = a.workspace_id AND t.agent_id = a.id AND t.closed_at IS NOT NULL)
FROM agents a;

-- Stretches of one availability; the last one of a member is open. For reports.
CREATE TABLE availability_periods (
    workspace_id  uuid NOT NULL,
    id            uuid NOT NULL,
    agent_id      uuid NOT NULL,
    availability  text NOT NULL CHECK (availability IN ('online', 'away', 'offline')),
    online        boolean NOT NULL,
    from_at       timestamptz NOT NULL,
    to_at         timestamptz,
    PRIMARY KEY (workspace_id, id),
    FOREIGN KEY (workspace_id, agent_id) REFERENCES agents (workspace_id, id) ON DELETE CASCADE
);
CREATE INDEX availability_periods_by_agent ON availability_periods (workspace_id, agent_id, from_at);
CREATE UNIQUE INDEX availability_periods_one_open ON availability_periods (workspace_id, agent_id) WHERE to_at IS NULL;

ALTER TABLE divisions ADD COLUMN name_folded text NOT NULL DEFAULT '';
UPDATE divisions SET name_folded = lower(regexp_replace(normalize(name, NFKD), '[\u0300-\u036F]', '', 'g'));

CREATE TABLE channel_agents (
    workspace_id  uuid NOT NULL,
    channel_id    uuid NOT NULL,
    agent_id      uuid NOT NULL,
    PRIMARY KEY (workspace_id, channel_id, agent_id),
    FOREIGN KEY (workspace_id, channel_id) REFERENCES channels (workspace_id, id) ON DELETE CASCADE,
    FOREIGN KEY (workspace_id, agent_id) REFERENCES agents (workspace_id, id) ON DELETE CASCADE
);
CREATE INDEX channel_agents_by_agent ON channel_agents (workspace_id, agent_id);

-- A program's credential, in the name of a member. Ended ones are kept: the audit trail names them.
CREATE TABLE api_keys (
    workspace_id         uuid NOT NULL,
    id                   uuid NOT NULL,
    agent_id             uuid NOT NULL,
    created_by           uuid NOT NULL,
    name                 text NOT NULL CHECK (char_length(name) BETWEEN 1 AND 100),
    -- SHA-256 of the secret part, which has 256 random bits.
    secret_hash          bytea NOT NULL CHECK (length(secret_hash) = 32),
    ends_with            text NOT NULL,
    scopes               text[] NOT NULL CHECK (scopes <@ ARRAY['workspace:read', 'workspace:write', 'team:read',
                             'team:write', 'channels:read', 'channels:write', 'conversations:read', 'conversations:write',
                             'messages:read', 'messages:write', 'tickets:read', 'audit:read']),
    -- True: only the channels in api_key_channels, also when none of them is left.
    limited_to_channels  boolean NOT NULL,
    expires_at           timestamptz,
    last_used_at         timestamptz,
    revoked_at           timestamptz,
    created_at           timestamptz NOT NULL,
    PRIMARY KEY (workspace_id, id),
    FOREIGN KEY (workspace_id, agent_id) REFERENCES agents (workspace_id, id) ON DELETE CASCADE,
    FOREIGN KEY (workspace_id, created_by) REFERENCES agents (workspace_id, id) ON DELETE CASCADE
);
CREATE INDEX api_keys_by_agent ON api_keys (workspace_id, agent_id);
CREATE INDEX api_keys_by_maker ON api_keys (workspace_id, created_by);
CREATE INDEX api_keys_by_revocation ON api_keys (revoked_at) WHERE revoked_at IS NOT NULL;

CREATE TABLE api_key_channels (
    workspace_id  uuid NOT NULL,
    api_key_id    uuid NOT NULL,
    channel_id    uuid NOT NULL,
    PRIMARY KEY (workspace_id, api_key_id, channel_id),
    FOREIGN KEY (workspace_id, api_key_id) REFERENCES api_keys (workspace_id, id) ON DELETE CASCADE,
    FOREIGN KEY (workspace_id, channel_id) REFERENCES channels (workspace_id, id) ON DELETE CASCADE
);
CREATE INDEX api_key_channels_by_channel ON api_key_channels (workspace_id, channel_id);

-- Administrative changes. No foreign keys to what they tell of, which they outlive. Ids rise with time.
CREATE TABLE audit_entries (
    workspace_id   uuid NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    id             uuid NOT NULL,
    at             timestamptz NOT NULL,
    actor_type     text NOT NULL CHECK (actor_type IN ('agent', 'contact', 'system', 'operator')),
    actor_id       uuid,
    actor_name     text,
    api_key_id     uuid,
    api_key_name   text,
    action         text NOT NULL CHECK (action IN ('created', 'updated', 'deleted')),
    subject_type   text NOT NULL CHECK (subject_type IN ('agent', 'division', 'channel', 'api_key', 'workspace',
                       'assignment_settings')),
    subject_id     uuid NOT NULL,
    subject_name   text NOT NULL,
    before         jsonb,
    after          jsonb,
    PRIMARY KEY (workspace_id, id)
);
CREATE INDEX audit_entries_by_subject ON audit_entries (workspace_id, subject_id, id);
CREATE INDEX audit_entries_by_actor ON audit_entries (workspace_id, actor_id, id);

-- The channel of what an event tells of decides who sees it.
ALTER TABLE events ADD COLUMN channel_id uuid;
ALTER TABLE events DROP CONSTRAINT events_audience_check;
ALTER TABLE events ADD CONSTRAINT events_audience_check
    CHECK (audience IN ('everyone', 'admins', 'agent', 'conversation', 'ticket', 'channel'));
UPDATE events e SET channel_id = c.channel_id FROM conversations c
WHERE c.workspace_id = e.workspace_id AND c.id = e.conversation_id;
