-- Whether the table in which dbpii keeps its encrypted columns is here, and is that table and nothing that would run code.
SELECT c.oid
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname = 'dbpii' AND c.relname = 'columns' AND c.relkind = 'r'
  AND 2 = (
      SELECT pg_catalog.count(*)
      FROM pg_catalog.pg_attribute AS a
      WHERE a.attrelid = c.oid AND NOT a.attisdropped
        AND (a.attname, a.atttypid) IN (('context', 'text'::regtype), ('keys', 'text[]'::regtype))
  )
