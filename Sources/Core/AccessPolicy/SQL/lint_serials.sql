-- Columns that take their default from a sequence; those of identity columns ask for no privilege.
SELECT f.adrelid AS relation, a.attname AS name, s.oid AS sequence, s.relname AS sequence_name,
       n.nspname AS sequence_schema, s.relowner AS owner
FROM pg_catalog.pg_attrdef f
JOIN pg_catalog.pg_attribute a ON a.attrelid = f.adrelid AND a.attnum = f.adnum AND a.attidentity = ''
JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_attrdef'::regclass AND d.objid = f.oid
    AND d.refclassid = 'pg_catalog.pg_class'::regclass
JOIN pg_catalog.pg_class s ON s.oid = d.refobjid AND s.relkind = 'S'
JOIN pg_catalog.pg_namespace n ON n.oid = s.relnamespace
