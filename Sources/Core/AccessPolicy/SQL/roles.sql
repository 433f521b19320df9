-- Every role with its attributes; an expiry in microseconds since 1970, NULL for never. An expiry before the year 1 may
-- be -infinity, which is no number.
--
-- May act: as PostgreSQL 16 and later tell it apart from mere membership. Unused: nobody can be it, and in no database
-- does anything belong to it, name it in a privilege or a policy, or hang on it otherwise.
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
       l.setconfig AS settings_in_database,
       coalesce(pg_catalog.pg_has_role(
           r.oid, CASE WHEN pg_catalog.current_setting('server_version_num')::integer >= 160000
                       THEN 'SET' ELSE 'MEMBER' END), false) AS may_act,
       NOT r.rolcanlogin AND NOT r.rolsuper AND r.oid >= 16384
           AND NOT EXISTS (SELECT FROM pg_catalog.pg_shdepend d
                           WHERE d.refclassid = 'pg_catalog.pg_authid'::regclass AND d.refobjid = r.oid)
           AND NOT EXISTS (SELECT FROM pg_catalog.pg_db_role_setting g WHERE g.setrole = r.oid)
           AND NOT EXISTS (
               SELECT FROM pg_catalog.pg_auth_members m, pg_catalog.to_jsonb(m) j
               WHERE m.roleid = r.oid AND coalesce((j ->> 'inherit_option')::boolean OR (j ->> 'set_option')::boolean, true))
           AS is_unused
FROM pg_catalog.pg_roles r
LEFT JOIN pg_catalog.pg_db_role_setting s ON s.setrole = r.oid AND s.setdatabase = 0
LEFT JOIN pg_catalog.pg_db_role_setting l ON l.setrole = r.oid AND l.setdatabase =
    (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database())
