ALTER TABLE webhook_deliveries ADD UNIQUE (workspace_id, endpoint_id, seq);
DROP INDEX webhook_deliveries_by_event;
