-- Who stands in the way of ACCESS SHARE: only ACCESS EXCLUSIVE does, held or waited for in front of us. No query text: it
-- may hold anybody's data.
SELECT n.nspname || '.' || c.relname AS name, l.pid::int AS pid, coalesce(a.usename::text, '') AS role,
       coalesce(a.application_name, '') AS application, coalesce(a.state, '') AS state,
       coalesce(extract(epoch FROM pg_catalog.now() - a.xact_start)::bigint, 0) AS seconds,
       pg_catalog.to_char(a.query_start AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS since
FROM pg_catalog.pg_locks l
JOIN pg_catalog.pg_class c ON c.oid = l.relation
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
WHERE l.locktype = 'relation' AND l.mode = 'AccessExclusiveLock' AND l.pid <> pg_catalog.pg_backend_pid()
  AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
  AND n.nspname !~ '^pg_'
ORDER BY l.granted DESC, a.xact_start
LIMIT 3
