ALTER TABLE audit_entries DROP CONSTRAINT audit_entries_subject_type_check;
DELETE FROM audit_entries WHERE subject_type IN ('contact', 'contact_merge', 'contact_import');
ALTER TABLE audit_entries ADD CONSTRAINT audit_entries_subject_type_check CHECK (subject_type IN ('agent', 'division',
    'channel', 'api_key', 'workspace', 'assignment_settings', 'distribution_policy', 'messaging_settings',
    'template'));
DROP TABLE contact_merges;
ALTER TABLE conversations DROP COLUMN blocked;
DROP INDEX contacts_by_own_phone;
ALTER TABLE contacts DROP COLUMN owns_phone;
DROP INDEX contacts_by_phone;
