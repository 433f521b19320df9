-- The list of privileges of each object that has one, as text. The same list stands on ten thousand objects: what it
-- means is in lint_lists.sql, once. Functions let everybody in where no privilege was ever changed.
WITH space AS (
    SELECT oid FROM pg_catalog.pg_namespace
    WHERE nspname <> 'information_schema' AND nspname !~ '^pg_(catalog|toast|temp_|toast_temp_)'
)
SELECT 'database' AS kind, d.oid, NULL AS part, d.datdba AS owner,
       coalesce(d.datacl, pg_catalog.acldefault('d', d.datdba))::text AS list
FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database()
UNION ALL
SELECT 'schema', n.oid, NULL, n.nspowner, n.nspacl::text
FROM pg_catalog.pg_namespace n JOIN space s USING (oid) WHERE n.nspacl IS NOT NULL
UNION ALL
SELECT 'relation', c.oid, NULL, c.relowner, c.relacl::text
FROM pg_catalog.pg_class c JOIN space s ON s.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND c.relacl IS NOT NULL
UNION ALL
SELECT 'column', c.oid, a.attname, c.relowner, a.attacl::text
FROM pg_catalog.pg_attribute a
JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
JOIN space s ON s.oid = c.relnamespace
WHERE a.attacl IS NOT NULL AND NOT a.attisdropped
UNION ALL
SELECT 'function', p.oid, NULL, p.proowner, coalesce(p.proacl, pg_catalog.acldefault('f', p.proowner))::text
FROM pg_catalog.pg_proc p JOIN space s ON s.oid = p.pronamespace
UNION ALL
SELECT 'large object', o.oid, NULL, o.lomowner, o.lomacl::text
FROM pg_catalog.pg_largeobject_metadata o WHERE o.lomacl IS NOT NULL
UNION ALL
SELECT 'tablespace', t.oid, NULL, t.spcowner, t.spcacl::text FROM pg_catalog.pg_tablespace t WHERE t.spcacl IS NOT NULL
