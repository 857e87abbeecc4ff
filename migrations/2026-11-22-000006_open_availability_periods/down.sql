-- Rows only: the table goes with the migration before.
SELECT 1;
