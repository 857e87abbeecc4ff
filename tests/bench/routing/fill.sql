-- In the workspace {workspace}: {agents} agents that are {availability}, {spare} that are offline and {supervisors} supervisors that
-- are online, each of these with a limit of one conversation; all have the admin's password. {waiting} conversations wait, every
-- fourth for the division of nobody, and a stored decision says why.
INSERT INTO agents (workspace_id, id, name, name_folded, email, password_hash, role, availability, max_conversations, created_at)
SELECT workspace_id, md5('agent ' || n)::uuid, 'Agent ' || n, 'agent ' || n, 'agent' || n || '@bench.example', password_hash,
    CASE WHEN n >= {agents} + {spare} THEN 'supervisor' ELSE 'agent' END,
    CASE WHEN n < {agents} THEN '{availability}' WHEN n < {agents} + {spare} THEN 'offline' ELSE 'online' END,
    CASE WHEN n >= {agents} THEN 1 END, now()
FROM agents, generate_series(0, {agents} + {spare} + {supervisors} - 1) n WHERE workspace_id = '{workspace}';
INSERT INTO agent_counts (workspace_id, agent_id)
SELECT workspace_id, id FROM agents WHERE workspace_id = '{workspace}' ON CONFLICT DO NOTHING;
UPDATE workspaces SET presence = 'availability' WHERE id = '{workspace}';
INSERT INTO divisions (workspace_id, id, name, created_at) VALUES ('{workspace}', md5('division')::uuid, 'Division', now());

INSERT INTO contacts (workspace_id, id, name, phone, created_at)
SELECT '{workspace}', md5('customer ' || n)::uuid, 'Customer ' || n, '62813' || lpad(n::text, 8, '0'), now()
FROM generate_series(1, {waiting}) n;
INSERT INTO contact_identities (workspace_id, id, contact_id, channel_id, external_id, phone, name, created_at)
SELECT workspace_id, id, id, '{channel}', phone, phone, name, created_at FROM contacts WHERE workspace_id = '{workspace}';
INSERT INTO conversations (workspace_id, id, channel_id, contact_id, identity_id, session_id, session_started_at, waiting_since,
    waiting_cause, waiting_decided, unanswered_since, division_id, last_inbound_at, last_activity_at, last_message_id, unread_count,
    created_at)
SELECT '{workspace}', id, '{channel}', id, id, id, at, at, 'session_started', true, at,
    CASE WHEN n % 4 = 0 THEN md5('division')::uuid END, at, at, id, 1, at
FROM (SELECT n, md5('customer ' || n)::uuid AS id, now() - n * interval '1 second' AS at FROM generate_series(1, {waiting}) n) one;
INSERT INTO messages (workspace_id, id, conversation_id, channel_id, session_id, direction, author_type, author_id, kind, text, status,
    provider_message_id, at, created_at)
SELECT workspace_id, id, id, channel_id, id, 'inbound', 'contact', id, 'text',
    'Selamat pagi kak, paket saya resi JP8812349907 kok belum sampai ya?', 'received', 'wamid.' || id, created_at, created_at
FROM conversations WHERE workspace_id = '{workspace}';
ANALYZE agents, agent_counts, contacts, contact_identities, conversations, messages;
