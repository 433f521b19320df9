-- The database and the role that this session is about.
SELECT d.datname AS database, d.datdba AS owner,
       r.oid AS role_oid, r.rolname AS role,
       r.rolsuper AS is_superuser,
       pg_catalog.has_table_privilege('pg_catalog.pg_authid', 'SELECT') AS reads_verifiers,
       pg_catalog.current_setting('password_encryption') AS password_encryption,
       pg_catalog.current_setting('lo_compat_privileges') = 'on' AS opens_large_objects
FROM pg_catalog.pg_roles r, pg_catalog.pg_database d
WHERE r.rolname = CURRENT_USER AND d.datname = pg_catalog.current_database()
