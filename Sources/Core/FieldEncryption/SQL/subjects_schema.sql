-- Keys of single data subjects, each wrapped by a ring key, and where a subject's rows are; version 1.
CREATE SCHEMA IF NOT EXISTS dbpii;
CREATE TABLE IF NOT EXISTS dbpii.subjects (
    subject text PRIMARY KEY,
    -- Names the key in every field that is under it.
    key_id bytea NOT NULL UNIQUE CHECK (pg_catalog.length(key_id) = 8),
    -- NULL once the subject is to be forgotten: nothing else in this database opens its fields.
    wrapped bytea,
    commitment bytea,
    created timestamptz NOT NULL DEFAULT now(),
    erased timestamptz,
    -- What is gone: heap by our own doing, wal by that or what somebody said, archive and standby by what somebody said.
    cleared text[] NOT NULL DEFAULT '{}',
    complete timestamptz,
    CHECK ((wrapped IS NULL) = (erased IS NOT NULL) AND (commitment IS NULL) = (wrapped IS NULL))
);
CREATE TABLE IF NOT EXISTS dbpii.subject_tables (
    schema_name text NOT NULL,
    table_name text NOT NULL,
    -- The column with the subject's id.
    column_name text NOT NULL,
    PRIMARY KEY (schema_name, table_name)
);
REVOKE ALL ON SCHEMA dbpii FROM PUBLIC
