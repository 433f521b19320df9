-- Roles without passwords: pg_roles shows none. The predefined roles are there in every cluster.
SELECT rolname, rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolcanlogin, rolreplication, rolbypassrls,
       rolconnlimit::int AS rolconnlimit
FROM pg_catalog.pg_roles
WHERE rolname !~ '^pg_'
ORDER BY rolname COLLATE "C"
