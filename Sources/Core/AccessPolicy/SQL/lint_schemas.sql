-- Every schema, also those of extensions and the system's, by which functions are found.
SELECT oid, nspname AS name, nspowner AS owner,
       nspname = 'information_schema' OR nspname ~ '^pg_(catalog|toast|temp_|toast_temp_)' AS is_system
FROM pg_catalog.pg_namespace
