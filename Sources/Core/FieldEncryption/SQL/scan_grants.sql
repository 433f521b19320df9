-- Who besides the owner may read a table or some of its columns.
SELECT n.nspname::text AS schema, c.relname::text AS table_name, NULL::text AS column_name,
       COALESCE(r.rolname::text, 'PUBLIC') AS grantee
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
CROSS JOIN LATERAL pg_catalog.aclexplode(c.relacl) g
LEFT JOIN pg_catalog.pg_roles r ON r.oid = g.grantee
WHERE c.relkind IN ('r', 'p', 'm') AND g.privilege_type = 'SELECT' AND g.grantee <> c.relowner
UNION ALL
SELECT n.nspname::text, c.relname::text, a.attname::text, COALESCE(r.rolname::text, 'PUBLIC')
FROM pg_catalog.pg_attribute a
JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
CROSS JOIN LATERAL pg_catalog.aclexplode(a.attacl) g
LEFT JOIN pg_catalog.pg_roles r ON r.oid = g.grantee
WHERE c.relkind IN ('r', 'p', 'm') AND g.privilege_type = 'SELECT' AND g.grantee <> c.relowner
ORDER BY 1, 2, 3, 4
