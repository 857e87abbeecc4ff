-- Channels of integrators, and the scope of keys that deliver on them.
ALTER TABLE channels DROP CONSTRAINT channels_kind_check;
ALTER TABLE channels ADD CONSTRAINT channels_kind_check CHECK (kind IN ('whatsapp', 'messenger', 'telegram', 'api'));

ALTER TABLE api_keys DROP CONSTRAINT api_keys_scopes_check;
ALTER TABLE api_keys ADD CONSTRAINT api_keys_scopes_check CHECK (scopes <@ ARRAY['workspace:read', 'workspace:write',
    'team:read', 'team:write', 'channels:read', 'channels:write', 'channels:inbound', 'conversations:read',
    'conversations:write', 'contacts:read', 'contacts:write', 'templates:read', 'templates:write', 'messages:read',
    'messages:write', 'tickets:read', 'audit:read']);
