-- The databases that a run covers when none is named: every one that takes connections and is no template.
SELECT datname::text AS datname
FROM pg_catalog.pg_database
WHERE datallowconn AND NOT datistemplate
ORDER BY datname COLLATE "C"
