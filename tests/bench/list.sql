-- 100,000 conversations in the workspace {workspace}. Its twenty agents hold three of five; of the others half wait, two thirds
-- of those for one of four divisions, and half are resolved. There are eight channels: {channel}, six as busy as
-- that one, and one with 50 conversations. Agent 19 is a supervisor of the first five agents; agent 8 works for two channels, the one with
-- 50 among them, and one division, which counts while the workspace restricts agents to that.
INSERT INTO agents (workspace_id, id, name, email, password_hash, role, created_at)
SELECT workspace_id, md5('agent ' || n)::uuid, 'Agent ' || n, 'agent' || n || '@bench.example', password_hash,
    CASE n WHEN 19 THEN 'supervisor' ELSE 'agent' END, now()
FROM agents, generate_series(0, 19) n WHERE workspace_id = '{workspace}';
INSERT INTO agent_counts (workspace_id, agent_id)
SELECT workspace_id, id FROM agents WHERE workspace_id = '{workspace}' ON CONFLICT DO NOTHING;
UPDATE agents SET supervisor_id = md5('agent 19')::uuid
WHERE workspace_id = '{workspace}' AND id IN (SELECT md5('agent ' || n)::uuid FROM generate_series(0, 4) n);

INSERT INTO channels (workspace_id, id, kind, name, external_id, config, secrets, state, created_at)
SELECT workspace_id, md5('channel ' || n)::uuid, kind, 'WhatsApp ' || n, 'number ' || n, config, secrets, state, created_at
FROM channels, generate_series(1, 7) n WHERE workspace_id = '{workspace}';
INSERT INTO divisions (workspace_id, id, name, created_at)
SELECT '{workspace}', md5('division ' || n)::uuid, 'Division ' || n, now() FROM generate_series(0, 3) n;
INSERT INTO channel_agents (workspace_id, channel_id, agent_id)
SELECT '{workspace}', md5('channel ' || n)::uuid, md5('agent 8')::uuid FROM unnest(ARRAY[1, 7]) n;
INSERT INTO division_members (workspace_id, division_id, agent_id)
VALUES ('{workspace}', md5('division 0')::uuid, md5('agent 8')::uuid);

INSERT INTO contacts (workspace_id, id, name, phone, created_at)
SELECT '{workspace}', md5('customer ' || n)::uuid, 'Customer ' || n, '62812' || lpad(n::text, 8, '0'), now()
FROM generate_series(1, 100000) n;

CREATE TEMPORARY TABLE one AS
SELECT n, md5('customer ' || n)::uuid AS id, now() - n * interval '1 second' AS at, n % 5 < 3 AS held, n % 5 = 3 AS waits,
    CASE WHEN n % 2000 = 0 THEN md5('channel 7')::uuid WHEN n % 7 = 0 THEN '{channel}' ELSE md5('channel ' || n % 7)::uuid END AS channel
FROM generate_series(1, 100000) n;

INSERT INTO contact_identities (workspace_id, id, contact_id, channel_id, external_id, phone, name, created_at)
SELECT c.workspace_id, id, id, channel, phone, phone, name, c.created_at FROM contacts c JOIN one USING (id)
WHERE c.workspace_id = '{workspace}';

INSERT INTO conversations (workspace_id, id, channel_id, contact_id, identity_id, session_id, session_started_at, assignee_id, assigned_at, ticket_id,
    waiting_since, waiting_cause, division_id, last_inbound_at, last_activity_at, last_message_id, unread_count, created_at)
SELECT '{workspace}', id, channel, id, id, CASE WHEN held OR waits THEN id END, CASE WHEN held OR waits THEN at END,
    CASE WHEN held THEN md5('agent ' || n / 5 % 20)::uuid END, CASE WHEN held THEN at END, CASE WHEN held THEN id END,
    CASE WHEN waits THEN at END, CASE WHEN waits THEN 'session_started' END,
    CASE WHEN waits AND n % 3 > 0 THEN md5('division ' || n % 4)::uuid END, at, at, id, 1, at
FROM one;

INSERT INTO messages (workspace_id, id, conversation_id, channel_id, session_id, direction, author_type, author_id, kind, text, status,
    provider_message_id, at, created_at)
SELECT workspace_id, id, id, channel_id, id, 'inbound', 'contact', id, 'text',
    'Selamat pagi kak, paket saya resi JP8812349907 kok belum sampai ya?', 'received', 'wamid.' || id, created_at, created_at
FROM conversations WHERE workspace_id = '{workspace}';

INSERT INTO tickets (workspace_id, id, conversation_id, channel_id, session_id, agent_id, session_started_at, opened_at)
SELECT workspace_id, id, id, channel_id, id, assignee_id, created_at, created_at
FROM conversations WHERE workspace_id = '{workspace}' AND assignee_id IS NOT NULL;
