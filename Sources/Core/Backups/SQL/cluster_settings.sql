-- What decides whether a restore elsewhere can be equal; a setting that this role may not see is left out.
SELECT name, setting
FROM pg_catalog.pg_settings
WHERE name IN ('shared_preload_libraries', 'default_table_access_method', 'max_locks_per_transaction',
               'data_checksums', 'block_size', 'standard_conforming_strings')
ORDER BY name
