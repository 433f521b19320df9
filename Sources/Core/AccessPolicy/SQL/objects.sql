-- Every object that privileges are held on, but the system's own and columns.
WITH member AS (
    SELECT classid, objid FROM pg_catalog.pg_depend
    WHERE refclassid = 'pg_catalog.pg_extension'::regclass AND deptype = 'e'
),
space AS (
    SELECT oid, nspname, nspowner, nspacl FROM pg_catalog.pg_namespace
    WHERE nspname <> 'information_schema' AND nspname !~ '^pg_(catalog|toast|temp_|toast_temp_)'
)
SELECT 'database' AS kind, '' AS schema, d.datname AS name, NULL AS arguments, d.datdba AS owner,
       d.datacl IS NULL AS is_default, false AS is_member, NULL::boolean AS secured, NULL::boolean AS forced
FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database()
UNION ALL
SELECT 'schema', '', n.nspname, NULL, n.nspowner, n.nspacl IS NULL,
       EXISTS (SELECT FROM member m WHERE m.classid = 'pg_catalog.pg_namespace'::regclass AND m.objid = n.oid),
       NULL, NULL
FROM space n
UNION ALL
SELECT CASE c.relkind WHEN 'S' THEN 'sequence' ELSE 'table' END, n.nspname, c.relname, NULL, c.relowner,
       c.relacl IS NULL,
       EXISTS (SELECT FROM member m WHERE m.classid = 'pg_catalog.pg_class'::regclass AND m.objid = c.oid),
       CASE WHEN c.relkind IN ('r', 'p') THEN c.relrowsecurity END,
       CASE WHEN c.relkind IN ('r', 'p') THEN c.relforcerowsecurity END
FROM pg_catalog.pg_class c JOIN space n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
UNION ALL
SELECT 'function', n.nspname, p.proname, pg_catalog.oidvectortypes(p.proargtypes), p.proowner, p.proacl IS NULL,
       EXISTS (SELECT FROM member m WHERE m.classid = 'pg_catalog.pg_proc'::regclass AND m.objid = p.oid),
       NULL, NULL
FROM pg_catalog.pg_proc p JOIN space n ON n.oid = p.pronamespace
