-- The database and the role that this session is about.
SELECT pg_catalog.current_database() AS database,
       r.rolname AS role,
       r.rolsuper AS is_superuser,
       pg_catalog.has_table_privilege('pg_catalog.pg_authid', 'SELECT') AS reads_verifiers
FROM pg_catalog.pg_roles r
WHERE r.rolname = CURRENT_USER
