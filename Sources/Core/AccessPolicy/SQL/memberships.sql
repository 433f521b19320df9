-- Every membership. Through JSON, since PostgreSQL before 16 has no columns inherit_option and set_option.
SELECT g.rolname AS role,
       u.rolname AS member,
       coalesce(w.rolname, '') AS grantor,
       m.admin_option AS admin,
       (pg_catalog.to_jsonb(m) ->> 'inherit_option')::boolean AS inherit,
       (pg_catalog.to_jsonb(m) ->> 'set_option')::boolean AS set
FROM pg_catalog.pg_auth_members m
JOIN pg_catalog.pg_roles g ON g.oid = m.roleid
JOIN pg_catalog.pg_roles u ON u.oid = m.member
LEFT JOIN pg_catalog.pg_roles w ON w.oid = m.grantor
