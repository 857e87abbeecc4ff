ALTER TABLE audit_entries DROP CONSTRAINT audit_entries_subject_type_check;
DELETE FROM audit_entries WHERE subject_type = 'template';
ALTER TABLE audit_entries ADD CONSTRAINT audit_entries_subject_type_check CHECK (subject_type IN ('agent', 'division',
    'channel', 'api_key', 'workspace', 'assignment_settings', 'distribution_policy', 'messaging_settings'));

DELETE FROM timers WHERE kind = 'reply_window_warning';
ALTER TABLE timers DROP CONSTRAINT timers_kind_check;
ALTER TABLE timers ADD CONSTRAINT timers_kind_check CHECK (kind IN ('unanswered_transfer', 'supervisor_notice', 'handover'));

UPDATE ticket_holders SET reason = 'replied' WHERE reason = 'started';
ALTER TABLE ticket_holders DROP CONSTRAINT ticket_holders_reason_check;
ALTER TABLE ticket_holders ADD CONSTRAINT ticket_holders_reason_check
    CHECK (reason IN ('claimed', 'assigned', 'replied', 'auto_assigned', 'unanswered_transfer', 'handover'));

DROP INDEX channels_by_business;
DELETE FROM jobs WHERE kind IN ('submit_template', 'delete_template', 'sync_templates');
DROP TABLE templates;
