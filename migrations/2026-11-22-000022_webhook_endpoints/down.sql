DELETE FROM audit_entries WHERE subject_type = 'webhook_endpoint';
ALTER TABLE audit_entries DROP CONSTRAINT audit_entries_subject_type_check;
ALTER TABLE audit_entries ADD CONSTRAINT audit_entries_subject_type_check CHECK (subject_type IN ('agent', 'division',
    'channel', 'api_key', 'workspace', 'assignment_settings', 'distribution_policy', 'messaging_settings',
    'template', 'contact', 'contact_merge', 'contact_import', 'label'));
UPDATE notification_preferences SET muted_kinds = array_remove(muted_kinds, 'webhook_paused');
ALTER TABLE notification_preferences DROP CONSTRAINT notification_preferences_muted_kinds_check;
ALTER TABLE notification_preferences ADD CONSTRAINT notification_preferences_muted_kinds_check
    CHECK (muted_kinds <@ ARRAY['assigned', 'transferred', 'handed_over', 'unanswered', 'new_message', 'channel_attention']);
DELETE FROM notifications WHERE kind = 'webhook_paused';
ALTER TABLE notifications DROP CONSTRAINT notifications_kind_check;
ALTER TABLE notifications ADD CONSTRAINT notifications_kind_check
    CHECK (kind IN ('assigned', 'transferred', 'handed_over', 'unanswered', 'new_message', 'channel_attention'));
DROP TABLE webhook_deliveries, webhook_endpoint_channels, webhook_endpoints;
