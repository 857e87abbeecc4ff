-- 100,000 conversations in the workspace {workspace}: its twenty agents hold three of five, the others wait.
INSERT INTO agents (workspace_id, id, name, email, password_hash, role, created_at)
SELECT workspace_id, md5('agent ' || n)::uuid, 'Agent ' || n, 'agent' || n || '@bench.example', password_hash, 'agent', now()
FROM agents, generate_series(0, 19) n WHERE workspace_id = '{workspace}';
INSERT INTO agent_counts (workspace_id, agent_id)
SELECT workspace_id, id FROM agents WHERE workspace_id = '{workspace}' ON CONFLICT DO NOTHING;

INSERT INTO contacts (workspace_id, id, name, phone, created_at)
SELECT '{workspace}', md5('customer ' || n)::uuid, 'Customer ' || n, '62812' || lpad(n::text, 8, '0'), now()
FROM generate_series(1, 100000) n;

INSERT INTO contact_identities (workspace_id, id, contact_id, channel_id, external_id, phone, name, created_at)
SELECT workspace_id, id, id, '{channel}', phone, phone, name, created_at FROM contacts WHERE workspace_id = '{workspace}';

INSERT INTO conversations (workspace_id, id, channel_id, contact_id, identity_id, session_id, session_started_at, assignee_id, ticket_id,
    waiting_since, last_inbound_at, last_activity_at, last_message_id, unread_count, created_at)
SELECT '{workspace}', id, '{channel}', id, id, id, at, CASE WHEN held THEN md5('agent ' || n % 20)::uuid END,
    CASE WHEN held THEN id END, CASE WHEN NOT held THEN at END, at, at, id, 1, at
FROM (
    SELECT n, md5('customer ' || n)::uuid AS id, now() - n * interval '1 second' AS at, n % 5 < 3 AS held
    FROM generate_series(1, 100000) n
) one;

INSERT INTO messages (workspace_id, id, conversation_id, channel_id, session_id, direction, author_type, author_id, kind, text, status,
    provider_message_id, at, created_at)
SELECT workspace_id, id, id, channel_id, id, 'inbound', 'contact', id, 'text',
    'Selamat pagi kak, paket saya resi JP8812349907 kok belum sampai ya?', 'received', 'wamid.' || id, created_at, created_at
FROM conversations WHERE workspace_id = '{workspace}';

INSERT INTO tickets (workspace_id, id, conversation_id, session_id, agent_id, session_started_at, opened_at)
SELECT workspace_id, id, id, id, assignee_id, created_at, created_at
FROM conversations WHERE workspace_id = '{workspace}' AND assignee_id IS NOT NULL;
