SELECT r.rolname::text AS role, s.setconfig AS assignments
FROM pg_catalog.pg_db_role_setting s
LEFT JOIN pg_catalog.pg_roles r ON r.oid = s.setrole
WHERE s.setdatabase = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
ORDER BY r.rolname COLLATE "C" NULLS FIRST
