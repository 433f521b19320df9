-- What no schema holds: large objects and tablespaces that others were let in to, languages that are trusted although they
-- reach the operating system, and accounts on other servers that everybody uses.
SELECT 'large object' AS kind, oid, oid::text AS name, lomowner AS owner
FROM pg_catalog.pg_largeobject_metadata WHERE lomacl IS NOT NULL
UNION ALL
SELECT 'tablespace', oid, spcname, spcowner FROM pg_catalog.pg_tablespace WHERE spcacl IS NOT NULL
UNION ALL
SELECT 'language', oid, lanname, lanowner
FROM pg_catalog.pg_language WHERE lanpltrusted AND (lanname IN ('c', 'internal') OR lanname ~ '^pl.*u$')
UNION ALL
SELECT 'user mapping', m.umid, m.srvname, s.srvowner
FROM pg_catalog.pg_user_mappings m JOIN pg_catalog.pg_foreign_server s ON s.oid = m.srvid
WHERE m.umuser = 0
