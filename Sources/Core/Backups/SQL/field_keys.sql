-- Which keys each encrypted column's values are under: dbpii's own record of it.
SELECT context, pg_catalog.array_agg(DISTINCT key ORDER BY key) AS keys
FROM ONLY dbpii.columns, LATERAL pg_catalog.unnest(keys) AS key
WHERE context IS NOT NULL AND key ~ '^[0-9a-f]{16}$'
GROUP BY context
ORDER BY context COLLATE "C"
