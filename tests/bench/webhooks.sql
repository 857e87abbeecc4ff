-- The workspaces that pgbench writes to, beside those of the API and like them: the first has 1,000
-- customers, the other 99 have 10 each.
INSERT INTO workspaces (id, name, slug, timezone, created_at)
SELECT ('00000000-0000-4000-8000-' || lpad(w::text, 12, '0'))::uuid, 'pgbench', 'pgbench-' || w, 'UTC', now()
FROM generate_series(1, 100) w;

INSERT INTO event_counters (workspace_id) SELECT id FROM workspaces WHERE slug LIKE 'pgbench-%';

INSERT INTO channels (workspace_id, id, kind, name, external_id, config, secrets, state, created_at)
SELECT id, id, 'whatsapp', 'WhatsApp', '1150', '{}', '', 'connected', now() FROM workspaces WHERE slug LIKE 'pgbench-%';

CREATE TEMPORARY TABLE customers AS
SELECT w.id AS workspace_id, md5(w.slug || ' customer ' || c)::uuid AS id, '62812' || lpad(c::text, 8, '0') AS phone
FROM workspaces w, generate_series(1, 1000) c
WHERE w.slug LIKE 'pgbench-%' AND (c <= 10 OR w.slug = 'pgbench-1');

INSERT INTO contacts (workspace_id, id, name, phone, created_at)
SELECT workspace_id, id, 'Customer ' || phone, phone, now() FROM customers;

INSERT INTO contact_identities (workspace_id, id, contact_id, channel_id, external_id, phone, name, created_at)
SELECT workspace_id, id, id, workspace_id, phone, phone, 'Customer ' || phone, now() FROM customers;

INSERT INTO conversations (workspace_id, id, channel_id, contact_id, identity_id, session_id, session_started_at, waiting_since, waiting_cause,
    last_inbound_at, last_activity_at, unread_count, created_at)
SELECT workspace_id, id, workspace_id, id, id, id, now(), now(), 'session_started', now(), now(), 1, now() FROM customers;

DROP TABLE customers;

