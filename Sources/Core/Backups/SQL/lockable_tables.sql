-- The tables that pg_dump will read. row_security_active() says whether policies would hide rows of one from this role.
SELECT c.oid, n.nspname::text AS schema, c.relname::text AS name,
       pg_catalog.row_security_active(c.oid) AS hidden
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p')
  AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
ORDER BY n.nspname COLLATE "C", c.relname COLLATE "C"
