-- One conversation that waits is given to an agent, in a transaction of its own: the same reads, locks, rows and sizes as
-- Tanggap's, in the order that keeps writers from blocking each other.
\set w random(1, :workspaces)
\set c random(0, 4000 / :workspaces - 1)
\set a random(0, :agents - 1)
\set m random(1, 9000000000000000)
BEGIN;
UPDATE routing_states SET run = run + 1 WHERE workspace_id = ('00000000-0000-4000-9000-' || lpad(:w::text, 12, '0'))::uuid
    RETURNING workspace_id AS ws \gset
SELECT strategy, max_conversations_per_agent,
    (SELECT coalesce(jsonb_agg(p.id), '[]') FROM distribution_policies p WHERE p.workspace_id = s.workspace_id)
FROM assignment_settings s WHERE workspace_id = :ws::uuid FOR SHARE;
DELETE FROM routing_requests WHERE workspace_id = :ws::uuid AND id = ANY(ARRAY(
    SELECT id FROM routing_requests WHERE workspace_id = :ws::uuid ORDER BY id LIMIT 2000)) RETURNING id;
SELECT id FROM timers WHERE workspace_id = :ws::uuid AND state = 'armed' AND due_at <= now() ORDER BY due_at, id LIMIT 200;
SELECT c.* FROM conversations c WHERE c.workspace_id = :ws::uuid AND c.id = md5('conversation ' || :c::int)::uuid FOR NO KEY UPDATE;
SELECT name, md5('conversation ' || :c::int)::uuid AS cv, id AS ag FROM agents
    WHERE workspace_id = :ws::uuid AND id = md5('agent ' || :a::int)::uuid FOR SHARE \gset
SELECT a.id, a.role, a.availability, n.assigned, n.last_assigned_at,
    ARRAY(SELECT channel_id FROM channel_agents x WHERE x.workspace_id = a.workspace_id AND x.agent_id = a.id) AS channels,
    ARRAY(SELECT division_id FROM division_members x WHERE x.workspace_id = a.workspace_id AND x.agent_id = a.id) AS divisions
FROM agents a JOIN agent_counts n ON n.workspace_id = a.workspace_id AND n.agent_id = a.id
WHERE a.workspace_id = :ws::uuid AND a.id = :ag::uuid;
UPDATE conversations SET waiting_since = NULL, waiting_cause = NULL, assignee_id = :ag::uuid, assigned_at = now(), ticket_id = id,
    version = version + 1
WHERE workspace_id = :ws::uuid AND id = :cv::uuid;
SELECT c.*, p.name, p.phone, h.name, m.text FROM conversations c
JOIN contacts p ON p.workspace_id = c.workspace_id AND p.id = c.contact_id
JOIN channels h ON h.workspace_id = c.workspace_id AND h.id = c.channel_id
LEFT JOIN messages m ON m.workspace_id = c.workspace_id AND m.id = c.last_message_id
WHERE c.workspace_id = :ws::uuid AND c.id = :cv::uuid;
INSERT INTO messages (workspace_id, id, conversation_id, channel_id, session_id, direction, author_type, kind, text, content, status,
    at, created_at)
SELECT :ws::uuid, (lpad(to_hex((extract(epoch FROM now()) * 1000)::bigint), 12, '0') || substr(md5(:m::text), 13))::uuid, :cv::uuid,
    channel_id, session_id, 'system', 'system', 'system', 'The conversation was given to Agent', '{"event": "routed"}', 'received',
    now(), now()
FROM conversations WHERE workspace_id = :ws::uuid AND id = :cv::uuid RETURNING id AS mi \gset
INSERT INTO tickets (workspace_id, id, conversation_id, channel_id, session_id, agent_id, session_started_at, opened_at, closed_at)
SELECT :ws::uuid, :mi::uuid, id, channel_id, :mi::uuid, :ag::uuid, session_started_at, now(), now()
FROM conversations WHERE workspace_id = :ws::uuid AND id = :cv::uuid;
INSERT INTO ticket_holders (workspace_id, ticket_id, position, agent_id, from_at, reason)
VALUES (:ws::uuid, :mi::uuid, 0, :ag::uuid, now(), 'auto_assigned');
SELECT t.*, h.*, a.name FROM tickets t JOIN ticket_holders h ON h.workspace_id = t.workspace_id AND h.ticket_id = t.id
JOIN agents a ON a.workspace_id = h.workspace_id AND a.id = h.agent_id WHERE t.workspace_id = :ws::uuid AND t.id = :mi::uuid;
INSERT INTO routing_decisions (workspace_id, id, conversation_id, trigger, at, outcome, agent_id, reason, tie_break, inquiry, candidates,
    omitted, settings_version, rules_version, duration_us)
SELECT :ws::uuid, :mi::uuid, :cv::uuid, 'session_started', now(), 'assigned', :ag::uuid, 'least_busy', 'lowest_id',
    jsonb_build_object('channel_id', :cv::text, 'strategy', 'least_busy', 'holder_id', NULL, 'division_id', NULL),
    jsonb_agg(jsonb_build_object('agent_id', md5('agent ' || n), 'left_out', NULL, 'load', n, 'limit', NULL, 'last_assigned_at', now())),
    '[]', 1, 1, 10
FROM generate_series(0, :agents::int - 1) n;
INSERT INTO notifications (workspace_id, id, agent_id, kind, conversation_id, ticket_id, text, created_at)
VALUES (:ws::uuid, :mi::uuid, :ag::uuid, 'assigned', :cv::uuid, :mi::uuid, 'The conversation was given to Agent', now());
UPDATE agent_counts SET assigned = assigned + 1, handled = handled + 1, last_assigned_at = now()
WHERE workspace_id = :ws::uuid AND agent_id = :ag::uuid;
DELETE FROM timers WHERE workspace_id = :ws::uuid AND conversation_id = :cv::uuid;
UPDATE event_counters SET seq = seq + 5 WHERE workspace_id = :ws::uuid RETURNING seq AS sq \gset
INSERT INTO events (workspace_id, seq, id, type, at, audience, conversation_id, before_exists, after_exists, body)
VALUES
    (:ws::uuid, :sq::bigint - 4, gen_random_uuid(), 'conversation.assigned', now(), 'conversation', :cv::uuid, true, true, repeat('x', :assigned::int)),
    (:ws::uuid, :sq::bigint - 3, gen_random_uuid(), 'message.created', now(), 'conversation', :cv::uuid, true, true, repeat('x', :message::int)),
    (:ws::uuid, :sq::bigint - 2, gen_random_uuid(), 'ticket.opened', now(), 'conversation', :cv::uuid, true, true, repeat('x', :ticket::int)),
    (:ws::uuid, :sq::bigint - 1, gen_random_uuid(), 'routing.decided', now(), 'conversation', :cv::uuid, true, true, repeat('x', :decided::int)),
    (:ws::uuid, :sq::bigint, gen_random_uuid(), 'notification.created', now(), 'conversation', :cv::uuid, true, true, repeat('x', :notification::int));
COMMIT;
