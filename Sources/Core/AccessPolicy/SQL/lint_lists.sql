-- What each list of privileges means, wherever it stands: who holds what, and by whom.
WITH lists AS (
    SELECT coalesce(datacl, pg_catalog.acldefault('d', datdba)) AS acl
    FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()
    UNION SELECT nspacl FROM pg_catalog.pg_namespace WHERE nspacl IS NOT NULL
    UNION SELECT relacl FROM pg_catalog.pg_class WHERE relacl IS NOT NULL
    UNION SELECT lomacl FROM pg_catalog.pg_largeobject_metadata WHERE lomacl IS NOT NULL
    UNION SELECT spcacl FROM pg_catalog.pg_tablespace WHERE spcacl IS NOT NULL
    UNION SELECT attacl FROM pg_catalog.pg_attribute WHERE attacl IS NOT NULL
    UNION SELECT coalesce(proacl, pg_catalog.acldefault('f', proowner)) FROM pg_catalog.pg_proc
)
SELECT l.list, a.grantor, a.grantee,
       pg_catalog.string_agg(a.privilege_type, ',' ORDER BY a.privilege_type) AS privileges,
       pg_catalog.string_agg(a.privilege_type, ',' ORDER BY a.privilege_type) FILTER (WHERE a.is_grantable) AS grantable
FROM (SELECT acl::text AS list, acl FROM lists) l, pg_catalog.aclexplode(l.acl) a
GROUP BY l.list, a.grantor, a.grantee
