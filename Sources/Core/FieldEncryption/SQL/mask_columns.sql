-- Every table whose rows a masked copy has, with its columns. Partitions come through their root.
SELECT c.oid AS table_oid, n.nspname::text AS schema, c.relname::text AS table_name, c.relkind::text AS kind,
       a.attname::text AS column_name, a.attnum::int4 AS number,
       CASE WHEN t.typtype = 'e' THEN 'enum' ELSE t.typname::text END AS type,
       own.typelem <> 0 AND own.typlen = -1 AS is_array, a.attnotnull AS is_required, a.attgenerated <> '' AS is_generated,
       CASE WHEN own.typname IN ('varchar', 'bpchar') AND COALESCE(NULLIF(a.atttypmod, -1), own0.typtypmod) > 4
            THEN COALESCE(NULLIF(a.atttypmod, -1), own0.typtypmod) - 4 END AS max_length,
       EXISTS (SELECT FROM pg_catalog.pg_index i
               WHERE i.indrelid = c.oid AND i.indisunique AND a.attnum = ANY (i.indkey::int2[])) AS is_unique
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_catalog.pg_type own0 ON own0.oid = a.atttypid
JOIN pg_catalog.pg_type own ON own.oid = CASE WHEN own0.typtype = 'd' THEN own0.typbasetype ELSE own0.oid END
JOIN pg_catalog.pg_type t ON t.oid = CASE WHEN own.typelem <> 0 AND own.typlen = -1 THEN own.typelem ELSE own.oid END
WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relpersistence <> 't'
  AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
  -- Rows that an extension brings are its own.
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
                  WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = c.oid AND d.deptype = 'e')
ORDER BY n.nspname COLLATE "C", c.relname COLLATE "C", a.attnum
