-- Every object that privileges are held on, but columns and the system's own; large objects and parameters only where a
-- privilege was ever changed.
WITH member AS (
    SELECT classid, objid FROM pg_catalog.pg_depend
    WHERE refclassid = 'pg_catalog.pg_extension'::regclass AND deptype = 'e'
),
space AS (
    SELECT oid, nspname, nspowner, nspacl FROM pg_catalog.pg_namespace
    WHERE nspname <> 'information_schema' AND nspname !~ '^pg_(catalog|toast|temp_|toast_temp_)'
)
SELECT 'database' AS kind, '' AS schema, d.datname AS name, NULL AS arguments, 'plain' AS form, d.datdba AS owner,
       d.datacl IS NULL AS is_default, false AS is_member, NULL::boolean AS secured, NULL::boolean AS forced,
       NULL AS "table"
FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database()
UNION ALL
SELECT 'schema', '', n.nspname, NULL, 'plain', n.nspowner, n.nspacl IS NULL,
       EXISTS (SELECT FROM member m WHERE m.classid = 'pg_catalog.pg_namespace'::regclass AND m.objid = n.oid),
       NULL, NULL, NULL
FROM space n
UNION ALL
SELECT 'table', n.nspname, c.relname, NULL,
       CASE c.relkind WHEN 'p' THEN 'partitioned table' WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view'
            WHEN 'f' THEN 'foreign table' ELSE 'plain' END,
       c.relowner, c.relacl IS NULL,
       EXISTS (SELECT FROM member m WHERE m.classid = 'pg_catalog.pg_class'::regclass AND m.objid = c.oid),
       CASE WHEN c.relkind IN ('r', 'p') THEN c.relrowsecurity END,
       CASE WHEN c.relkind IN ('r', 'p') THEN c.relforcerowsecurity END,
       NULL
FROM pg_catalog.pg_class c JOIN space n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')
UNION ALL
-- A sequence of a serial or identity column depends on it, and lives in the schema of its table.
SELECT 'sequence', n.nspname, c.relname, NULL, 'plain', c.relowner, c.relacl IS NULL,
       EXISTS (SELECT FROM member m WHERE m.classid = 'pg_catalog.pg_class'::regclass AND m.objid = c.oid),
       NULL, NULL, t.relname
FROM pg_catalog.pg_class c JOIN space n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_depend d
    ON d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid AND d.objsubid = 0
    AND d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjsubid > 0 AND d.deptype IN ('a', 'i')
LEFT JOIN pg_catalog.pg_class t ON t.oid = d.refobjid
WHERE c.relkind = 'S'
UNION ALL
SELECT 'function', n.nspname, p.proname, pg_catalog.oidvectortypes(p.proargtypes),
       CASE p.prokind WHEN 'p' THEN 'procedure' WHEN 'a' THEN 'aggregate' ELSE 'plain' END,
       p.proowner, p.proacl IS NULL,
       EXISTS (SELECT FROM member m WHERE m.classid = 'pg_catalog.pg_proc'::regclass AND m.objid = p.oid),
       NULL, NULL, NULL
FROM pg_catalog.pg_proc p JOIN space n ON n.oid = p.pronamespace
UNION ALL
-- Neither a table's row type nor an array or multirange: those follow what they are made of.
SELECT 'type', n.nspname, t.typname, NULL, CASE t.typtype WHEN 'd' THEN 'domain' ELSE 'plain' END,
       t.typowner, t.typacl IS NULL,
       EXISTS (SELECT FROM member m WHERE m.classid = 'pg_catalog.pg_type'::regclass AND m.objid = t.oid),
       NULL, NULL, NULL
FROM pg_catalog.pg_type t JOIN space n ON n.oid = t.typnamespace
LEFT JOIN pg_catalog.pg_class c ON c.oid = t.typrelid
WHERE t.typisdefined AND t.typtype IN ('b', 'c', 'd', 'e', 'r') AND coalesce(c.relkind, 'c') = 'c'
  AND (t.typelem = 0 OR t.typsubscript <> 'pg_catalog.array_subscript_handler'::regproc)
UNION ALL
SELECT 'language', '', l.lanname, NULL, CASE WHEN l.lanpltrusted THEN 'plain' ELSE 'untrusted language' END,
       l.lanowner, l.lanacl IS NULL,
       EXISTS (SELECT FROM member m WHERE m.classid = 'pg_catalog.pg_language'::regclass AND m.objid = l.oid),
       NULL, NULL, NULL
FROM pg_catalog.pg_language l
UNION ALL
SELECT 'foreign data wrapper', '', f.fdwname, NULL, 'plain', f.fdwowner, f.fdwacl IS NULL,
       EXISTS (
           SELECT FROM member m
           WHERE m.classid = 'pg_catalog.pg_foreign_data_wrapper'::regclass AND m.objid = f.oid),
       NULL, NULL, NULL
FROM pg_catalog.pg_foreign_data_wrapper f
UNION ALL
SELECT 'foreign server', '', s.srvname, NULL, 'plain', s.srvowner, s.srvacl IS NULL,
       EXISTS (
           SELECT FROM member m WHERE m.classid = 'pg_catalog.pg_foreign_server'::regclass AND m.objid = s.oid),
       NULL, NULL, NULL
FROM pg_catalog.pg_foreign_server s
UNION ALL
SELECT 'large object', '', o.oid::text, NULL, 'plain', o.lomowner, false, false, NULL, NULL, NULL
FROM pg_catalog.pg_largeobject_metadata o WHERE o.lomacl IS NOT NULL
UNION ALL
SELECT 'tablespace', '', t.spcname, NULL, 'plain', t.spcowner, t.spcacl IS NULL, false, NULL, NULL, NULL
FROM pg_catalog.pg_tablespace t
UNION ALL
-- The superuser that initdb made holds all of them.
SELECT 'parameter', '', p.parname, NULL, 'plain', 10, false, false, NULL, NULL, NULL
FROM pg_catalog.pg_parameter_acl p
