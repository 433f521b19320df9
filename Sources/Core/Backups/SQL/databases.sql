-- Every database, with what keeps a run from it. pg_database_size needs CONNECT. datconnlimit is -2 for what an interrupted
-- DROP DATABASE left.
SELECT d.datname::text AS name, d.datistemplate AS template, d.datallowconn AS connectable,
       d.datconnlimit = -2 AS invalid,
       CASE WHEN d.datallowconn AND d.datconnlimit <> -2 AND pg_catalog.has_database_privilege(d.oid, 'CONNECT')
            THEN pg_catalog.pg_database_size(d.oid) END AS size
FROM pg_catalog.pg_database d
ORDER BY d.datname COLLATE "C"
