-- What is set about messages: how large files may be, and when to warn that a reply window closes.
CREATE TABLE messaging_settings (
    workspace_id                  uuid PRIMARY KEY REFERENCES workspaces (id) ON DELETE CASCADE,
    -- Null: nobody is warned.
    reply_window_warning_minutes  integer CHECK (reply_window_warning_minutes BETWEEN 1 AND 1440),
    -- The largest upload of each kind, in bytes.
    image_limit                   bigint NOT NULL DEFAULT 1048576 CHECK (image_limit BETWEEN 1 AND 10485760),
    video_limit                   bigint NOT NULL DEFAULT 1048576 CHECK (video_limit BETWEEN 1 AND 52428800),
    document_limit                bigint NOT NULL DEFAULT 1048576 CHECK (document_limit BETWEEN 1 AND 104857600),
    audio_limit                   bigint NOT NULL DEFAULT 1048576 CHECK (audio_limit BETWEEN 1 AND 52428800),
    version                       bigint NOT NULL DEFAULT 1
);
INSERT INTO messaging_settings (workspace_id) SELECT id FROM workspaces;

-- Why the bytes of a file cannot be had. What was there before said nothing.
ALTER TABLE attachments ADD CONSTRAINT attachments_failure_check CHECK (failure IN ('gone', 'too_large', 'empty', 'refused',
    'damaged', 'unavailable', 'discarded'));

ALTER TABLE audit_entries DROP CONSTRAINT audit_entries_subject_type_check;
ALTER TABLE audit_entries ADD CONSTRAINT audit_entries_subject_type_check CHECK (subject_type IN ('agent', 'division',
    'channel', 'api_key', 'workspace', 'assignment_settings', 'distribution_policy', 'messaging_settings'));

-- Files that came before there was a job to fetch them.
INSERT INTO jobs (workspace_id, id, kind, lane, channel_id, subject_id, due_at, created_at)
SELECT a.workspace_id, gen_random_uuid(), 'fetch_media', a.id, c.channel_id, a.id, now(), now()
FROM attachments a JOIN conversations c ON c.workspace_id = a.workspace_id AND c.id = a.conversation_id
WHERE a.state = 'pending' AND a.source IS NOT NULL;
