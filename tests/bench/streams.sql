-- 200 agents with the admin's password: ten streams each.
INSERT INTO agents (workspace_id, id, name, email, password_hash, role, created_at)
SELECT workspace_id, md5('stream agent ' || n)::uuid, 'Agent ' || n, 'agent' || n || '@bench.example', password_hash, 'agent', now()
FROM agents, generate_series(1, 200) n WHERE workspace_id = '{workspace}';
INSERT INTO agent_counts (workspace_id, agent_id)
SELECT workspace_id, id FROM agents WHERE workspace_id = '{workspace}' ON CONFLICT DO NOTHING;
