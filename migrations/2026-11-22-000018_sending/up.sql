-- What of an uploaded file the provider has: its bytes are handed over before the message, and once.
ALTER TABLE attachments
    ADD COLUMN provider_media_id text,
    ADD COLUMN provider_media_expires_at timestamptz,
    ADD CHECK ((provider_media_id IS NULL) = (provider_media_expires_at IS NULL));

-- The newest message whose reading the customer was told of.
ALTER TABLE conversations ADD COLUMN receipt_message_id uuid;
