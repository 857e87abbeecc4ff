-- A workspace with 100,000 conversations, as uneven as a real one and more:
-- * channel 7 has 50 of them, a third of which agent 19 holds, who holds nothing else;
-- * on channel 6 all are archived but the last few, and agents 0 to 18 hold what of the rest is held;
-- * what waits waits for division 0, but for every hundredth, and that for nobody in particular;
-- * nearly all that nobody holds is resolved;
-- * one of ten has the label "often", 20 have "seldom", and the oldest 20,000 have "old";
-- * one of 50 is unread, but on channel 7 none;
-- * one of seven customers is called Budi, 25 are called Zulkifli, and one is called like nobody else.
-- A second workspace has enough members, channels and divisions that nobody would read them all for a page.
-- Without asking for each row what it refers to, which would take most of the time.
SET session_replication_role = replica;

INSERT INTO workspaces (id, name, slug, timezone, created_at)
SELECT md5('workspace ' || n)::uuid, 'W', 'large-' || n, 'UTC', now() FROM generate_series(0, 1) n;

INSERT INTO agents (workspace_id, id, name, email, password_hash, role, created_at)
SELECT md5('workspace ' || (n > 19)::int)::uuid, md5('agent ' || n)::uuid, 'A', n || '@example.test', '', 'agent', now()
FROM generate_series(0, 3000) n;

INSERT INTO channels (workspace_id, id, kind, name, external_id, config, secrets, state, created_at)
SELECT md5('workspace ' || (n > 7)::int)::uuid, md5('channel ' || n)::uuid, 'telegram', 'C', n, '{}', '', 'connected', now()
FROM generate_series(0, 3000) n;

INSERT INTO divisions (workspace_id, id, name, created_at)
SELECT md5('workspace ' || (n > 3)::int)::uuid, md5('division ' || n)::uuid, 'D' || n, now() FROM generate_series(0, 3000) n;

CREATE TEMPORARY TABLE plan AS
SELECT n, md5('conversation ' || n)::uuid AS id, now() - n * interval '1 second' AS at,
    CASE WHEN n % 2000 = 0 THEN 7 ELSE n % 7 END AS channel,
    CASE WHEN n % 2000 = 0 THEN n % 3 = 0 ELSE n % 5 < 2 END AS held,
    n % 40 = 2 AS waits
FROM generate_series(1, 100000) n;

INSERT INTO contacts (workspace_id, id, name, search_name, phone, created_at)
SELECT md5('workspace 0')::uuid, id, name, lower(name), '62812' || lpad(n::text, 8, '0'), at
FROM plan, LATERAL (SELECT CASE WHEN n = 55555 THEN 'Quirijn' WHEN n % 4000 = 1 THEN 'Zulkifli' WHEN n / 7 % 7 = 2 THEN 'Budi' ELSE 'Wati' END) named (name);
INSERT INTO contact_identities (workspace_id, id, contact_id, channel_id, external_id, created_at)
SELECT md5('workspace 0')::uuid, id, id, md5('channel ' || channel)::uuid, n, at FROM plan;
INSERT INTO labels (workspace_id, id, name, search_name, color, created_at)
SELECT md5('workspace 0')::uuid, md5('label ' || n)::uuid, n, n, '#336699', now() FROM generate_series(0, 2) n;
INSERT INTO conversations (workspace_id, id, channel_id, contact_id, identity_id, session_id, session_started_at, assignee_id,
    ticket_id, assigned_at, waiting_since, waiting_cause, division_id, last_activity_at, last_message_id, unread_count, archived_at,
    search_name, created_at)
SELECT md5('workspace 0')::uuid, id, md5('channel ' || channel)::uuid, id, id, CASE WHEN held OR waits THEN id END,
    CASE WHEN held OR waits THEN at END,
    CASE WHEN held THEN md5('agent ' || CASE channel WHEN 7 THEN 19 ELSE n / 7 % 19 END)::uuid END,
    CASE WHEN held THEN id END, CASE WHEN held THEN at END, CASE WHEN waits AND NOT held THEN at END,
    CASE WHEN waits AND NOT held THEN 'session_started' END,
    CASE WHEN waits AND NOT held AND n / 40 % 100 > 0 THEN md5('division 0')::uuid END, at, id,
    (n % 50 = 3 AND channel <> 7)::int, CASE WHEN channel = 6 AND n < 99900 THEN now() END, search_name, at
FROM plan JOIN contacts USING (id);
INSERT INTO conversation_labels (workspace_id, conversation_id, label_id, channel_id, shelf, last_activity_at, search_name)
SELECT c.workspace_id, c.id, md5('label ' || label)::uuid, c.channel_id, c.shelf, c.last_activity_at, c.search_name
FROM plan JOIN conversations c USING (id), (VALUES (0, 10, 0), (1, 5000, 0), (2, 1, 80000)) AS often (label, every, beyond)
WHERE n % every = 0 AND n > beyond;
INSERT INTO messages (workspace_id, id, conversation_id, channel_id, direction, author_type, kind, text, status, at, created_at)
SELECT workspace_id, id, id, channel_id, 'inbound', 'contact', 'text', 'Halo', 'received', created_at, created_at
FROM conversations;
INSERT INTO tickets (workspace_id, id, conversation_id, channel_id, session_id, agent_id, session_started_at, opened_at, search_name)
SELECT workspace_id, id, id, channel_id, id, coalesce(assignee_id, md5('agent 0')::uuid), created_at, created_at, search_name
FROM conversations;
INSERT INTO ticket_holders (workspace_id, ticket_id, position, agent_id, from_at, reason)
SELECT workspace_id, id, 0, agent_id, opened_at, 'claimed' FROM tickets;
RESET session_replication_role;
