-- The columns of each partitioned table at the top of a tree, in the order in which COPY writes them: without generated ones.
SELECT n.nspname::text AS schema, c.relname::text AS name,
       pg_catalog.array_agg(a.attname::text ORDER BY a.attnum) AS columns
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid
WHERE c.relkind = 'p' AND NOT c.relispartition AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
GROUP BY 1, 2
