DELETE FROM jobs WHERE kind NOT IN ('send_message', 'send_mail', 'fetch_profile');
ALTER TABLE jobs DROP CONSTRAINT jobs_kind_check;
ALTER TABLE jobs ADD CONSTRAINT jobs_kind_check CHECK (kind IN ('send_message', 'fetch_profile', 'send_mail'));

UPDATE events SET audience = 'admins' WHERE audience = 'contact';
ALTER TABLE events DROP CONSTRAINT events_audience_check;
ALTER TABLE events ADD CONSTRAINT events_audience_check
    CHECK (audience IN ('everyone', 'admins', 'agent', 'conversation', 'ticket', 'channel'));
ALTER TABLE events DROP COLUMN contact_sight;

UPDATE api_keys SET scopes = ARRAY(SELECT scope FROM unnest(scopes) AS scope
    WHERE scope NOT IN ('contacts:read', 'contacts:write', 'templates:read', 'templates:write'));
ALTER TABLE api_keys DROP CONSTRAINT api_keys_scopes_check;
ALTER TABLE api_keys ADD CONSTRAINT api_keys_scopes_check CHECK (scopes <@ ARRAY['workspace:read', 'workspace:write', 'team:read',
                             'team:write', 'channels:read', 'channels:write', 'conversations:read', 'conversations:write',
                             'messages:read', 'messages:write', 'tickets:read', 'audit:read']);

UPDATE messages m SET media = a.source FROM attachments a
WHERE a.workspace_id = m.workspace_id AND a.id = m.attachment_id;
DROP INDEX messages_by_attachment;
ALTER TABLE messages DROP COLUMN attachment_id;
DROP TABLE attachments;
DROP TABLE conversation_labels;
DROP TABLE labels;

ALTER TABLE contacts
    DROP COLUMN search_name,
    DROP COLUMN name_is_own,
    DROP COLUMN blocked_at,
    DROP COLUMN attributes,
    DROP COLUMN company,
    DROP COLUMN email;
DROP EXTENSION btree_gin;
DROP EXTENSION pg_trgm;
