-- Members are invited and join by a link; forgotten passwords are set anew by one; wrong passwords
-- have to wait.

-- NULL: invited, has not joined yet.
ALTER TABLE agents ALTER COLUMN password_hash DROP NOT NULL;

-- A mail belongs to no channel; what speaks to a provider does.
ALTER TABLE jobs ALTER COLUMN channel_id DROP NOT NULL;
ALTER TABLE jobs DROP CONSTRAINT jobs_kind_check;
ALTER TABLE jobs ADD CONSTRAINT jobs_kind_check CHECK (kind IN ('send_message', 'fetch_profile', 'send_mail'));
ALTER TABLE jobs ADD CONSTRAINT jobs_of_a_channel CHECK (channel_id IS NOT NULL OR kind = 'send_mail');

-- What a link in a mail is good for. The token is derived from the row's id with the server's key, so
-- that nothing here signs anybody in. A newer one of the same purpose takes the older one's place.
CREATE TABLE one_time_tokens (
    workspace_id  uuid NOT NULL,
    id            uuid NOT NULL,
    agent_id      uuid NOT NULL,
    purpose       text NOT NULL CHECK (purpose IN ('invitation', 'password_reset')),
    created_at    timestamptz NOT NULL,
    expires_at    timestamptz NOT NULL,
    -- When it was used, or made void.
    used_at       timestamptz,
    PRIMARY KEY (workspace_id, id),
    UNIQUE (workspace_id, agent_id, purpose),
    FOREIGN KEY (workspace_id, agent_id) REFERENCES agents (workspace_id, id) ON DELETE CASCADE
);
CREATE INDEX one_time_tokens_by_expiry ON one_time_tokens (expires_at);

-- Wrong passwords of an account, of a client's address, and of both together. They belong to no
-- tenant: an unknown e-mail address must be counted like a known one. Keys are keyed hashes: no
-- e-mail address and no client's address is here.
CREATE TABLE sign_in_throttles (
    scope            text NOT NULL CHECK (scope IN ('pair', 'address', 'account')),
    key              bytea NOT NULL,
    last_failure_at  timestamptz NOT NULL,
    -- When the last of the failures will be forgotten: how far off that is says how many there are.
    forgotten_at     timestamptz NOT NULL,
    -- When the right password last came; of pairs only.
    succeeded_at     timestamptz,
    PRIMARY KEY (scope, key)
);
CREATE INDEX sign_in_throttles_by_age ON sign_in_throttles (forgotten_at);
