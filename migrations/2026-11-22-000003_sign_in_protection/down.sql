DROP TABLE sign_in_throttles;
DROP TABLE one_time_tokens;
DELETE FROM jobs WHERE kind = 'send_mail';
ALTER TABLE jobs DROP CONSTRAINT jobs_of_a_channel;
ALTER TABLE jobs DROP CONSTRAINT jobs_kind_check;
ALTER TABLE jobs ADD CONSTRAINT jobs_kind_check CHECK (kind IN ('send_message', 'fetch_profile'));
ALTER TABLE jobs ALTER COLUMN channel_id SET NOT NULL;
-- No password has this hash.
UPDATE agents SET password_hash = '' WHERE password_hash IS NULL;
ALTER TABLE agents ALTER COLUMN password_hash SET NOT NULL;
