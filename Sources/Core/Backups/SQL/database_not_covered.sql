-- What this database holds and a dump of it does not.
SELECT CASE WHEN c.relkind = 'm' THEN 'materialized view'
            WHEN c.relkind = 'f' THEN 'foreign table'
            ELSE 'unlogged table' END AS kind,
       n.nspname || '.' || c.relname AS name
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
  AND (c.relkind IN ('m', 'f')
       -- pg_dump leaves out unlogged tables on a standby, where they are empty.
       OR (c.relkind = 'r' AND c.relpersistence = 'u' AND pg_catalog.pg_is_in_recovery()))
UNION ALL
SELECT 'subscription', s.subname
FROM pg_catalog.pg_subscription s
WHERE s.subdbid = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
ORDER BY 1, 2
