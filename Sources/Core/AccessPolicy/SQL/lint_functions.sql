-- Functions and procedures outside of extensions; also the body of those that the lint reads: immutable ones, those that
-- policies call, and those that may change a setting.
SELECT p.oid, p.pronamespace AS space, p.proname AS name, pg_catalog.oidvectortypes(p.proargtypes) AS arguments,
       p.prokind::text AS kind, p.proowner AS owner, p.prosecdef AS is_definer, p.provolatile::text AS volatility,
       p.proleakproof AS is_leakproof, coalesce(p.proconfig, '{}') AS settings,
       NOT l.lanpltrusted AND l.lanname <> 'internal' AS is_untrusted,
       p.prorettype IN ('pg_catalog.trigger'::regtype, 'pg_catalog.event_trigger'::regtype) AS is_trigger,
       CASE WHEN l.lanname IN ('sql', 'plpgsql')
                 AND (p.provolatile = 'i' OR p.prosrc ~* 'set_config|\mset\M'
                      OR p.prosqlbody IS NOT NULL
                      OR EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_policy'::regclass
                                 AND d.refclassid = 'pg_catalog.pg_proc'::regclass AND d.refobjid = p.oid))
            THEN pg_catalog.left(coalesce(pg_catalog.pg_get_function_sqlbody(p.oid), p.prosrc), 100000) END AS body
FROM pg_catalog.pg_proc p
JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
JOIN pg_catalog.pg_language l ON l.oid = p.prolang
WHERE n.nspname <> 'information_schema' AND n.nspname !~ '^pg_(catalog|toast|temp_|toast_temp_)'
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
                  WHERE d.classid = 'pg_catalog.pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')
