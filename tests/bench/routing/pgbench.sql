-- The workspaces that pgbench assigns in, beside those of the API and like them: the first has 100 agents and 4,000
-- conversations, the other 99 have 10 and 40.
CREATE TEMPORARY TABLE offices AS
SELECT w, ('00000000-0000-4000-9000-' || lpad(w::text, 12, '0'))::uuid AS id, CASE w WHEN 1 THEN 100 ELSE 10 END AS agents,
    CASE w WHEN 1 THEN 4000 ELSE 40 END AS conversations
FROM generate_series(1, 100) w;
INSERT INTO workspaces (id, name, slug, timezone, created_at) SELECT id, 'pgbench', 'pgbench-routing-' || w, 'UTC', now() FROM offices;
INSERT INTO event_counters (workspace_id) SELECT id FROM offices;
INSERT INTO assignment_settings (workspace_id) SELECT id FROM offices ON CONFLICT DO NOTHING;
INSERT INTO routing_states (workspace_id) SELECT id FROM offices ON CONFLICT DO NOTHING;
INSERT INTO channels (workspace_id, id, kind, name, external_id, config, secrets, state, created_at)
SELECT id, id, 'whatsapp', 'WhatsApp', 'routing-1150', '{}', '', 'connected', now() FROM offices;
INSERT INTO agents (workspace_id, id, name, name_folded, email, password_hash, role, availability, created_at)
SELECT id, md5('agent ' || n)::uuid, 'Agent ' || n, 'agent ' || n, n || '@bench.example', '-', 'agent', 'online', now()
FROM offices, generate_series(0, 99) n WHERE n < agents;
INSERT INTO agent_counts (workspace_id, agent_id) SELECT workspace_id, a.id FROM agents a JOIN offices o ON o.id = a.workspace_id;
INSERT INTO contacts (workspace_id, id, name, phone, created_at)
SELECT id, md5('conversation ' || n)::uuid, 'Customer ' || n, '62812' || lpad(n::text, 8, '0'), now()
FROM offices, generate_series(0, 3999) n WHERE n < conversations;
INSERT INTO contact_identities (workspace_id, id, contact_id, channel_id, external_id, phone, name, created_at)
SELECT workspace_id, c.id, c.id, workspace_id, phone, phone, name, created_at FROM contacts c JOIN offices o ON o.id = c.workspace_id;
INSERT INTO conversations (workspace_id, id, channel_id, contact_id, identity_id, session_id, session_started_at, waiting_since, waiting_cause,
    last_inbound_at, last_activity_at, last_message_id, unread_count, created_at)
SELECT workspace_id, c.id, workspace_id, c.id, c.id, c.id, now(), now(), 'session_started', now(), now(), c.id, 1, now()
FROM contacts c JOIN offices o ON o.id = c.workspace_id;
INSERT INTO messages (workspace_id, id, conversation_id, channel_id, session_id, direction, author_type, author_id, kind, text, status,
    provider_message_id, at, created_at)
SELECT c.workspace_id, c.id, c.id, c.channel_id, c.id, 'inbound', 'contact', c.id, 'text',
    'Selamat pagi kak, paket saya resi JP8812349907 kok belum sampai ya?', 'received', 'wamid.' || c.id, now(), now()
FROM conversations c JOIN offices o ON o.id = c.workspace_id;
DROP TABLE offices;
