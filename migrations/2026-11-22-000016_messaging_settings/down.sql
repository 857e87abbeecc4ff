DELETE FROM audit_entries WHERE subject_type = 'messaging_settings';
ALTER TABLE audit_entries DROP CONSTRAINT audit_entries_subject_type_check;
ALTER TABLE audit_entries ADD CONSTRAINT audit_entries_subject_type_check CHECK (subject_type IN ('agent', 'division',
    'channel', 'api_key', 'workspace', 'assignment_settings', 'distribution_policy'));

ALTER TABLE attachments DROP CONSTRAINT attachments_failure_check;
DROP TABLE messaging_settings;
