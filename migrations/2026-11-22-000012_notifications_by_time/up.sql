-- Old notifications are forgotten, whoever has them.
CREATE INDEX notifications_by_time ON notifications (workspace_id, created_at, id);
