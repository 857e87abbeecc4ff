UPDATE messages SET content = content -> 'system' WHERE kind = 'system' AND content ? 'system';

DELETE FROM audit_entries WHERE subject_type = 'label';
ALTER TABLE audit_entries DROP CONSTRAINT audit_entries_subject_type_check;
ALTER TABLE audit_entries ADD CONSTRAINT audit_entries_subject_type_check CHECK (subject_type IN ('agent', 'division',
    'channel', 'api_key', 'workspace', 'assignment_settings', 'distribution_policy', 'messaging_settings',
    'template', 'contact', 'contact_merge', 'contact_import'));

DROP TABLE contact_notes;
