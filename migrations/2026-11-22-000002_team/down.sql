DELETE FROM events WHERE audience = 'channel';
ALTER TABLE events DROP CONSTRAINT events_audience_check;
ALTER TABLE events ADD CONSTRAINT events_audience_check
    CHECK (audience IN ('everyone', 'admins', 'agent', 'conversation', 'ticket'));
ALTER TABLE events DROP COLUMN channel_id;
DROP TABLE audit_entries, api_key_channels, api_keys, channel_agents, availability_periods, agent_counts, assignment_settings;
ALTER TABLE divisions DROP COLUMN name_folded;
DROP INDEX agents_by_presence, agents_by_active_email;
ALTER TABLE agents
    DROP COLUMN name_folded, DROP COLUMN availability, DROP COLUMN present, DROP COLUMN last_seen_at,
    ADD CONSTRAINT agents_workspace_id_email_key UNIQUE (workspace_id, email);
ALTER TABLE workspaces DROP COLUMN presence;
