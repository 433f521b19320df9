-- How many large objects this role may not read: pg_read_all_data does not cover them, up to PostgreSQL 18 at least.
SELECT count(*) AS count
FROM pg_catalog.pg_largeobject_metadata m
WHERE pg_catalog.current_setting('is_superuser') = 'off'
  AND pg_catalog.current_setting('lo_compat_privileges') = 'off'
  AND NOT pg_catalog.pg_has_role(m.lomowner, 'USAGE')
  AND NOT EXISTS (
      SELECT FROM pg_catalog.aclexplode(m.lomacl) a
      WHERE a.privilege_type = 'SELECT' AND (a.grantee = 0 OR pg_catalog.pg_has_role(a.grantee, 'USAGE')))
