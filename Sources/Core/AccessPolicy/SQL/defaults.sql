-- Default privileges, by creator and schema; no schema means all of them. Where a creator's list was emptied there is a
-- row without a grantee.
SELECT d.defaclrole AS creator, n.nspname AS schema,
       CASE d.defaclobjtype WHEN 'r' THEN 'table' WHEN 'S' THEN 'sequence' WHEN 'f' THEN 'function' WHEN 'T' THEN 'type'
            WHEN 'n' THEN 'schema' WHEN 'L' THEN 'large object' END AS kind,
       a.grantor, a.grantee,
       coalesce(pg_catalog.array_agg(a.privilege_type) FILTER (WHERE a.privilege_type IS NOT NULL), '{}') AS privileges,
       coalesce(pg_catalog.array_agg(a.privilege_type) FILTER (WHERE a.is_grantable), '{}') AS grantable
FROM pg_catalog.pg_default_acl d
LEFT JOIN pg_catalog.pg_namespace n ON n.oid = d.defaclnamespace
LEFT JOIN LATERAL pg_catalog.aclexplode(d.defaclacl) a ON true
WHERE d.defaclobjtype IN ('r', 'S', 'f', 'T', 'n', 'L')
GROUP BY d.defaclrole, n.nspname, d.defaclobjtype, a.grantor, a.grantee
