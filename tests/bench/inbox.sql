-- {count} conversations with ten messages each in the workspace {workspace}: eight channels ({channel} is one), 40 agents, four divisions,
-- four labels. As in a real one, nearly all is resolved and much is archived; the newest conversations are in somebody's hands or
-- wait, and what is unread is mostly new. One of five customers is called by one of three first names; one is called like
-- nobody else; labels are on one of 3, 100 and 10,000 conversations, and one only on the oldest.
-- Without asking for each row what it refers to and counting row by row, which would take most of the time.
SET session_replication_role = replica;
SET synchronous_commit = off;
-- Built anew at the end, as whoever fills a database would do.
CREATE TEMPORARY TABLE rebuilt AS SELECT indexname, indexdef FROM pg_indexes
WHERE indexname IN ('contacts_by_keys', 'contact_identities_by_keys');
DROP INDEX contacts_by_keys, contact_identities_by_keys;

INSERT INTO agents (workspace_id, id, name, email, password_hash, role, created_at)
SELECT workspace_id, md5('{workspace} agent ' || n)::uuid, 'Agent ' || n, 'agent' || n || '@bench.example', password_hash,
    CASE n WHEN 39 THEN 'supervisor' ELSE 'agent' END, now()
FROM agents, generate_series(0, 39) n WHERE workspace_id = '{workspace}';
UPDATE agents SET supervisor_id = md5('{workspace} agent 39')::uuid
WHERE workspace_id = '{workspace}' AND id IN (SELECT md5('{workspace} agent ' || n)::uuid FROM generate_series(0, 4) n);
INSERT INTO channels (workspace_id, id, kind, name, external_id, config, secrets, state, created_at)
SELECT workspace_id, md5('{workspace} channel ' || n)::uuid, CASE n % 4 WHEN 3 THEN 'telegram' ELSE kind END, 'Channel ' || n, 'account ' || n,
    config, secrets, state, created_at
FROM channels, generate_series(1, 7) n WHERE workspace_id = '{workspace}';
INSERT INTO divisions (workspace_id, id, name, created_at)
SELECT '{workspace}', md5('{workspace} division ' || n)::uuid, 'Division ' || n, now() FROM generate_series(0, 3) n;
INSERT INTO labels (workspace_id, id, name, search_name, color, created_at)
SELECT '{workspace}', md5('{workspace} label ' || name)::uuid, name, name, '#336699', now()
FROM unnest(ARRAY['common', 'usual', 'rare', 'old']) AS name;

CREATE TEMPORARY TABLE one AS
SELECT n, md5('{workspace} customer ' || n)::uuid AS id, now() - n * interval '20 seconds' AS at,
    CASE n % 8 WHEN 0 THEN '{channel}'::uuid ELSE md5('{workspace} channel ' || n % 8)::uuid END AS channel,
    n > {count} / 3 AND n % 10 < 6 AS archived, n <= 4000 AND n % 5 < 4 AS held, n <= 5000 AND n % 5 = 4 AS waits,
    n <= 2000 AND n % 3 = 0 OR n % 200 = 7 AS unread,
    (hashint4(n)::bigint & 65535) AS draw, (hashint4(n + 7)::bigint & 65535) AS other_draw
FROM generate_series(1, {count}) n;

CREATE TEMPORARY TABLE named AS
SELECT id, at, n, '628' || lpad((n * 2654435761 % 4294967296)::text, 10, '0') AS phone, CASE WHEN n = {count} / 2 + 7 THEN 'Xaverius Quiroz' ELSE
    CASE WHEN draw < 13107 THEN (ARRAY['Budi', 'Siti', 'Agus'])[1 + draw % 3]
         ELSE initcap((ARRAY['de', 'ra', 'wi', 'yo', 'la', 'nu', 'sa', 'hen', 'put', 'ka'])[1 + draw % 10]
             || (ARRAY['wi', 'ni', 'dra', 'ti', 'man', 'lia', 'rto', 'san', 'ri', 'no'])[1 + draw / 10 % 10]) END || ' ' ||
    initcap((ARRAY['san', 'wi', 'ku', 'pra', 'ha', 'su', 'le', 'ma', 'per', 'nu'])[1 + other_draw % 10]
        || (ARRAY['to', 'ja', 'su', 'se', 'ryo', 'di', 'sta', 'har', 'ma', 'gro'])[1 + other_draw / 10 % 10]
        || (ARRAY['so', 'ya', 'ma', 'tyo', 'no', 'ri', 'wan', 'ni', 'na', 'ho'])[1 + other_draw / 100 % 10]) END AS name
FROM one;

INSERT INTO contacts (workspace_id, id, name, search_name, phone, created_at)
SELECT '{workspace}', id, name, lower(name), phone, at FROM named;
INSERT INTO contact_identities (workspace_id, id, contact_id, channel_id, external_id, phone, name, created_at)
SELECT '{workspace}', id, id, channel, 'ID.88' || lpad(n::text, 14, '0'), phone, name, at FROM one JOIN named USING (id, at, n);
INSERT INTO conversations (workspace_id, id, channel_id, contact_id, identity_id, session_id, session_started_at, assignee_id, assigned_at, ticket_id,
    waiting_since, waiting_cause, division_id, last_inbound_at, last_activity_at, last_message_id, unread_count, archived_at, search_name, created_at)
SELECT '{workspace}', id, channel, id, id, CASE WHEN held OR waits THEN id END, CASE WHEN held OR waits THEN at END,
    CASE WHEN held THEN md5('{workspace} agent ' || n / 5 % 40)::uuid END, CASE WHEN held THEN at END, CASE WHEN held THEN id END,
    CASE WHEN waits THEN at END, CASE WHEN waits THEN 'session_started' END,
    CASE WHEN (waits OR held) AND n % 3 > 0 THEN md5('{workspace} division ' || n % 4)::uuid END, at, at,
    (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || '7009' || substr(id::text, 20, 4) || right(id::text, 12))::uuid,
    unread::int, CASE WHEN archived THEN now() END, lower(name), at
FROM one JOIN named USING (id, at, n);
INSERT INTO messages (workspace_id, id, conversation_id, channel_id, direction, author_type, author_id, kind, text, status, at, created_at)
SELECT '{workspace}', (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || '700' || k || substr(id::text, 20, 4) || right(id::text, 12))::uuid,
    id, channel, 'inbound', 'contact', id, 'text', 'Selamat pagi kak, paket saya resi JP88' || n || ' kok belum sampai ya?', 'received', at, at
FROM generate_series(0, 9) k, one;
INSERT INTO tickets (workspace_id, id, conversation_id, channel_id, session_id, agent_id, session_started_at, opened_at, closed_at, search_name)
SELECT '{workspace}', id, id, channel, id, md5('{workspace} agent ' || n / 5 % 40)::uuid, at, at, CASE WHEN NOT held THEN at END, lower(name)
FROM one JOIN named USING (id, at, n) WHERE held OR n % 4 = 0;
INSERT INTO ticket_holders (workspace_id, ticket_id, position, agent_id, from_at, reason)
SELECT workspace_id, id, 0, agent_id, opened_at, 'claimed' FROM tickets WHERE workspace_id = '{workspace}';
INSERT INTO conversation_labels (workspace_id, conversation_id, label_id, channel_id, shelf, last_activity_at, search_name)
SELECT c.workspace_id, c.id, md5('{workspace} label ' || label)::uuid, c.channel_id, c.shelf, c.last_activity_at, c.search_name
FROM one JOIN conversations c USING (id),
    (VALUES ('common', 3, 0), ('usual', 100, 0), ('rare', 10000, 0), ('old', 1, {count} - {count} / 20)) AS often (label, every, beyond)
WHERE c.workspace_id = '{workspace}' AND n % every = 0 AND n > beyond;
INSERT INTO agent_counts (workspace_id, agent_id, assigned, handled, resolved)
SELECT a.workspace_id, a.id, (SELECT count(*) FROM conversations c WHERE c.workspace_id = a.workspace_id AND c.assignee_id = a.id),
    0, (SELECT count(*) FROM tickets t WHERE t.workspace_id = a.workspace_id AND t.agent_id = a.id AND t.closed_at IS NOT NULL)
FROM agents a WHERE a.workspace_id = '{workspace}' AND a.role <> 'admin';
INSERT INTO conversation_counts (workspace_id, channel_id, shelf, assignee_id, division_id, unread, count)
SELECT workspace_id, channel_id, shelf, coalesce(assignee_id, nil), CASE WHEN assignee_id IS NULL THEN coalesce(division_id, nil) ELSE nil END,
    unread_count > 0, count(*)
FROM conversations, (VALUES ('00000000-0000-0000-0000-000000000000'::uuid)) AS none (nil) WHERE workspace_id = '{workspace}' GROUP BY 1, 2, 3, 4, 5, 6;
DO $$
DECLARE one record;
BEGIN
    SET LOCAL maintenance_work_mem = '512MB';
    FOR one IN SELECT indexdef FROM rebuilt LOOP EXECUTE one.indexdef; END LOOP;
END
$$;
DROP TABLE one, named, rebuilt;
RESET session_replication_role;
RESET synchronous_commit;
