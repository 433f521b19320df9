-- Settings of an application's own with which sessions begin: of a role, of the database, or of both; 0 is all of them.
SELECT d.setrole AS role, d.setdatabase <> 0 AS is_here,
       pg_catalog.lower(pg_catalog.split_part(c, '=', 1)) AS name, pg_catalog.substr(c, pg_catalog.strpos(c, '=') + 1) AS value
FROM pg_catalog.pg_db_role_setting d, pg_catalog.unnest(d.setconfig) c
WHERE pg_catalog.strpos(pg_catalog.split_part(c, '=', 1), '.') > 0
  AND d.setdatabase IN (0, (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()))
