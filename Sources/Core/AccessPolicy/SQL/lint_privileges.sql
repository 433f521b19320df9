-- Who holds what besides the owner. Functions let everybody in where no privilege was ever changed.
WITH space AS (
    SELECT oid FROM pg_catalog.pg_namespace
    WHERE nspname <> 'information_schema' AND nspname !~ '^pg_(catalog|toast|temp_|toast_temp_)'
),
held AS (
    SELECT 'database' AS kind, d.oid, NULL AS part, d.datdba AS owner,
           coalesce(d.datacl, pg_catalog.acldefault('d', d.datdba)) AS acl
    FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database()
    UNION ALL
    SELECT 'schema', n.oid, NULL, n.nspowner, n.nspacl
    FROM pg_catalog.pg_namespace n JOIN space s USING (oid) WHERE n.nspacl IS NOT NULL
    UNION ALL
    SELECT 'relation', c.oid, NULL, c.relowner, c.relacl
    FROM pg_catalog.pg_class c JOIN space s ON s.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND c.relacl IS NOT NULL
    UNION ALL
    SELECT 'column', c.oid, a.attname, c.relowner, a.attacl
    FROM pg_catalog.pg_attribute a
    JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
    JOIN space s ON s.oid = c.relnamespace
    WHERE a.attacl IS NOT NULL AND NOT a.attisdropped
    UNION ALL
    SELECT 'function', p.oid, NULL, p.proowner, coalesce(p.proacl, pg_catalog.acldefault('f', p.proowner))
    FROM pg_catalog.pg_proc p JOIN space s ON s.oid = p.pronamespace
)
SELECT h.kind, h.oid, h.part, a.grantor, a.grantee,
       pg_catalog.string_agg(a.privilege_type, ',' ORDER BY a.privilege_type) AS privileges,
       pg_catalog.string_agg(a.privilege_type, ',' ORDER BY a.privilege_type) FILTER (WHERE a.is_grantable) AS grantable
FROM held h, pg_catalog.aclexplode(h.acl) a
WHERE a.grantee <> h.owner
GROUP BY h.kind, h.oid, h.part, a.grantor, a.grantee
