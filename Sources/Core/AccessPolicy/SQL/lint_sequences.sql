-- Sequences that belong to a column, with their table, where somebody was let in to.
SELECT c.oid, c.relnamespace AS space, c.relname AS name, c.relowner AS owner, d.refobjid AS relation
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid AND d.objsubid = 0
    AND d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjsubid > 0 AND d.deptype IN ('a', 'i')
WHERE c.relkind = 'S' AND c.relacl IS NOT NULL
