-- The text of views that ask who the caller is: the tree is searched first, since printing every view is slow.
SELECT r.ev_class AS relation, pg_catalog.pg_get_viewdef(r.ev_class) AS definition
FROM pg_catalog.pg_rewrite r
JOIN pg_catalog.pg_class c ON c.oid = r.ev_class AND c.relkind = 'v'
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE r.rulename = '_RETURN'
  AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_(catalog|toast|temp_|toast_temp_)'
  AND (pg_catalog.strpos(r.ev_action::text, '{SQLVALUEFUNCTION') > 0
       OR pg_catalog.strpos(r.ev_action::text, ':funcid 2077 ') > 0
       OR pg_catalog.strpos(r.ev_action::text, ':funcid 3294 ') > 0)
