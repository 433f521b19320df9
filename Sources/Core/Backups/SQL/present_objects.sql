-- What a dump's table of contents may name that is here already, under the names that it has there.
SELECT 'schema' AS kind, '' AS schema, nspname::text AS name FROM pg_catalog.pg_namespace
UNION ALL
SELECT 'extension', '', extname::text FROM pg_catalog.pg_extension
UNION ALL
SELECT 'relation', n.nspname::text, c.relname::text
FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind <> 't' AND n.nspname <> 'pg_catalog'
UNION ALL
SELECT 'type', n.nspname::text, t.typname::text
FROM pg_catalog.pg_type AS t JOIN pg_catalog.pg_namespace AS n ON n.oid = t.typnamespace
WHERE n.nspname <> 'pg_catalog'
UNION ALL
-- As pg_dump's format_function_signature writes it.
SELECT 'function', n.nspname::text, p.proname || '(' || coalesce(arguments.list, '') || ')'
FROM pg_catalog.pg_proc AS p
JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
LEFT JOIN LATERAL (
    SELECT pg_catalog.string_agg(pg_catalog.format_type(type, NULL), ', ' ORDER BY place) AS list
    FROM pg_catalog.unnest(p.proargtypes) WITH ORDINALITY AS argument (type, place)
) AS arguments ON true
WHERE n.nspname <> 'pg_catalog'
