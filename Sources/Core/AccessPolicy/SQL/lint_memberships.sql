-- Every membership by OID. Through JSON, since PostgreSQL before 16 has no columns inherit_option and set_option.
SELECT m.roleid AS role, m.member, m.grantor, m.admin_option AS admin,
       (pg_catalog.to_jsonb(m) ->> 'inherit_option')::boolean AS inherit,
       (pg_catalog.to_jsonb(m) ->> 'set_option')::boolean AS set
FROM pg_catalog.pg_auth_members m
