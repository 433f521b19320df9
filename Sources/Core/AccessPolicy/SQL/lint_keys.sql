-- Foreign keys, and unique constraints of tables with row security and of tables that policies read.
SELECT 'foreign' AS kind, k.conname AS name, k.conrelid AS relation, k.confrelid AS target,
       k.confdeltype::text AS on_delete, k.confupdtype::text AS on_update, '{}'::text[] AS columns
FROM pg_catalog.pg_constraint k
WHERE k.contype = 'f' AND k.conparentid = 0
UNION ALL
SELECT 'unique', x.relname, i.indrelid, NULL, NULL, NULL,
       (SELECT pg_catalog.array_agg(a.attname::text) FROM pg_catalog.pg_attribute a
        WHERE a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey[0:i.indnkeyatts - 1]))
FROM pg_catalog.pg_index i
JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid
WHERE i.indisunique AND i.indexprs IS NULL AND i.indpred IS NULL AND i.indisvalid
  AND (i.indrelid IN (SELECT oid FROM pg_catalog.pg_class WHERE relrowsecurity)
       OR i.indrelid IN (SELECT d.refobjid FROM pg_catalog.pg_depend d
                         WHERE d.classid = 'pg_catalog.pg_policy'::regclass
                           AND d.refclassid = 'pg_catalog.pg_class'::regclass))
