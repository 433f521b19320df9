-- Where a column's values may have been copied to, and how that is known; `target` has the table's oid and the column's
-- name, number and type, the latter two NULL when it was dropped.
WITH RECURSIVE dependent AS (
    SELECT DISTINCT r.ev_class AS oid
    FROM target JOIN pg_catalog.pg_depend p ON p.refclassid = 'pg_class'::regclass AND p.refobjid = target.relation
        AND (p.refobjsubid = target.number OR target.number IS NULL)
    JOIN pg_catalog.pg_rewrite r ON p.classid = 'pg_rewrite'::regclass AND p.objid = r.oid
    WHERE r.ev_class <> target.relation
    UNION
    SELECT r.ev_class
    FROM dependent d JOIN pg_catalog.pg_depend p ON p.refclassid = 'pg_class'::regclass AND p.refobjid = d.oid
    JOIN pg_catalog.pg_rewrite r ON p.classid = 'pg_rewrite'::regclass AND p.objid = r.oid
    WHERE r.ev_class <> d.oid
), family AS (
    SELECT relation AS oid FROM target
    UNION SELECT t.relid FROM target, LATERAL pg_catalog.pg_partition_tree(target.relation) t
), code AS (
    SELECT DISTINCT f.proname::text AS name, f.prosrc AS text, l.lanname::text AS language
    FROM pg_catalog.pg_trigger g JOIN family ON g.tgrelid = family.oid
    JOIN pg_catalog.pg_proc f ON f.oid = g.tgfoid JOIN pg_catalog.pg_namespace fn ON fn.oid = f.pronamespace
    JOIN pg_catalog.pg_language l ON l.oid = f.prolang
    WHERE NOT g.tgisinternal AND fn.nspname <> 'dbpii'
), found AS (
    SELECT c.oid, 1 AS rank, 'is a materialized view of the column: REFRESH MATERIALIZED VIEW, without it' AS why
    FROM dependent d JOIN pg_catalog.pg_class c ON c.oid = d.oid WHERE c.relkind = 'm'
    UNION ALL
    SELECT c.oid, 2, 'is named by the trigger function ' || code.name || ' of the table: delete or encrypt what it holds, then VACUUM (FULL) it'
    FROM code JOIN pg_catalog.pg_class c ON c.relkind IN ('r', 'p')
        AND code.text ~* ('\m' || pg_catalog.regexp_replace(c.relname::text, '([^[:alnum:]_])', '\\\1', 'g') || '\M')
    UNION ALL
    SELECT c.oid, 3, 'has a column of this name: delete or encrypt what it holds, then VACUUM (FULL) it'
    FROM target JOIN pg_catalog.pg_attribute a ON a.attname = target.name AND a.attnum > 0 AND NOT a.attisdropped
        AND (a.atttypid = target.type OR target.type IS NULL)
    JOIN pg_catalog.pg_class c ON c.oid = a.attrelid AND c.relkind IN ('r', 'p', 'm') AND NOT c.relispartition
)
SELECT DISTINCT ON (n.nspname, c.relname) n.nspname::text AS schema, c.relname::text AS name, found.why
FROM found JOIN pg_catalog.pg_class c ON c.oid = found.oid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.oid NOT IN (SELECT oid FROM family) AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'dbpii')
    AND n.nspname !~ '^pg_(toast|temp)'
UNION ALL
SELECT '', code.name, 'a trigger function in ' || code.language || ': nobody can see here where it writes'
FROM code WHERE code.language NOT IN ('sql', 'plpgsql', 'internal')
ORDER BY 1, 2
