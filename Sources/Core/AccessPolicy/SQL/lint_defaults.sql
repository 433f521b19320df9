-- Default privileges by creator; whether the creator owns any such object, or may make one, where they apply, and whether
-- PUBLIC's own privileges on it were taken away, which can be done for all schemas only. An empty list counts as none.
SELECT d.defaclrole AS creator, d.defaclnamespace AS space, d.defaclobjtype::text AS kind, a.grantee,
       pg_catalog.string_agg(a.privilege_type, ',' ORDER BY a.privilege_type) AS privileges,
       CASE d.defaclobjtype
           WHEN 'f' THEN EXISTS (SELECT FROM pg_catalog.pg_proc p WHERE p.proowner = d.defaclrole
                                 AND d.defaclnamespace IN (0, p.pronamespace))
           WHEN 'T' THEN EXISTS (SELECT FROM pg_catalog.pg_type t WHERE t.typowner = d.defaclrole
                                 AND d.defaclnamespace IN (0, t.typnamespace))
           WHEN 'n' THEN EXISTS (SELECT FROM pg_catalog.pg_namespace n WHERE n.nspowner = d.defaclrole)
           ELSE EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.relowner = d.defaclrole
                        AND d.defaclnamespace IN (0, c.relnamespace))
       END AS is_used,
       d.defaclnamespace = 0
           OR coalesce(pg_catalog.has_schema_privilege(d.defaclrole, d.defaclnamespace, 'CREATE'), false) AS may_create,
       EXISTS (SELECT FROM pg_catalog.pg_default_acl g
               WHERE g.defaclrole = d.defaclrole AND g.defaclnamespace = 0 AND g.defaclobjtype = d.defaclobjtype
                 AND pg_catalog.cardinality(g.defaclacl) > 0
                 AND NOT EXISTS (SELECT FROM pg_catalog.aclexplode(g.defaclacl) e WHERE e.grantee = 0)) AS is_closed
FROM pg_catalog.pg_default_acl d, pg_catalog.aclexplode(d.defaclacl) a
WHERE d.defaclobjtype IN ('r', 'S', 'f', 'T', 'n') AND a.grantee <> d.defaclrole
GROUP BY d.defaclrole, d.defaclnamespace, d.defaclobjtype, a.grantee
