-- What dbpii knows about the columns of this database; version 1.
CREATE SCHEMA IF NOT EXISTS dbpii;
CREATE TABLE IF NOT EXISTS dbpii.version (version integer NOT NULL);
CREATE TABLE IF NOT EXISTS dbpii.columns (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    schema_name text NOT NULL,
    table_name text NOT NULL,
    column_name text NOT NULL,
    column_type text NOT NULL,
    not_null boolean NOT NULL,
    twin_name text NOT NULL,
    -- The column's stable name, which its key is derived from.
    context text NOT NULL UNIQUE,
    binding text NOT NULL CHECK (binding IN ('column', 'row')),
    row_column text,
    padding integer NOT NULL,
    phase text NOT NULL
        CHECK (phase IN ('started', 'backfilled', 'gated', 'checked', 'finished', 'reverting')),
    -- The ids of the keys that values of the twin may be under; backups name them in their manifests.
    keys text[] NOT NULL DEFAULT '{}',
    indexes jsonb NOT NULL DEFAULT '[]',
    -- The newest keyring that was used here: an older copy of it is refused.
    ring text NOT NULL,
    generation integer NOT NULL,
    -- How many writes without the twin the gate has seen, and since when there were none.
    unpaired_seen bigint NOT NULL DEFAULT 0,
    quiet_since timestamptz,
    started timestamptz NOT NULL DEFAULT now(),
    changed timestamptz NOT NULL DEFAULT now(),
    CHECK ((binding = 'row') = (row_column IS NOT NULL)),
    UNIQUE (schema_name, table_name, column_name)
);
-- How far each job has come; written in the transaction of the rows that it tells of.
CREATE TABLE IF NOT EXISTS dbpii.jobs (
    column_id integer NOT NULL REFERENCES dbpii.columns ON DELETE CASCADE,
    job text NOT NULL,
    -- The partition, or the table itself, and its next block.
    relation text,
    block bigint NOT NULL DEFAULT 0,
    pass integer NOT NULL DEFAULT 1,
    rows_written bigint NOT NULL DEFAULT 0,
    rows_expected bigint,
    started timestamptz NOT NULL DEFAULT now(),
    updated timestamptz NOT NULL DEFAULT now(),
    finished timestamptz,
    PRIMARY KEY (column_id, job)
);
REVOKE ALL ON SCHEMA dbpii FROM PUBLIC;
INSERT INTO dbpii.version (version) SELECT 1 WHERE NOT EXISTS (SELECT FROM dbpii.version);
