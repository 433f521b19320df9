-- What kind of verifier each role has, never the verifier; only for sessions that may read pg_authid.
SELECT oid, CASE WHEN rolpassword IS NULL THEN 'none'
                 WHEN pg_catalog.starts_with(rolpassword, 'md5') THEN 'md5' ELSE 'scram' END AS kind
FROM pg_catalog.pg_authid WHERE rolcanlogin
