-- What the catalog records of each policy's expressions: columns of its own table, functions, other relations.
SELECT d.objid AS policy,
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
