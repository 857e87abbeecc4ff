-- 200 agents with the admin's password: ten streams each.
INSERT INTO agents (workspace_id, id, name, email, password_hash, role, created_at)
SELECT workspace_id, md5('stream agent ' || n)::uuid, 'Agent ' || n, 'agent' || n || '@bench.example', password_hash, 'agent', now()
FROM agents, generate_series(1, 200) n WHERE workspace_id = '{workspace}';
