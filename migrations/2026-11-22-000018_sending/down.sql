ALTER TABLE conversations DROP COLUMN receipt_message_id;
ALTER TABLE attachments DROP COLUMN provider_media_id, DROP COLUMN provider_media_expires_at;
