-- The log of availability begins now for members who are there already; new ones begin it when they join.
INSERT INTO availability_periods (workspace_id, id, agent_id, availability, online, from_at)
SELECT a.workspace_id, gen_random_uuid(), a.id, a.availability, false, now() FROM agents a
WHERE a.active AND NOT EXISTS (SELECT 1 FROM availability_periods p
                               WHERE p.workspace_id = a.workspace_id AND p.agent_id = a.id AND p.to_at IS NULL);
