-- How many uploads of a member wait to be sent.
CREATE INDEX attachments_unsent_by_uploader ON attachments (workspace_id, uploaded_by)
    WHERE message_id IS NULL AND uploaded_by IS NOT NULL;
