-- Numbers are found by pieces of six digits as well: so many digits few customers have in common, while among a million ten
-- thousand have the same three. Their keys are others than those of names, so that who searches for a name with digits in it
-- is not led through all numbers.
DROP INDEX contacts_by_keys, contact_identities_by_keys;

CREATE FUNCTION number_key(workspace uuid, digits text) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN hashtextextended(digits COLLATE "C", uuid_hash_extended(workspace, 1));
CREATE FUNCTION number_keys(workspace uuid, number text) RETURNS bigint[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (SELECT array_agg(DISTINCT number_key(workspace, substr(number, place, length)))
    FROM unnest(ARRAY[3, 6]) AS length, generate_series(1, char_length(number) - length + 1) AS place);
CREATE OR REPLACE FUNCTION contact_keys(workspace uuid, search_name text, phone text) RETURNS bigint[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN search_keys(workspace, search_name, 1, 3) || number_keys(workspace, phone);
CREATE OR REPLACE FUNCTION identity_keys(workspace uuid, phone text, username text, external_id text) RETURNS bigint[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN number_keys(workspace, phone) || search_keys(workspace, lower(username), 3, 3)
    || search_keys(workspace, lower(external_id), char_length(external_id), char_length(external_id));
CREATE INDEX contacts_by_keys ON contacts USING gin (contact_keys(workspace_id, search_name, phone)) WITH (fastupdate = off);
CREATE INDEX contact_identities_by_keys ON contact_identities
    USING gin (identity_keys(workspace_id, phone, username, external_id)) WITH (fastupdate = off);
