-- Servers of integrators that are told what happens, and what became of each event for each of them.
CREATE TABLE webhook_endpoints (
    workspace_id   uuid NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    id             uuid NOT NULL,
    url            text NOT NULL CHECK (char_length(url) BETWEEN 1 AND 2000),
    description    text CHECK (char_length(description) BETWEEN 1 AND 200),
    -- None: every type.
    event_types    text[] NOT NULL,
    -- Encrypted: what signs, and until it is no longer used what signed before.
    secrets        bytea NOT NULL,
    -- What may be seen of them: the last four characters, and until when the one before signs.
    secret_ends_with       text NOT NULL,
    previous_secret_until  timestamptz,
    active         boolean NOT NULL DEFAULT true,
    paused_reason  text CHECK (paused_reason IN ('admin', 'failing', 'gone')),
    -- Since then every attempt has failed.
    failing_since  timestamptz,
    -- The log has been looked through for it up to this number.
    position       bigint NOT NULL,
    -- The numbers of events that were forgotten while it was paused.
    lost_from      bigint,
    lost_to        bigint,
    -- No longer there; it stays as long as something of it waits to be removed.
    deleted_at     timestamptz,
    version        bigint NOT NULL DEFAULT 1,
    created_at     timestamptz NOT NULL,
    PRIMARY KEY (workspace_id, id),
    CHECK (active = (paused_reason IS NULL)),
    CHECK ((lost_from IS NULL) = (lost_to IS NULL))
) WITH (fillfactor = 50);

-- The only channels of which it is told; none: every channel.
CREATE TABLE webhook_endpoint_channels (
    workspace_id  uuid NOT NULL,
    endpoint_id   uuid NOT NULL,
    channel_id    uuid NOT NULL,
    PRIMARY KEY (workspace_id, endpoint_id, channel_id),
    FOREIGN KEY (workspace_id, endpoint_id) REFERENCES webhook_endpoints (workspace_id, id) ON DELETE CASCADE,
    -- Without its only channel it would be told of all.
    FOREIGN KEY (workspace_id, channel_id) REFERENCES channels (workspace_id, id) ON DELETE RESTRICT
);
CREATE INDEX webhook_endpoint_channels_by_channel ON webhook_endpoint_channels (workspace_id, channel_id);

CREATE TABLE webhook_deliveries (
    workspace_id  uuid NOT NULL,
    endpoint_id   uuid NOT NULL,
    id            uuid NOT NULL,
    event_id      uuid NOT NULL,
    event_type    text NOT NULL,
    -- The event's number in the log, where what is sent is read; a test has none, and has its own text.
    seq           bigint,
    body          text,
    -- What has to arrive in order: one at a time.
    lane          uuid NOT NULL,
    state         text NOT NULL CHECK (state IN ('pending', 'delivered', 'failed')),
    -- When it is tried next. Null while an earlier one of its lane is pending, and when it is settled. While it is being
    -- tried: when somebody else does it, should nobody have said by then what came of it.
    due_at        timestamptz,
    -- Attempts begun since it was last to be delivered from the beginning.
    tried         integer NOT NULL DEFAULT 0,
    attempts      jsonb NOT NULL DEFAULT '[]',
    created_at    timestamptz NOT NULL,
    PRIMARY KEY (workspace_id, endpoint_id, id),
    -- No event twice.
    UNIQUE (workspace_id, endpoint_id, seq),
    FOREIGN KEY (workspace_id, endpoint_id) REFERENCES webhook_endpoints (workspace_id, id) ON DELETE CASCADE,
    CHECK ((seq IS NULL) = (body IS NOT NULL)),
    CHECK (state = 'pending' OR due_at IS NULL)
) WITH (fillfactor = 80);
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (workspace_id, endpoint_id, due_at)
    WHERE due_at IS NOT NULL AND seq IS NOT NULL;
CREATE INDEX webhook_deliveries_tests ON webhook_deliveries (workspace_id, endpoint_id, due_at)
    WHERE due_at IS NOT NULL AND seq IS NULL;
CREATE INDEX webhook_deliveries_lanes ON webhook_deliveries (workspace_id, endpoint_id, lane, seq) WHERE state = 'pending';
CREATE INDEX webhook_deliveries_undelivered ON webhook_deliveries (workspace_id, endpoint_id, id) WHERE state <> 'delivered';

ALTER TABLE notifications DROP CONSTRAINT notifications_kind_check;
ALTER TABLE notifications ADD CONSTRAINT notifications_kind_check
    CHECK (kind IN ('assigned', 'transferred', 'handed_over', 'unanswered', 'new_message', 'channel_attention', 'webhook_paused'));
ALTER TABLE notification_preferences DROP CONSTRAINT notification_preferences_muted_kinds_check;
ALTER TABLE notification_preferences ADD CONSTRAINT notification_preferences_muted_kinds_check
    CHECK (muted_kinds <@ ARRAY['assigned', 'transferred', 'handed_over', 'unanswered', 'new_message', 'channel_attention',
                                'webhook_paused']);
ALTER TABLE audit_entries DROP CONSTRAINT audit_entries_subject_type_check;
ALTER TABLE audit_entries ADD CONSTRAINT audit_entries_subject_type_check CHECK (subject_type IN ('agent', 'division',
    'channel', 'api_key', 'workspace', 'assignment_settings', 'distribution_policy', 'messaging_settings',
    'template', 'contact', 'contact_merge', 'contact_import', 'label', 'webhook_endpoint'));
