-- What somebody has made in this database; a new one has nothing here. Objects of pg_catalog, of information_schema and of
-- extensions that every template has (plpgsql) are nobody's.
SELECT what, name
FROM (
    SELECT 'schema' AS what, nspname::text AS name FROM pg_catalog.pg_namespace WHERE oid >= 16384
    UNION ALL
    SELECT 'relation', oid::pg_catalog.regclass::text FROM pg_catalog.pg_class WHERE oid >= 16384 AND relkind <> 't'
    UNION ALL
    SELECT 'function', oid::pg_catalog.regprocedure::text FROM pg_catalog.pg_proc WHERE oid >= 16384
    UNION ALL
    SELECT 'type', oid::pg_catalog.regtype::text FROM pg_catalog.pg_type WHERE oid >= 16384 AND typtype <> 'c'
    UNION ALL
    SELECT 'extension', extname::text FROM pg_catalog.pg_extension WHERE oid >= 16384
    UNION ALL
    SELECT 'large object', oid::text FROM pg_catalog.pg_largeobject_metadata
) AS made
ORDER BY what, name
LIMIT 1
