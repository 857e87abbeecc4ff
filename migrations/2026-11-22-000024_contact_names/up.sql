-- The list of contacts by name has in its index what they are searched by: a window of it is read without looking at a contact.
-- A folded name is at most 1200 bytes, so it fits.
DROP INDEX contacts_by_name;
CREATE INDEX contacts_by_name ON contacts (workspace_id, left(search_name, 100) COLLATE "C", id) INCLUDE (search_name, phone);
