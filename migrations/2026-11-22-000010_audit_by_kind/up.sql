-- Entries of one kind of thing, newest first.
CREATE INDEX audit_entries_by_kind ON audit_entries (workspace_id, subject_type, id);
