-- Tables, views and their like outside of system schemas and extensions; sequences have nothing to lint.
SELECT c.oid, c.relnamespace AS space, c.relname AS name, c.relkind::text AS kind, c.relowner AS owner,
       c.relrowsecurity AS is_secured, c.relforcerowsecurity AS is_forced, c.relispartition AS is_partition,
       c.reltuples::bigint AS rows,
       coalesce((SELECT o.option_value::boolean FROM pg_catalog.pg_options_to_table(c.reloptions) o
                 WHERE o.option_name = 'security_invoker'), false) AS is_invoker,
       coalesce((SELECT o.option_value::boolean FROM pg_catalog.pg_options_to_table(c.reloptions) o
                 WHERE o.option_name = 'security_barrier'), false) AS is_barrier
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')
  AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_(catalog|toast|temp_|toast_temp_)'
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
                  WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
