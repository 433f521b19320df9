-- The database and the session that is linted.
SELECT d.datname AS database, d.datdba AS owner, u.oid AS user_oid, u.rolname AS user_name,
       u.rolsuper AS is_superuser,
       pg_catalog.has_table_privilege('pg_catalog.pg_authid', 'SELECT') AS reads_verifiers,
       pg_catalog.current_setting('password_encryption') AS password_encryption
FROM pg_catalog.pg_database d, pg_catalog.pg_roles u
WHERE d.datname = pg_catalog.current_database() AND u.rolname = CURRENT_USER
