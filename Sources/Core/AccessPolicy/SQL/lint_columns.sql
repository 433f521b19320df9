-- The columns of tables with policies; and, wherever they are, columns whose names are used by such policies or say
-- that nobody should read them. A name is judged once, since the same names come back in ten thousand tables.
WITH wanted AS MATERIALIZED (
    SELECT attname FROM (SELECT DISTINCT attname FROM pg_catalog.pg_attribute WHERE attnum > 0) a
    WHERE a.attname ~* '(^|_)(passwords?|passwd|passphrase|pwd|secrets?|ssn|cvv|cvc|iban|otp|totp|tokens?|passport)(_|$)'
       OR a.attname ~* '(^|_)(api|private|secret|encryption|signing|access)_?keys?(_|$)'
       OR a.attname ~* '(^|_)(card_?number|credit_?card|social_?security|tax_?id)(_|$)'
    UNION
    SELECT b.attname
    FROM pg_catalog.pg_depend d
    JOIN pg_catalog.pg_policy p ON p.oid = d.objid AND p.polrelid = d.refobjid
    JOIN pg_catalog.pg_attribute b ON b.attrelid = d.refobjid AND b.attnum = d.refobjsubid
    WHERE d.classid = 'pg_catalog.pg_policy'::regclass
      AND d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjsubid > 0
),
space AS (
    SELECT oid FROM pg_catalog.pg_namespace
    WHERE nspname <> 'information_schema' AND nspname !~ '^pg_(catalog|toast|temp_|toast_temp_)'
)
SELECT a.attrelid AS relation, a.attname AS name, pg_catalog.format_type(a.atttypid, NULL) AS type,
       a.attnotnull AS is_not_null,
       EXISTS (SELECT FROM pg_catalog.pg_index i
               WHERE i.indrelid = a.attrelid AND i.indkey[0] = a.attnum AND i.indisvalid) AS leads_index
FROM pg_catalog.pg_attribute a
JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
JOIN space s ON s.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND a.attnum > 0 AND NOT a.attisdropped
  AND (a.attname IN (SELECT attname FROM wanted) OR c.oid IN (SELECT polrelid FROM pg_catalog.pg_policy))
