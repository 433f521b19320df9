-- Functions and procedures outside of extensions; of immutable ones also the body, which the lint reads for what it
-- must not depend on.
SELECT p.oid, p.pronamespace AS space, p.proname AS name, pg_catalog.oidvectortypes(p.proargtypes) AS arguments,
       p.prokind::text AS kind, p.proowner AS owner, p.prosecdef AS is_definer, p.provolatile::text AS volatility,
       p.proleakproof AS is_leakproof, coalesce(p.proconfig, '{}') AS settings, l.lanname AS language,
       p.prorettype IN ('pg_catalog.trigger'::regtype, 'pg_catalog.event_trigger'::regtype) AS is_trigger,
       CASE WHEN p.provolatile = 'i' AND l.lanname IN ('sql', 'plpgsql')
            THEN pg_catalog.left(coalesce(pg_catalog.pg_get_function_sqlbody(p.oid), p.prosrc), 100000) END AS body
FROM pg_catalog.pg_proc p
JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
JOIN pg_catalog.pg_language l ON l.oid = p.prolang
WHERE n.nspname <> 'information_schema' AND n.nspname !~ '^pg_(catalog|toast|temp_|toast_temp_)'
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
                  WHERE d.classid = 'pg_catalog.pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')
