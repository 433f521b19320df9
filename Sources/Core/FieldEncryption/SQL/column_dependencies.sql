-- What depends on a column; `target` names it.
SELECT 'generated' AS kind, pg_catalog.quote_ident(a.attname) AS name, pg_catalog.pg_get_expr(d.adbin, d.adrelid) AS detail
FROM target, pg_catalog.pg_attrdef d
JOIN pg_catalog.pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum AND a.attgenerated <> ''
WHERE d.adrelid = target.relation AND EXISTS (
    SELECT FROM pg_catalog.pg_depend p
    WHERE p.classid = 'pg_attrdef'::regclass AND p.objid = d.oid AND p.refclassid = 'pg_class'::regclass
        AND p.refobjid = target.relation AND p.refobjsubid = target.number)
UNION ALL
SELECT 'default', pg_catalog.quote_ident(a.attname), pg_catalog.pg_get_expr(d.adbin, d.adrelid)
FROM target, pg_catalog.pg_attrdef d
JOIN pg_catalog.pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum AND a.attgenerated = ''
WHERE d.adrelid = target.relation AND d.adnum = target.number
UNION ALL
SELECT DISTINCT CASE v.relkind WHEN 'm' THEN 'materialized view' WHEN 'v' THEN 'view' ELSE 'rule' END,
    v.oid::regclass::text, NULL
FROM target, pg_catalog.pg_depend p
JOIN pg_catalog.pg_rewrite r ON p.classid = 'pg_rewrite'::regclass AND p.objid = r.oid
JOIN pg_catalog.pg_class v ON v.oid = r.ev_class
WHERE p.refclassid = 'pg_class'::regclass AND p.refobjid = target.relation AND p.refobjsubid = target.number
UNION ALL
SELECT DISTINCT 'policy', pg_catalog.quote_ident(o.polname) || ' on ' || o.polrelid::regclass::text, NULL
FROM target, pg_catalog.pg_depend p
JOIN pg_catalog.pg_policy o ON p.classid = 'pg_policy'::regclass AND p.objid = o.oid
WHERE p.refclassid = 'pg_class'::regclass AND p.refobjid = target.relation AND p.refobjsubid = target.number
UNION ALL
SELECT CASE WHEN i.indisexclusion THEN 'exclusion' WHEN i.indisunique THEN 'unique' ELSE 'index' END,
    i.indexrelid::regclass::text, pg_catalog.pg_get_indexdef(i.indexrelid)
FROM target, pg_catalog.pg_index i
WHERE i.indrelid = target.relation AND (
    target.number = ANY (i.indkey) OR EXISTS (
        SELECT FROM pg_catalog.pg_depend p
        WHERE p.classid = 'pg_class'::regclass AND p.objid = i.indexrelid AND p.refclassid = 'pg_class'::regclass
            AND p.refobjid = target.relation AND p.refobjsubid = target.number))
UNION ALL
SELECT CASE k.contype WHEN 'f' THEN 'foreign key' ELSE 'check' END,
    pg_catalog.quote_ident(k.conname) || ' on ' || k.conrelid::regclass::text, pg_catalog.pg_get_constraintdef(k.oid)
FROM target, pg_catalog.pg_constraint k
WHERE k.contype IN ('f', 'c') AND k.conparentid = 0 AND (
    k.conrelid = target.relation AND target.number = ANY (k.conkey)
    OR k.confrelid = target.relation AND target.number = ANY (k.confkey))
UNION ALL
SELECT 'trigger', pg_catalog.quote_ident(t.tgname), p.oid::regprocedure::text
FROM target, pg_catalog.pg_trigger t JOIN pg_catalog.pg_proc p ON p.oid = t.tgfoid
JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
WHERE t.tgrelid = target.relation AND NOT t.tgisinternal AND n.nspname <> 'dbpii'
UNION ALL
SELECT 'publication', pg_catalog.quote_ident(p.pubname), NULL
FROM target, pg_catalog.pg_publication p
WHERE EXISTS (
    SELECT FROM pg_catalog.pg_get_publication_tables(p.pubname) r
    WHERE r.relid = target.relation OR r.relid IN (
        SELECT relid FROM pg_catalog.pg_partition_tree(target.relation)))
UNION ALL
SELECT 'statistics', s.stxnamespace::regnamespace::text || '.' || pg_catalog.quote_ident(s.stxname), NULL
FROM target, pg_catalog.pg_statistic_ext s
WHERE s.stxrelid = target.relation AND target.number = ANY (s.stxkeys)
UNION ALL
SELECT 'column privilege', pg_catalog.quote_ident(a.attname), a.attacl::text
FROM target, pg_catalog.pg_attribute a
WHERE a.attrelid = target.relation AND a.attnum = target.number AND a.attacl IS NOT NULL
UNION ALL
SELECT 'function', f.oid::regprocedure::text, NULL
FROM target
JOIN pg_catalog.pg_class c ON c.oid = target.relation
JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = target.number,
pg_catalog.pg_proc f JOIN pg_catalog.pg_namespace n ON n.oid = f.pronamespace
JOIN pg_catalog.pg_language l ON l.oid = f.prolang AND l.lanname IN ('sql', 'plpgsql')
WHERE n.nspname NOT IN ('pg_catalog', 'information_schema', 'dbpii')
    AND pg_catalog.strpos(pg_catalog.lower(f.prosrc), pg_catalog.lower(c.relname)) > 0
    AND pg_catalog.strpos(pg_catalog.lower(f.prosrc), pg_catalog.lower(a.attname)) > 0
UNION ALL
SELECT 'partitions', pg_catalog.count(*)::text, NULL
FROM target JOIN pg_catalog.pg_class c ON c.oid = target.relation AND c.relkind = 'p',
LATERAL pg_catalog.pg_partition_tree(target.relation) t WHERE t.isleaf
HAVING pg_catalog.count(*) > 0
ORDER BY 1, 2
