-- Every policy, with what the catalog records of its expressions: columns of its own table, functions, other relations.
SELECT p.polrelid AS relation, p.polname AS name, p.polpermissive AS is_permissive,
       CASE p.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE' WHEN 'd' THEN 'DELETE'
            ELSE 'ALL' END AS command,
       p.polroles AS roles,
       pg_catalog.pg_get_expr(p.polqual, p.polrelid) AS using,
       pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid) AS check,
       coalesce(d.columns, '{}') AS columns, coalesce(d.functions, '{}') AS functions,
       coalesce(d.relations, '{}') AS relations
FROM pg_catalog.pg_policy p
LEFT JOIN (
    SELECT d.objid,
           pg_catalog.array_agg(DISTINCT a.attname::text) FILTER (WHERE d.refobjid = q.polrelid AND d.refobjsubid > 0)
               AS columns,
           pg_catalog.array_agg(DISTINCT d.refobjid) FILTER (WHERE d.refclassid = 'pg_catalog.pg_proc'::regclass)
               AS functions,
           pg_catalog.array_agg(DISTINCT d.refobjid)
               FILTER (WHERE d.refclassid = 'pg_catalog.pg_class'::regclass AND d.deptype = 'n'
                       AND d.refobjid <> q.polrelid) AS relations
    FROM pg_catalog.pg_depend d
    JOIN pg_catalog.pg_policy q ON q.oid = d.objid
    LEFT JOIN pg_catalog.pg_attribute a ON d.refclassid = 'pg_catalog.pg_class'::regclass
        AND a.attrelid = d.refobjid AND a.attnum = d.refobjsubid AND d.refobjsubid > 0
    WHERE d.classid = 'pg_catalog.pg_policy'::regclass
    GROUP BY d.objid
) d ON d.objid = p.oid
