SELECT spcname AS name, pg_catalog.pg_get_userbyid(spcowner) AS owner
FROM pg_catalog.pg_tablespace
WHERE spcname !~ '^pg_'
ORDER BY spcname COLLATE "C"
