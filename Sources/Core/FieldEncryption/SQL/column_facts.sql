SELECT
    c.oid AS relation,
    c.relkind::text AS kind,
    c.relispartition AS is_partition,
    a.attnum::int AS number,
    pg_catalog.format_type(a.atttypid, a.atttypmod) AS type,
    a.attnotnull AS not_null,
    a.attgenerated <> '' AS is_generated,
    a.attidentity <> '' AS is_identity,
    pg_catalog.row_security_active(c.oid) AS has_row_security,
    EXISTS (
        SELECT FROM pg_catalog.pg_inherits i JOIN pg_catalog.pg_class child ON child.oid = i.inhrelid
        WHERE i.inhparent = c.oid AND NOT child.relispartition
    ) OR EXISTS (
        SELECT FROM pg_catalog.pg_inherits i WHERE i.inhrelid = c.oid AND NOT c.relispartition
    ) AS is_inherited,
    coalesce((SELECT a.attnum = ANY (p.partattrs) FROM pg_catalog.pg_partitioned_table p WHERE p.partrelid = c.oid),
        false) AS is_partition_key,
    EXISTS (
        SELECT FROM pg_catalog.pg_index i
        WHERE i.indrelid = c.oid AND i.indisprimary AND a.attnum = ANY (i.indkey)
    ) AS is_primary_key
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
