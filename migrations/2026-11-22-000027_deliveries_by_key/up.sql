-- As many deliveries of an endpoint wait as there are events while it is paused. As long as PostgreSQL had no statistics of them it took
-- this constraint's index, which begins like the key, to be as good as the key for looking one up, and read all of them. One of
-- numbered deliveries alone fits only what asks for a number.
CREATE UNIQUE INDEX webhook_deliveries_by_event ON webhook_deliveries (workspace_id, endpoint_id, seq) WHERE seq IS NOT NULL;
ALTER TABLE webhook_deliveries DROP CONSTRAINT webhook_deliveries_workspace_id_endpoint_id_seq_key;
