-- Triggers that run SECURITY DEFINER functions; type is pg_trigger.tgtype: 4 INSERT, 8 DELETE, 16 UPDATE, 32 TRUNCATE.
SELECT t.tgrelid AS relation, t.tgname AS name, t.tgfoid AS function, t.tgtype::integer AS type
FROM pg_catalog.pg_trigger t
JOIN pg_catalog.pg_proc p ON p.oid = t.tgfoid
WHERE p.prosecdef AND NOT t.tgisinternal AND t.tgparentid = 0
