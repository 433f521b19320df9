-- Who may set parameters that only superusers may set otherwise.
SELECT p.parname AS name, a.grantee,
       pg_catalog.string_agg(a.privilege_type, ',' ORDER BY a.privilege_type) AS privileges
FROM pg_catalog.pg_parameter_acl p, pg_catalog.aclexplode(p.paracl) a
JOIN pg_catalog.pg_roles r ON r.oid = a.grantee
WHERE NOT r.rolsuper
GROUP BY p.parname, a.grantee
UNION ALL
SELECT p.parname, 0, pg_catalog.string_agg(a.privilege_type, ',' ORDER BY a.privilege_type)
FROM pg_catalog.pg_parameter_acl p, pg_catalog.aclexplode(p.paracl) a
WHERE a.grantee = 0
GROUP BY p.parname
