-- Which column refers to which, for every foreign key.
SELECT n1.nspname::text AS schema, c1.relname::text AS table_name, a1.attname::text AS column_name,
       n2.nspname::text AS to_schema, c2.relname::text AS to_table, a2.attname::text AS to_column
FROM pg_catalog.pg_constraint k
CROSS JOIN LATERAL pg_catalog.generate_subscripts(k.conkey, 1) AS u(place)
JOIN pg_catalog.pg_class c1 ON c1.oid = k.conrelid
JOIN pg_catalog.pg_namespace n1 ON n1.oid = c1.relnamespace
JOIN pg_catalog.pg_attribute a1 ON a1.attrelid = k.conrelid AND a1.attnum = k.conkey[u.place]
JOIN pg_catalog.pg_class c2 ON c2.oid = k.confrelid
JOIN pg_catalog.pg_namespace n2 ON n2.oid = c2.relnamespace
JOIN pg_catalog.pg_attribute a2 ON a2.attrelid = k.confrelid AND a2.attnum = k.confkey[u.place]
WHERE k.contype = 'f' AND k.conparentid = 0
