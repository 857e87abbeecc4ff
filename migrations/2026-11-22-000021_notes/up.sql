-- What somebody of the team noted on a contact. The author may leave the team; who left stays as a row.
CREATE TABLE contact_notes (
    workspace_id  uuid NOT NULL,
    id            uuid NOT NULL,
    contact_id    uuid NOT NULL,
    author_id     uuid NOT NULL,
    text          text NOT NULL CHECK (char_length(text) BETWEEN 1 AND 5000),
    version       bigint NOT NULL DEFAULT 1,
    created_at    timestamptz NOT NULL,
    updated_at    timestamptz NOT NULL,
    PRIMARY KEY (workspace_id, id),
    FOREIGN KEY (workspace_id, contact_id) REFERENCES contacts (workspace_id, id) ON DELETE CASCADE,
    FOREIGN KEY (workspace_id, author_id) REFERENCES agents (workspace_id, id) ON DELETE RESTRICT
);
-- Newest first: ids rise with time.
CREATE INDEX contact_notes_by_contact ON contact_notes (workspace_id, contact_id, id);
CREATE INDEX contact_notes_by_author ON contact_notes (workspace_id, author_id);

-- Labels are administered: a deleted one goes from every conversation.
ALTER TABLE audit_entries DROP CONSTRAINT audit_entries_subject_type_check;
ALTER TABLE audit_entries ADD CONSTRAINT audit_entries_subject_type_check CHECK (subject_type IN ('agent', 'division',
    'channel', 'api_key', 'workspace', 'assignment_settings', 'distribution_policy', 'messaging_settings',
    'template', 'contact', 'contact_merge', 'contact_import', 'label'));

-- What happened is a member of a message's content by now; what customers sent is shown as `raw` where it is of before.
UPDATE messages SET content = jsonb_build_object('system', content) WHERE kind = 'system' AND content ? 'event';
