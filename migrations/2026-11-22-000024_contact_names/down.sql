DROP INDEX contacts_by_name;
CREATE INDEX contacts_by_name ON contacts (workspace_id, left(search_name, 100) COLLATE "C", id);
