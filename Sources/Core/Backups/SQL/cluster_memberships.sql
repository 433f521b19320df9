-- From 16 on, several grantors may have given one membership.
SELECT r.rolname AS role, m.rolname AS member, bool_or(a.admin_option) AS admin
FROM pg_catalog.pg_auth_members a
JOIN pg_catalog.pg_roles r ON r.oid = a.roleid
JOIN pg_catalog.pg_roles m ON m.oid = a.member
WHERE m.rolname !~ '^pg_'
GROUP BY 1, 2
ORDER BY r.rolname COLLATE "C", m.rolname COLLATE "C"
