-- Default privileges, by creator and schema; no schema means all of them.
SELECT d.defaclrole AS creator, n.nspname AS schema,
       CASE d.defaclobjtype WHEN 'r' THEN 'table' WHEN 'S' THEN 'sequence' ELSE 'function' END AS kind,
       a.grantor, a.grantee,
       pg_catalog.array_agg(a.privilege_type) AS privileges,
       coalesce(pg_catalog.array_agg(a.privilege_type) FILTER (WHERE a.is_grantable), '{}') AS grantable
FROM pg_catalog.pg_default_acl d
LEFT JOIN pg_catalog.pg_namespace n ON n.oid = d.defaclnamespace,
     pg_catalog.aclexplode(d.defaclacl) a
WHERE d.defaclobjtype IN ('r', 'S', 'f')
GROUP BY d.defaclrole, n.nspname, d.defaclobjtype, a.grantor, a.grantee
