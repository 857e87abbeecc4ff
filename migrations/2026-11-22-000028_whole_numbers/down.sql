DROP INDEX contacts_by_keys, contact_identities_by_keys;
CREATE OR REPLACE FUNCTION contact_keys(workspace uuid, search_name text, phone text) RETURNS bigint[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN search_keys(workspace, search_name, 1, 3) || search_keys(workspace, phone, 3, 3);
CREATE OR REPLACE FUNCTION identity_keys(workspace uuid, phone text, username text, external_id text) RETURNS bigint[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN search_keys(workspace, phone, 3, 3) || search_keys(workspace, lower(username), 3, 3)
    || search_keys(workspace, lower(external_id), char_length(external_id), char_length(external_id));
CREATE INDEX contacts_by_keys ON contacts USING gin (contact_keys(workspace_id, search_name, phone)) WITH (fastupdate = off);
CREATE INDEX contact_identities_by_keys ON contact_identities
    USING gin (identity_keys(workspace_id, phone, username, external_id)) WITH (fastupdate = off);
DROP FUNCTION number_keys(uuid, text);
DROP FUNCTION number_key(uuid, text);
