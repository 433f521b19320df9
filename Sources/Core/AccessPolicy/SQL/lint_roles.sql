-- Every role; whether the session may act as it, as PostgreSQL 16 and later tell it apart from mere membership.
SELECT r.oid, r.rolname AS name, r.rolsuper AS is_superuser, r.rolcanlogin AS login, r.rolinherit AS inherit,
       r.rolcreaterole AS createrole, r.rolcreatedb AS createdb, r.rolreplication AS replication,
       r.rolbypassrls AS bypassrls, r.rolconnlimit AS connection_limit,
       r.rolvaliduntil < 'infinity' AS expires,
       coalesce(pg_catalog.pg_has_role(
           r.oid, CASE WHEN pg_catalog.current_setting('server_version_num')::integer >= 160000
                       THEN 'SET' ELSE 'MEMBER' END), false) AS may_act
FROM pg_catalog.pg_roles r
