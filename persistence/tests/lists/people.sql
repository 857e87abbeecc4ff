CREATE TEMPORARY TABLE world AS SELECT '{world}'::jsonb AS it;
INSERT INTO workspaces (id, name, slug, timezone, created_at) VALUES ('{workspace}', 'W', 'people', 'UTC', now());
INSERT INTO agents (workspace_id, id, name, email, password_hash, role, created_at)
SELECT '{workspace}', one::uuid, 'A', one || '@example.test', '', 'agent', now()
FROM world, jsonb_array_elements_text(it -> 'agents') one;
INSERT INTO channels (workspace_id, id, kind, name, external_id, config, secrets, state, created_at)
SELECT '{workspace}', one::uuid, 'telegram', 'C', one, '{}', '', 'connected', now()
FROM world, jsonb_array_elements_text(it -> 'channels') one;
INSERT INTO labels (workspace_id, id, name, search_name, color, created_at)
SELECT '{workspace}', one::uuid, one, one, '#000000', now() FROM world, jsonb_array_elements_text(it -> 'labels') one;
INSERT INTO contacts (workspace_id, id, name, search_name, phone, blocked_at, created_at)
SELECT '{workspace}', id, name, search_name, phone, CASE WHEN blocked THEN now() END, now()
FROM world, jsonb_to_recordset(it -> 'contacts') AS c (id uuid, name text, search_name text, phone text, blocked boolean);
INSERT INTO contact_identities (workspace_id, id, contact_id, channel_id, external_id, created_at)
SELECT '{workspace}', id, contact_id, channel_id, id, now()
FROM world, jsonb_to_recordset(it -> 'identities') AS i (id uuid, contact_id uuid, channel_id uuid);
INSERT INTO conversations (workspace_id, id, channel_id, contact_id, identity_id, session_id, session_started_at, assignee_id,
    ticket_id, assigned_at, last_activity_at, created_at)
SELECT '{workspace}', id, channel_id, contact_id, id, ticket_id, CASE WHEN ticket_id IS NOT NULL THEN now() END, assignee_id,
    ticket_id, CASE WHEN ticket_id IS NOT NULL THEN now() END, now(), now()
FROM world, jsonb_to_recordset(it -> 'conversations')
    AS c (id uuid, contact_id uuid, channel_id uuid, assignee_id uuid, ticket_id uuid);
INSERT INTO conversation_labels (workspace_id, conversation_id, label_id)
SELECT '{workspace}', id, label::uuid
FROM world, jsonb_to_recordset(it -> 'conversations') AS c (id uuid, labels jsonb), jsonb_array_elements_text(labels) label;
INSERT INTO tickets (workspace_id, id, conversation_id, channel_id, session_id, agent_id, session_started_at, opened_at,
    answered_at, closed_at)
SELECT '{workspace}', id, conversation_id, channel_id, id, agent_id, opened_at, opened_at, answered_at, closed_at
FROM world, jsonb_to_recordset(it -> 'tickets') AS t (id uuid, conversation_id uuid, channel_id uuid, agent_id uuid,
    opened_at timestamptz, answered_at timestamptz, closed_at timestamptz);
DROP TABLE world;
ANALYZE;
