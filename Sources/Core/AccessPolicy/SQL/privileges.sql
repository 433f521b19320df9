-- Who holds what on the same objects and on columns. Where no privilege was ever changed there is no list; then only
-- the database, functions, types and languages let somebody in besides their owner.
WITH space AS (
    SELECT oid, nspname, nspacl FROM pg_catalog.pg_namespace
    WHERE nspname <> 'information_schema' AND nspname !~ '^pg_(catalog|toast|temp_|toast_temp_)'
),
held AS (
    SELECT 'database' AS kind, '' AS schema, d.datname AS name, NULL AS part,
           coalesce(d.datacl, pg_catalog.acldefault('d', d.datdba)) AS acl
    FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database()
    UNION ALL
    SELECT 'schema', '', n.nspname, NULL, n.nspacl FROM space n WHERE n.nspacl IS NOT NULL
    UNION ALL
    SELECT CASE c.relkind WHEN 'S' THEN 'sequence' ELSE 'table' END, n.nspname, c.relname, NULL, c.relacl
    FROM pg_catalog.pg_class c JOIN space n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND c.relacl IS NOT NULL
    UNION ALL
    SELECT 'column', n.nspname, c.relname, a.attname, a.attacl
    FROM pg_catalog.pg_attribute a
    JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
    JOIN space n ON n.oid = c.relnamespace
    WHERE a.attacl IS NOT NULL AND NOT a.attisdropped
    UNION ALL
    SELECT 'function', n.nspname, p.proname, pg_catalog.oidvectortypes(p.proargtypes),
           coalesce(p.proacl, pg_catalog.acldefault('f', p.proowner))
    FROM pg_catalog.pg_proc p JOIN space n ON n.oid = p.pronamespace
    UNION ALL
    SELECT 'type', n.nspname, t.typname, NULL, coalesce(t.typacl, pg_catalog.acldefault('T', t.typowner))
    FROM pg_catalog.pg_type t JOIN space n ON n.oid = t.typnamespace
    LEFT JOIN pg_catalog.pg_class c ON c.oid = t.typrelid
    WHERE t.typisdefined AND t.typtype IN ('b', 'c', 'd', 'e', 'r') AND coalesce(c.relkind, 'c') = 'c'
      AND (t.typelem = 0 OR t.typsubscript <> 'pg_catalog.array_subscript_handler'::regproc)
    UNION ALL
    -- Of an untrusted language only superusers make functions, whatever its list says.
    SELECT 'language', '', l.lanname, NULL, coalesce(l.lanacl, pg_catalog.acldefault('l', l.lanowner))
    FROM pg_catalog.pg_language l WHERE l.lanpltrusted
    UNION ALL
    SELECT 'foreign data wrapper', '', f.fdwname, NULL, f.fdwacl
    FROM pg_catalog.pg_foreign_data_wrapper f WHERE f.fdwacl IS NOT NULL
    UNION ALL
    SELECT 'foreign server', '', s.srvname, NULL, s.srvacl
    FROM pg_catalog.pg_foreign_server s WHERE s.srvacl IS NOT NULL
    UNION ALL
    SELECT 'large object', '', o.oid::text, NULL, o.lomacl
    FROM pg_catalog.pg_largeobject_metadata o WHERE o.lomacl IS NOT NULL
    UNION ALL
    SELECT 'tablespace', '', t.spcname, NULL, t.spcacl FROM pg_catalog.pg_tablespace t WHERE t.spcacl IS NOT NULL
    UNION ALL
    SELECT 'parameter', '', p.parname, NULL, p.paracl FROM pg_catalog.pg_parameter_acl p
)
SELECT h.kind, h.schema, h.name, h.part, h.acl::text[] AS items
FROM held h
