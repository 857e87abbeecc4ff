-- 1,000 members in the workspace {workspace}, with 100,000 tickets, nine of ten resolved: each had two holders.
INSERT INTO agents (workspace_id, id, name, name_folded, email, password_hash, role, created_at)
SELECT '{workspace}', md5('member ' || n)::uuid, 'Agen ' || n, 'agen ' || n, 'agen' || n || '@bench.example', '-', 'agent', now()
FROM generate_series(0, 999) n;

INSERT INTO contacts (workspace_id, id, name, phone, created_at)
SELECT '{workspace}', md5('customer of the team ' || n)::uuid, 'Customer ' || n, '62813' || lpad(n::text, 8, '0'), now()
FROM generate_series(0, 9999) n;

INSERT INTO contact_identities (workspace_id, id, contact_id, channel_id, external_id, phone, name, created_at)
SELECT workspace_id, id, id, '{channel}', phone, phone, name, created_at FROM contacts WHERE workspace_id = '{workspace}';

-- The last session of each customer is held by somebody.
INSERT INTO conversations (workspace_id, id, channel_id, contact_id, identity_id, session_id, session_started_at, assignee_id, assigned_at, ticket_id,
    last_inbound_at, last_activity_at, created_at)
SELECT '{workspace}', id, '{channel}', id, id, ticket, now(), holder, now(), ticket, now(), now(), now()
FROM (
    SELECT md5('customer of the team ' || n)::uuid AS id, md5('ticket ' || n)::uuid AS ticket,
        md5('member ' || n * n % 1000)::uuid AS holder
    FROM generate_series(0, 9999) n
) one;

INSERT INTO tickets (workspace_id, id, conversation_id, session_id, agent_id, session_started_at, opened_at, closed_at)
SELECT '{workspace}', md5('ticket ' || n)::uuid, md5('customer of the team ' || n % 10000)::uuid, md5('ticket ' || n)::uuid,
    md5('member ' || n::bigint * n % 1000)::uuid, at, at, CASE WHEN n >= 10000 THEN at END
FROM generate_series(0, 99999) n, LATERAL (SELECT now() - n * interval '1 minute' AS at) t;

INSERT INTO ticket_holders (workspace_id, ticket_id, position, agent_id, from_at, to_at, reason)
SELECT workspace_id, id, 1, agent_id, opened_at, closed_at, 'assigned' FROM tickets WHERE workspace_id = '{workspace}';
INSERT INTO ticket_holders (workspace_id, ticket_id, position, agent_id, from_at, to_at, reason)
SELECT '{workspace}', md5('ticket ' || n)::uuid, 0, md5('member ' || n % 1000)::uuid, now(), now(), 'claimed'
FROM generate_series(0, 99999) n;

INSERT INTO agent_counts (workspace_id, agent_id) SELECT workspace_id, id FROM agents WHERE workspace_id = '{workspace}'
ON CONFLICT DO NOTHING;
UPDATE agent_counts n SET
    assigned = (SELECT count(*) FROM conversations c WHERE c.workspace_id = n.workspace_id AND c.assignee_id = n.agent_id),
    handled = (SELECT count(DISTINCT h.ticket_id) FROM ticket_holders h
               WHERE h.workspace_id = n.workspace_id AND h.agent_id = n.agent_id),
    resolved = (SELECT count(*) FROM tickets t
                WHERE t.workspace_id = n.workspace_id AND t.agent_id = n.agent_id AND t.closed_at IS NOT NULL)
WHERE workspace_id = '{workspace}';
