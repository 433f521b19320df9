-- Every role with its attributes; an expiry in microseconds since 1970, NULL for never. An expiry before the year 1 may
-- be -infinity, which is no number.
SELECT r.oid, r.rolname AS name,
       r.rolsuper AS is_superuser,
       r.rolcanlogin AS login,
       r.rolcreatedb AS createdb,
       r.rolcreaterole AS createrole,
       r.rolinherit AS inherit,
       r.rolreplication AS replication,
       r.rolbypassrls AS bypassrls,
       r.rolconnlimit AS connection_limit,
       CASE WHEN r.rolvaliduntil < 'infinity'
            THEN (extract(epoch FROM greatest(r.rolvaliduntil, '0001-01-01 00:00:00+00')) * 1000000)::bigint
       END AS valid_until,
       s.setconfig AS settings,
       l.setconfig AS settings_in_database
FROM pg_catalog.pg_roles r
LEFT JOIN pg_catalog.pg_db_role_setting s ON s.setrole = r.oid AND s.setdatabase = 0
LEFT JOIN pg_catalog.pg_db_role_setting l ON l.setrole = r.oid AND l.setdatabase =
    (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database())
