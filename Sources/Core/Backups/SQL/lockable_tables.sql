-- The tables that pg_dump will read. row_security_active() says whether policies would hide rows of one from this role.
SELECT c.oid, n.nspname::text AS schema, c.relname::text AS name,
       pg_catalog.row_security_active(c.oid) AS hidden,
       pg_catalog.has_schema_privilege(n.oid, 'USAGE') AND pg_catalog.has_table_privilege(c.oid, 'SELECT') AS readable
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p')
  AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
  -- A table that was dropped since the query's snapshot has no privileges any more.
  AND pg_catalog.has_table_privilege(c.oid, 'SELECT') IS NOT NULL
ORDER BY n.nspname COLLATE "C", c.relname COLLATE "C"
