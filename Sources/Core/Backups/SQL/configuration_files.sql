-- The files that the server is configured by. Those that they include have their names from where a setting came from.
WITH main (name, path) AS (
    VALUES ('postgresql.conf', pg_catalog.current_setting('config_file')),
           ('pg_hba.conf', pg_catalog.current_setting('hba_file')),
           ('pg_ident.conf', pg_catalog.current_setting('ident_file')),
           ('postgresql.auto.conf', pg_catalog.current_setting('data_directory') || '/postgresql.auto.conf')
), included AS (
    SELECT DISTINCT sourcefile AS path FROM pg_catalog.pg_settings
    WHERE sourcefile IS NOT NULL AND sourcefile NOT IN (SELECT path FROM main)
), every AS (
    SELECT name, path FROM main
    UNION ALL
    SELECT 'included-' || pg_catalog.lpad(pg_catalog.row_number() OVER (ORDER BY path COLLATE "C")::text, 3, '0') || '.conf', path
    FROM included
)
SELECT name, path, pg_catalog.encode(pg_catalog.pg_read_binary_file(path, 0, 67108864, true), 'hex') AS content
FROM every
ORDER BY name COLLATE "C"
