-- One customer's message, in a transaction of its own: the same reads, locks, rows and sizes as Tanggap's,
-- in the order that keeps writers from blocking each other.
\set w random(1, :workspaces)
\set c random(1, :customers)
\set m random(1, 9000000000000000)
BEGIN;
SELECT i.workspace_id AS ws, i.channel_id AS ch, i.contact_id AS ct, v.id AS cv
FROM contact_identities i JOIN conversations v ON v.workspace_id = i.workspace_id AND v.identity_id = i.id
WHERE i.workspace_id = ('00000000-0000-4000-8000-' || lpad(:w::text, 12, '0'))::uuid
    AND i.channel_id = ('00000000-0000-4000-8000-' || lpad(:w::text, 12, '0'))::uuid
    AND i.external_id = '62812' || lpad(:c::text, 8, '0') \gset
SELECT session_id AS se FROM conversations WHERE workspace_id = :ws::uuid AND id = :cv::uuid FOR NO KEY UPDATE \gset
INSERT INTO messages (workspace_id, id, conversation_id, channel_id, session_id, direction, author_type, author_id, kind, text, raw,
    status, provider_message_id, at, created_at)
VALUES (:ws::uuid, (lpad(to_hex((extract(epoch FROM now()) * 1000)::bigint), 12, '0') || substr(md5(:m::text), 13))::uuid,
    :cv::uuid, :ch::uuid, :se::uuid, 'inbound', 'contact', :ct::uuid, 'text',
    'Selamat pagi kak, paket saya resi JP8812349907 kok belum sampai ya?', repeat('x', :raw::int),
    'received', 'wamid.' || md5(:m::text), now(), now())
ON CONFLICT DO NOTHING RETURNING id AS mi \gset
UPDATE conversations SET last_inbound_at = now(), last_activity_at = now(), last_message_id = :mi::uuid,
    unread_count = unread_count + 1, version = version + 1
WHERE workspace_id = :ws::uuid AND id = :cv::uuid;
UPDATE event_counters SET seq = seq + 2 WHERE workspace_id = :ws::uuid RETURNING seq AS sq \gset
INSERT INTO events (workspace_id, seq, id, type, at, audience, conversation_id, before_exists, after_exists, body)
VALUES (:ws::uuid, :sq::bigint - 1, gen_random_uuid(), 'message.created', now(), 'conversation', :cv::uuid, true, true,
        repeat('x', :message::int)),
    (:ws::uuid, :sq::bigint, gen_random_uuid(), 'conversation.updated', now(), 'conversation', :cv::uuid, true, true,
        repeat('x', :conversation::int));
COMMIT;
