-- Columns that some versions lack (datlocprovider before 15, daticurules before 16, daticulocale until 16, datlocale
-- since 17) are read through JSON, where a missing one is NULL.
SELECT d.oid, d.datname::text AS name, pg_catalog.pg_get_userbyid(d.datdba)::text AS owner,
       pg_catalog.pg_encoding_to_char(d.encoding)::text AS encoding,
       d.datcollate::text AS collate, d.datctype::text AS ctype,
       CASE j.facts ->> 'datlocprovider' WHEN 'i' THEN 'icu' WHEN 'b' THEN 'builtin' ELSE 'libc' END AS provider,
       coalesce(j.facts ->> 'datlocale', j.facts ->> 'daticulocale') AS locale,
       j.facts ->> 'daticurules' AS icurules,
       j.facts ->> 'datcollversion' AS collversion,
       pg_catalog.current_setting('lc_monetary') AS monetary,
       t.spcname::text AS tablespace, d.datconnlimit::int AS connlimit, d.datacl::text[] AS privileges,
       pg_catalog.shobj_description(d.oid, 'pg_database') AS comment
FROM pg_catalog.pg_database d
JOIN pg_catalog.pg_tablespace t ON t.oid = d.dattablespace
CROSS JOIN LATERAL (SELECT pg_catalog.to_jsonb(d) AS facts) j
WHERE d.datname = pg_catalog.current_database()
