-- The list of contacts by name has in its index what they are searched by: a window of it is read without looking at a contact.
-- A name is at most 200 characters; folded it may be longer, but then it repeats itself and is compressed.
DROP INDEX contacts_by_name;
CREATE INDEX contacts_by_name ON contacts (workspace_id, left(search_name, 100) COLLATE "C", id) INCLUDE (search_name, phone);
