-- Every column that a scan may look at, table by table, with what a plan needs to know about it.
SELECT n.nspname::text AS schema, c.relname::text AS table_name, c.oid AS table_oid, c.relkind::text AS kind,
       a.attname::text AS column_name, a.attnum::int4 AS number,
       CASE WHEN t.typtype = 'e' THEN 'enum' ELSE t.typname::text END AS type,
       own.typelem <> 0 AND own.typlen = -1 AS is_array, a.attgenerated <> '' AS is_generated,
       pg_catalog.has_table_privilege(c.oid, 'SELECT')
         OR pg_catalog.has_column_privilege(c.oid, a.attnum, 'SELECT') AS readable,
       EXISTS (SELECT FROM pg_catalog.pg_index i
               WHERE i.indrelid = c.oid AND a.attnum = ANY (i.indkey::int2[])) AS is_indexed,
       EXISTS (SELECT FROM pg_catalog.pg_index i
               WHERE i.indrelid = c.oid AND i.indisunique AND i.indpred IS NULL
                 AND i.indnkeyatts = 1 AND i.indkey[0] = a.attnum) AS is_unique,
       (SELECT k.attname::text FROM pg_catalog.pg_index i
          JOIN pg_catalog.pg_attribute k ON k.attrelid = c.oid AND k.attnum = i.indkey[0]
        WHERE i.indrelid = c.oid AND i.indisprimary AND i.indnkeyatts = 1
          AND k.atttypid = 'pg_catalog.uuid'::pg_catalog.regtype) AS uuid_key
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_catalog.pg_type own0 ON own0.oid = a.atttypid
-- A domain is what it stands on; an array is its elements.
JOIN pg_catalog.pg_type own ON own.oid = CASE WHEN own0.typtype = 'd' THEN own0.typbasetype ELSE own0.oid END
JOIN pg_catalog.pg_type t ON t.oid = CASE WHEN own.typelem <> 0 AND own.typlen = -1 THEN own.typelem ELSE own.oid END
WHERE c.relkind IN ('r', 'p', 'm') AND NOT c.relispartition AND c.relpersistence <> 't'
  AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
ORDER BY n.nspname COLLATE "C", c.relname COLLATE "C", a.attnum
