-- Partitions and inheriting tables, each with its parent.
SELECT inhrelid AS child, inhparent AS parent FROM pg_catalog.pg_inherits
