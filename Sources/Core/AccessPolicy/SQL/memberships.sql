-- Every membership. Through JSON, since PostgreSQL before 16 has no columns inherit_option and set_option.
--
-- A role with CREATEROLE that makes a role becomes its administrator from 16 on: PostgreSQL itself then grants it the
-- membership in the name of the superuser that initdb made, with neither INHERIT nor SET.
SELECT g.rolname AS role,
       u.rolname AS member,
       coalesce(w.rolname, '') AS grantor,
       m.roleid AS role_oid, m.member AS member_oid, m.grantor AS grantor_oid,
       m.admin_option AS admin,
       o.inherit, o.set,
       coalesce(m.grantor = 10 AND u.rolcreaterole AND m.admin_option AND NOT o.inherit AND NOT o.set, false)
           AS is_automatic
FROM pg_catalog.pg_auth_members m
CROSS JOIN LATERAL (
    SELECT (j.row ->> 'inherit_option')::boolean AS inherit, (j.row ->> 'set_option')::boolean AS set
    FROM (SELECT pg_catalog.to_jsonb(m) AS row) j
) o
JOIN pg_catalog.pg_roles g ON g.oid = m.roleid
JOIN pg_catalog.pg_roles u ON u.oid = m.member
LEFT JOIN pg_catalog.pg_roles w ON w.oid = m.grantor
