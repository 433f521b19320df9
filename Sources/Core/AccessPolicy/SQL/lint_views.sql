-- What each view and materialized view reads; and the rules of tables and views that do more than a SELECT.
SELECT DISTINCT r.ev_class AS relation, d.refobjid AS target, r.rulename AS rule, r.ev_type::text AS event,
       r.rulename = '_RETURN' AS is_view
FROM pg_catalog.pg_rewrite r
JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_rewrite'::regclass AND d.objid = r.oid
    AND d.refclassid = 'pg_catalog.pg_class'::regclass AND d.deptype = 'n' AND d.refobjid <> r.ev_class
JOIN pg_catalog.pg_class c ON c.oid = r.ev_class
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname <> 'information_schema' AND n.nspname !~ '^pg_(catalog|toast|temp_|toast_temp_)'
