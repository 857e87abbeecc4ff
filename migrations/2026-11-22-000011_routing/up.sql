-- Routing: who is given which conversation, why, and what happens when nobody answers.

ALTER TABLE assignment_settings
    ADD COLUMN assignment_enabled boolean NOT NULL DEFAULT true,
    ADD COLUMN auto_assign boolean NOT NULL DEFAULT false,
    ADD COLUMN strategy text NOT NULL DEFAULT 'least_busy' CHECK (strategy IN ('least_busy', 'round_robin')),
    ADD COLUMN max_conversations_per_agent integer CHECK (max_conversations_per_agent BETWEEN 1 AND 1000),
    ADD COLUMN unanswered_transfer_minutes integer CHECK (unanswered_transfer_minutes BETWEEN 1 AND 1440),
    ADD COLUMN notify_supervisor_minutes integer CHECK (notify_supervisor_minutes BETWEEN 1 AND 1440),
    ADD COLUMN auto_handover boolean NOT NULL DEFAULT false,
    ADD COLUMN handover_grace_seconds integer NOT NULL DEFAULT 60 CHECK (handover_grace_seconds BETWEEN 0 AND 86400),
    -- Rises with every change of these settings and of the workspace's policies: decisions name it.
    ADD COLUMN routing_version bigint NOT NULL DEFAULT 1;

ALTER TABLE agents ADD COLUMN max_conversations integer CHECK (max_conversations BETWEEN 1 AND 1000);
-- When it last came to hold a conversation, in whatever way.
ALTER TABLE agent_counts ADD COLUMN last_assigned_at timestamptz;
UPDATE agent_counts c SET last_assigned_at = (SELECT max(h.from_at) FROM ticket_holders h
    WHERE h.workspace_id = c.workspace_id AND h.agent_id = c.agent_id);

CREATE TABLE distribution_policies (
    workspace_id           uuid NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    id                     uuid NOT NULL,
    name                   text NOT NULL CHECK (char_length(name) BETWEEN 1 AND 100),
    sticky_agent           boolean NOT NULL,
    idle_transfer_minutes  integer CHECK (idle_transfer_minutes BETWEEN 5 AND 1440),
    strategy               text CHECK (strategy IN ('least_busy', 'round_robin')),
    version                bigint NOT NULL DEFAULT 1,
    created_at             timestamptz NOT NULL,
    PRIMARY KEY (workspace_id, id),
    UNIQUE (workspace_id, name)
);

-- A channel has at most one policy.
CREATE TABLE distribution_policy_channels (
    workspace_id  uuid NOT NULL,
    channel_id    uuid NOT NULL,
    policy_id     uuid NOT NULL,
    PRIMARY KEY (workspace_id, channel_id),
    FOREIGN KEY (workspace_id, channel_id) REFERENCES channels (workspace_id, id) ON DELETE CASCADE,
    FOREIGN KEY (workspace_id, policy_id) REFERENCES distribution_policies (workspace_id, id) ON DELETE CASCADE
);
CREATE INDEX distribution_policy_channels_by_policy ON distribution_policy_channels (workspace_id, policy_id);

-- Why a conversation waits, and whether a stored decision says so; since when a held one is held; since when the
-- customer is without an answer; who gets it again only if nobody else can.
ALTER TABLE conversations
    ADD COLUMN waiting_cause text CHECK (waiting_cause IN ('session_started', 'unassigned', 'division_set', 'holder_left',
        'unanswered', 'handover', 'slot_freed', 'agent_available', 'limit_changed', 'allocation_changed', 'settings_changed')),
    ADD COLUMN waiting_decided boolean NOT NULL DEFAULT false,
    ADD COLUMN assigned_at timestamptz,
    ADD COLUMN over_limit boolean NOT NULL DEFAULT false,
    ADD COLUMN unanswered_since timestamptz,
    ADD COLUMN previous_holders uuid[] NOT NULL DEFAULT '{}';
UPDATE conversations SET waiting_cause = 'session_started' WHERE waiting_since IS NOT NULL;
UPDATE conversations c SET assigned_at = coalesce((SELECT h.from_at FROM ticket_holders h
    WHERE h.workspace_id = c.workspace_id AND h.ticket_id = c.ticket_id AND h.to_at IS NULL), c.last_activity_at)
WHERE assignee_id IS NOT NULL;
UPDATE conversations c SET unanswered_since = coalesce(c.last_inbound_at, c.last_activity_at)
WHERE session_id IS NOT NULL AND EXISTS (SELECT 1 FROM messages m
    WHERE m.workspace_id = c.workspace_id AND m.id = c.last_message_id AND m.direction = 'inbound');
ALTER TABLE conversations
    ADD CHECK ((waiting_since IS NULL) = (waiting_cause IS NULL)),
    ADD CHECK ((assignee_id IS NULL) = (assigned_at IS NULL)),
    ADD CHECK (assignee_id IS NOT NULL OR NOT over_limit);
-- The queue, oldest first.
CREATE INDEX conversations_waiting ON conversations (workspace_id, waiting_since, id) WHERE waiting_since IS NOT NULL;

ALTER TABLE ticket_holders DROP CONSTRAINT ticket_holders_reason_check;
ALTER TABLE ticket_holders ADD CONSTRAINT ticket_holders_reason_check
    CHECK (reason IN ('claimed', 'assigned', 'replied', 'auto_assigned', 'unanswered_transfer', 'handover'));

-- One router at a time works on a workspace: it holds this row. `run` counts its transactions, so that a node knows
-- whether what it remembers of the team is still all there is.
CREATE TABLE routing_states (
    workspace_id  uuid PRIMARY KEY REFERENCES workspaces (id) ON DELETE CASCADE,
    run           bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 50);
INSERT INTO routing_states (workspace_id) SELECT id FROM workspaces;

-- What the router has to look at; written in the transaction that gives cause, deleted in the one that has looked.
-- An agent: read again what it is and holds. A conversation: it waits, and may not have been decided as it is now. Neither:
-- look through the queue, or the rest of it.
CREATE TABLE routing_requests (
    workspace_id     uuid NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    id               uuid NOT NULL,
    cause            text NOT NULL CHECK (cause IN ('session_started', 'unassigned', 'division_set', 'holder_left',
                         'unanswered', 'handover', 'slot_freed', 'agent_available', 'limit_changed', 'allocation_changed',
                         'settings_changed')),
    agent_id         uuid,
    conversation_id  uuid,
    created_at       timestamptz NOT NULL,
    PRIMARY KEY (workspace_id, id)
);

-- Every decision of routing, with what it was made from.
CREATE TABLE routing_decisions (
    workspace_id      uuid NOT NULL,
    id                uuid NOT NULL,
    conversation_id   uuid NOT NULL,
    trigger           text NOT NULL CHECK (trigger IN ('session_started', 'unassigned', 'division_set', 'holder_left',
                          'unanswered', 'handover', 'slot_freed', 'agent_available', 'limit_changed', 'allocation_changed',
                          'settings_changed')),
    at                timestamptz NOT NULL,
    outcome           text NOT NULL CHECK (outcome IN ('assigned', 'queued', 'kept')),
    agent_id          uuid,
    reason            text NOT NULL CHECK (reason IN ('sticky_agent', 'least_busy', 'round_robin', 'nobody_available')),
    tie_break         text CHECK (tie_break IN ('only_candidate', 'fewest_held', 'longest_since_assignment', 'lowest_id')),
    -- What was asked and by which rules (domain::routing::Inquiry).
    inquiry           jsonb NOT NULL,
    -- The candidates in the order of choice, then those left out; of a large team the first two hundred, and how many
    -- more there were for each reason.
    candidates        jsonb NOT NULL,
    omitted           jsonb NOT NULL,
    settings_version  bigint NOT NULL,
    rules_version     integer NOT NULL,
    duration_us       bigint NOT NULL,
    PRIMARY KEY (workspace_id, id),
    CHECK ((outcome = 'assigned') = (agent_id IS NOT NULL)),
    FOREIGN KEY (workspace_id, conversation_id) REFERENCES conversations (workspace_id, id) ON DELETE CASCADE,
    FOREIGN KEY (workspace_id, agent_id) REFERENCES agents (workspace_id, id) ON DELETE RESTRICT
);
CREATE INDEX routing_decisions_by_conversation ON routing_decisions (workspace_id, conversation_id, id);
CREATE INDEX routing_decisions_by_time ON routing_decisions (workspace_id, at, id);
CREATE INDEX routing_decisions_by_agent ON routing_decisions (workspace_id, agent_id) WHERE agent_id IS NOT NULL;

-- What happens later unless something happens before. Blocked: it was due, and nobody could take the conversation; it
-- acts as soon as somebody can. Fired: done, and not to be done again.
CREATE TABLE timers (
    workspace_id     uuid NOT NULL,
    id               uuid NOT NULL,
    kind             text NOT NULL CHECK (kind IN ('unanswered_transfer', 'supervisor_notice', 'handover')),
    conversation_id  uuid,
    agent_id         uuid,
    running_since    timestamptz NOT NULL,
    due_at           timestamptz NOT NULL,
    state            text NOT NULL CHECK (state IN ('armed', 'blocked', 'fired')),
    PRIMARY KEY (workspace_id, id),
    -- A handover is of a member, with all that it holds; the others are of a conversation.
    CHECK ((agent_id IS NULL) <> (conversation_id IS NULL)),
    UNIQUE (workspace_id, conversation_id, kind),
    UNIQUE (workspace_id, agent_id, kind),
    FOREIGN KEY (workspace_id, conversation_id) REFERENCES conversations (workspace_id, id) ON DELETE CASCADE,
    FOREIGN KEY (workspace_id, agent_id) REFERENCES agents (workspace_id, id) ON DELETE CASCADE
);
-- Which workspaces have one that is due, and when the next one is; and which they are.
CREATE INDEX timers_due ON timers (due_at) WHERE state = 'armed';
CREATE INDEX timers_due_by_workspace ON timers (workspace_id, due_at, id) WHERE state = 'armed';
CREATE INDEX timers_blocked ON timers (workspace_id, due_at) WHERE state = 'blocked';

-- What a member is to know of.
CREATE TABLE notifications (
    workspace_id     uuid NOT NULL,
    id               uuid NOT NULL,
    agent_id         uuid NOT NULL,
    kind             text NOT NULL CHECK (kind IN ('assigned', 'transferred', 'handed_over', 'unanswered')),
    conversation_id  uuid,
    ticket_id        uuid,
    text             text NOT NULL,
    read_at          timestamptz,
    created_at       timestamptz NOT NULL,
    PRIMARY KEY (workspace_id, id),
    FOREIGN KEY (workspace_id, agent_id) REFERENCES agents (workspace_id, id) ON DELETE CASCADE,
    FOREIGN KEY (workspace_id, conversation_id) REFERENCES conversations (workspace_id, id) ON DELETE CASCADE
);
CREATE INDEX notifications_by_agent ON notifications (workspace_id, agent_id, id);
CREATE INDEX notifications_unread ON notifications (workspace_id, agent_id, id) WHERE read_at IS NULL;
CREATE INDEX notifications_by_conversation ON notifications (workspace_id, conversation_id);

ALTER TABLE audit_entries DROP CONSTRAINT audit_entries_subject_type_check;
ALTER TABLE audit_entries ADD CONSTRAINT audit_entries_subject_type_check CHECK (subject_type IN ('agent', 'division',
    'channel', 'api_key', 'workspace', 'assignment_settings', 'distribution_policy'));
