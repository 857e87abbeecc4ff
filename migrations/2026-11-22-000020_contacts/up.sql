-- Contacts that the team makes, changes, shuts out and merges.

-- Whose a number is: of the contacts that have it at most one. Somebody whom the team made before it ever wrote is found by it
-- when it does, and a message and somebody's hand that make the same contact at the same moment wait for each other here.
CREATE INDEX contacts_by_phone ON contacts (workspace_id, phone, created_at, id) WHERE phone IS NOT NULL;
ALTER TABLE contacts ADD COLUMN owns_phone boolean NOT NULL DEFAULT false;
UPDATE contacts c SET owns_phone = true WHERE c.phone IS NOT NULL AND c.id = (
    SELECT o.id FROM contacts o WHERE o.workspace_id = c.workspace_id AND o.phone = c.phone
    ORDER BY o.created_at, o.id LIMIT 1);
CREATE UNIQUE INDEX contacts_by_own_phone ON contacts (workspace_id, phone) WHERE owns_phone;

-- The customer is shut out: nothing begins a session, so nobody is given it and nobody hears of it. Written here too, so that
-- the conversation's lock guards it.
ALTER TABLE conversations
    ADD COLUMN blocked boolean NOT NULL DEFAULT false,
    ADD CONSTRAINT conversations_blocked_are_resolved CHECK (NOT blocked OR (session_id IS NULL AND unread_count = 0));

-- Two contacts that became one, with what is needed to part them again.
CREATE TABLE contact_merges (
    workspace_id       uuid NOT NULL,
    id                 uuid NOT NULL,
    -- The one that stayed.
    contact_id         uuid NOT NULL,
    -- The one that vanished, and its row as it was.
    merged_contact_id  uuid NOT NULL,
    merged             jsonb NOT NULL,
    -- What came from it: its identities (their conversations go with them), its notes, and those who had been merged into it.
    identity_ids       uuid[] NOT NULL,
    note_ids           uuid[] NOT NULL,
    merge_ids          uuid[] NOT NULL,
    -- What the one that stayed had not known and took over: a domain::contact::Taken.
    taken              jsonb NOT NULL,
    merged_by          uuid NOT NULL,
    merged_at          timestamptz NOT NULL,
    PRIMARY KEY (workspace_id, id),
    FOREIGN KEY (workspace_id, contact_id) REFERENCES contacts (workspace_id, id) ON DELETE CASCADE,
    FOREIGN KEY (workspace_id, merged_by) REFERENCES agents (workspace_id, id) ON DELETE RESTRICT
);
CREATE INDEX contact_merges_by_contact ON contact_merges (workspace_id, contact_id, id);
CREATE INDEX contact_merges_by_agent ON contact_merges (workspace_id, merged_by);

ALTER TABLE audit_entries DROP CONSTRAINT audit_entries_subject_type_check;
ALTER TABLE audit_entries ADD CONSTRAINT audit_entries_subject_type_check CHECK (subject_type IN ('agent', 'division',
    'channel', 'api_key', 'workspace', 'assignment_settings', 'distribution_policy', 'messaging_settings',
    'template', 'contact', 'contact_merge', 'contact_import'));
