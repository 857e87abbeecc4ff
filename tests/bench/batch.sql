-- 64 customers' messages in one transaction.
\set c random(1, :customers - 63)
\set m random(1, 9000000000000000)
BEGIN;
SELECT count(*) FROM (
    SELECT v.id FROM contact_identities i JOIN conversations v ON v.workspace_id = i.workspace_id AND v.identity_id = i.id
    WHERE i.workspace_id = '00000000-0000-4000-8000-000000000001' AND i.channel_id = '00000000-0000-4000-8000-000000000001'
        AND i.external_id IN (SELECT '62812' || lpad(n::text, 8, '0') FROM generate_series(:c::int, :c::int + 63) n)
    ORDER BY v.id FOR NO KEY UPDATE OF v
) locked;
INSERT INTO messages (workspace_id, id, conversation_id, channel_id, session_id, direction, author_type, author_id, kind, text, raw,
    status, provider_message_id, at, created_at)
SELECT i.workspace_id, (lpad(to_hex((extract(epoch FROM now()) * 1000)::bigint), 12, '0') || substr(md5(:m::text || n), 13))::uuid,
    i.id, i.channel_id, i.id, 'inbound', 'contact', i.contact_id, 'text',
    'Selamat pagi kak, paket saya resi JP8812349907 kok belum sampai ya?', repeat('x', :raw::int),
    'received', 'wamid.' || md5(:m::text || n), now(), now()
FROM generate_series(:c::int, :c::int + 63) n
JOIN contact_identities i ON i.workspace_id = '00000000-0000-4000-8000-000000000001'
    AND i.channel_id = '00000000-0000-4000-8000-000000000001' AND i.external_id = '62812' || lpad(n::text, 8, '0')
ON CONFLICT DO NOTHING;
UPDATE conversations v SET last_inbound_at = now(), last_activity_at = now(), unread_count = unread_count + 1, version = version + 1
FROM generate_series(:c::int, :c::int + 63) n
JOIN contact_identities i ON i.workspace_id = '00000000-0000-4000-8000-000000000001'
    AND i.channel_id = '00000000-0000-4000-8000-000000000001' AND i.external_id = '62812' || lpad(n::text, 8, '0')
WHERE v.workspace_id = i.workspace_id AND v.identity_id = i.id;
UPDATE event_counters SET seq = seq + 128 WHERE workspace_id = '00000000-0000-4000-8000-000000000001' RETURNING seq AS sq \gset
INSERT INTO events (workspace_id, seq, id, type, at, audience, conversation_id, before_exists, after_exists, body)
SELECT '00000000-0000-4000-8000-000000000001', :sq::bigint - 127 + n, gen_random_uuid(),
    CASE n % 2 WHEN 0 THEN 'message.created' ELSE 'conversation.updated' END, now(), 'conversation', gen_random_uuid(), true, true,
    repeat('x', CASE n % 2 WHEN 0 THEN :message::int ELSE :conversation::int END)
FROM generate_series(0, 127) n;
COMMIT;
