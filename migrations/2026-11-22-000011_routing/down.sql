ALTER TABLE audit_entries DROP CONSTRAINT audit_entries_subject_type_check;
DELETE FROM audit_entries WHERE subject_type = 'distribution_policy';
ALTER TABLE audit_entries ADD CONSTRAINT audit_entries_subject_type_check CHECK (subject_type IN ('agent', 'division',
    'channel', 'api_key', 'workspace', 'assignment_settings'));
DROP TABLE notifications, timers, routing_decisions, routing_requests, routing_states, distribution_policy_channels,
    distribution_policies;
UPDATE ticket_holders SET reason = 'assigned' WHERE reason IN ('auto_assigned', 'unanswered_transfer', 'handover');
ALTER TABLE ticket_holders DROP CONSTRAINT ticket_holders_reason_check;
ALTER TABLE ticket_holders ADD CONSTRAINT ticket_holders_reason_check CHECK (reason IN ('claimed', 'assigned', 'replied'));
ALTER TABLE conversations
    DROP COLUMN waiting_cause,
    DROP COLUMN waiting_decided,
    DROP COLUMN assigned_at,
    DROP COLUMN over_limit,
    DROP COLUMN unanswered_since,
    DROP COLUMN previous_holders;
DROP INDEX IF EXISTS conversations_waiting;
ALTER TABLE agent_counts DROP COLUMN last_assigned_at;
ALTER TABLE agents DROP COLUMN max_conversations;
ALTER TABLE assignment_settings
    DROP COLUMN assignment_enabled,
    DROP COLUMN auto_assign,
    DROP COLUMN strategy,
    DROP COLUMN max_conversations_per_agent,
    DROP COLUMN unanswered_transfer_minutes,
    DROP COLUMN notify_supervisor_minutes,
    DROP COLUMN auto_handover,
    DROP COLUMN handover_grace_seconds,
    DROP COLUMN routing_version;
