-- The tables whose rows a pg_dump of its own can take, what they take on disk, and the partitioned table at the top of
-- those that are partitions. Tables of extensions are left to the first pg_dump, which knows which of their rows are dumped.
SELECT n.nspname::text AS schema, c.relname::text AS name, pg_catalog.pg_table_size(c.oid) AS size,
       rn.nspname::text AS root_schema, r.relname::text AS root_name
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_class r ON c.relispartition AND r.oid = pg_catalog.pg_partition_root(c.oid)
LEFT JOIN pg_catalog.pg_namespace rn ON rn.oid = r.relnamespace
WHERE c.relkind = 'r'
  AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
  AND NOT (c.relpersistence = 'u' AND pg_catalog.pg_is_in_recovery())
  AND NOT EXISTS (
      SELECT FROM pg_catalog.pg_depend d
      WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = c.oid AND d.deptype = 'e')
