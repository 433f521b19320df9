CREATE SCHEMA dbauth;
COMMENT ON SCHEMA dbauth IS 'accounts, sessions and API keys of an application (dbauth)';

-- One row: what all of its functions go by.
CREATE TABLE dbauth.settings (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    version integer NOT NULL,
    -- The two pads of HMAC-SHA256 under a key that was made at installation and is nowhere else.
    inner_pad bytea NOT NULL CHECK (octet_length(inner_pad) = 64),
    outer_pad bytea NOT NULL CHECK (octet_length(outer_pad) = 64),
    -- What stands in front of the salt of a new hash; unknown names are answered with it.
    scheme text NOT NULL,
    pepper text,
    minimum_length integer NOT NULL DEFAULT 15,
    tries integer NOT NULL DEFAULT 5 CHECK (tries > 0),
    lock_time interval NOT NULL DEFAULT '30 minutes',
    progressive boolean NOT NULL DEFAULT false,
    identifier_tries integer NOT NULL DEFAULT 50 CHECK (identifier_tries > 0),
    identifier_time interval NOT NULL DEFAULT '24 hours',
    attempt_time interval NOT NULL DEFAULT '2 minutes',
    session_time interval NOT NULL DEFAULT '24 hours',
    idle_time interval NOT NULL DEFAULT '1 hour',
    reset_time interval NOT NULL DEFAULT '30 minutes',
    device_time interval NOT NULL DEFAULT '180 days',
    deadline_ms integer NOT NULL DEFAULT 500 CHECK (deadline_ms BETWEEN 0 AND 60000)
);

CREATE TABLE dbauth.accounts (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    identifier text NOT NULL CHECK (octet_length(identifier) BETWEEN 1 AND 1024),
    -- The identifier as it is compared.
    name_key text NOT NULL UNIQUE,
    active boolean NOT NULL DEFAULT true,
    -- Scheme, cost and salt; and SHA-256 of the hash that they lead to, so that a stolen table logs nobody in.
    settings text CHECK (octet_length(settings) <= 256),
    pepper text CHECK (octet_length(pepper) <= 64),
    verifier bytea CHECK (octet_length(verifier) = 32),
    -- The whole hash of an old scheme that cannot be computed from its settings, until the next login.
    legacy text CHECK (octet_length(legacy) <= 512),
    -- Part of the keys of its buckets: raising it forgets every failure.
    lock_epoch bigint NOT NULL DEFAULT 0,
    totp_seed bytea,
    totp_pending bytea,
    -- The last time step that a code was taken for: none is taken twice.
    totp_last bigint,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    password_changed_at timestamptz,
    last_login_at timestamptz,
    CHECK ((settings IS NULL) = (verifier IS NULL)),
    CHECK (verifier IS NULL OR legacy IS NULL)
) WITH (fillfactor = 80);

-- Failures by keyed hash: 0 to 65535 for a name from one network or device, from 65536 on for a name alone. The table never
-- grows, so that invented names cost what others do.
CREATE TABLE dbauth.buckets (
    id integer PRIMARY KEY,
    failures integer NOT NULL DEFAULT 0,
    began_at timestamptz NOT NULL DEFAULT '-infinity',
    locked_until timestamptz NOT NULL DEFAULT '-infinity',
    lockouts integer NOT NULL DEFAULT 0
) WITH (fillfactor = 50);
INSERT INTO dbauth.buckets (id) SELECT generate_series(0, 131071);

-- Logins between their two calls. After a crash there are none, and whoever was logging in begins anew.
CREATE UNLOGGED TABLE dbauth.attempts (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    account_id uuid,
    identifier_hash bytea NOT NULL,
    -- Why it will be refused whatever is answered; NULL when the answer decides.
    refused text,
    second_factor boolean NOT NULL DEFAULT false,
    second_tries integer NOT NULL DEFAULT 0,
    pair_bucket integer NOT NULL,
    name_bucket integer NOT NULL,
    pair_ordinal integer NOT NULL,
    counts_for_name boolean NOT NULL,
    address inet,
    expires_at timestamptz NOT NULL
);
CREATE INDEX attempts_expires_at ON dbauth.attempts (expires_at);

CREATE TABLE dbauth.sessions (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    account_id uuid NOT NULL REFERENCES dbauth.accounts ON DELETE CASCADE,
    token_hash bytea NOT NULL UNIQUE,
    address inet,
    created_at timestamptz NOT NULL,
    last_seen_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    revoked_at timestamptz
) WITH (fillfactor = 80);
CREATE INDEX sessions_account_id ON dbauth.sessions (account_id);

-- Browsers that an account has logged in from: they are not held up by what others guess.
CREATE TABLE dbauth.devices (
    token_hash bytea PRIMARY KEY,
    account_id uuid NOT NULL REFERENCES dbauth.accounts ON DELETE CASCADE,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX devices_account_id ON dbauth.devices (account_id, created_at);

CREATE TABLE dbauth.resets (
    token_hash bytea PRIMARY KEY,
    account_id uuid NOT NULL REFERENCES dbauth.accounts ON DELETE CASCADE,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at timestamptz
);
CREATE INDEX resets_account_id ON dbauth.resets (account_id);

CREATE TABLE dbauth.api_keys (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    account_id uuid REFERENCES dbauth.accounts ON DELETE CASCADE,
    short_id text NOT NULL UNIQUE CHECK (octet_length(short_id) BETWEEN 8 AND 32),
    prefix text NOT NULL CHECK (octet_length(prefix) BETWEEN 1 AND 32),
    key_hash bytea NOT NULL CHECK (octet_length(key_hash) = 32),
    name text NOT NULL CHECK (octet_length(name) <= 256),
    scopes text[] NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at timestamptz,
    last_used_at timestamptz,
    revoked_at timestamptz,
    replaced_by uuid REFERENCES dbauth.api_keys ON DELETE SET NULL
);
CREATE INDEX api_keys_account_id ON dbauth.api_keys (account_id);

-- What happened, in the transaction in which it happened; `dbaudit ingest` takes it into the audit log.
CREATE TABLE dbauth.events (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    xact xid8 NOT NULL DEFAULT pg_current_xact_id(),
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    action text NOT NULL,
    outcome text NOT NULL CHECK (outcome IN ('success', 'failure')),
    reason text,
    account_id uuid,
    -- Keyed: people type passwords where the name should be.
    identifier_hash bytea,
    address inet,
    session_id uuid,
    database_role name NOT NULL DEFAULT session_user,
    details jsonb
);
CREATE INDEX events_xact ON dbauth.events (xact, id);

CREATE VIEW dbauth.account_list AS
SELECT a.id, a.identifier, a.active, a.created_at, a.password_changed_at, a.last_login_at,
    a.totp_seed IS NOT NULL AS has_totp, a.legacy IS NOT NULL AS has_legacy_hash,
    CASE WHEN a.legacy IS NOT NULL THEN split_part(a.legacy, '$', 2) ELSE split_part(a.settings, '$', 2) END AS scheme,
    a.pepper
FROM dbauth.accounts a;

CREATE VIEW dbauth.session_list AS
SELECT s.id, s.account_id, a.identifier, s.address, s.created_at, s.last_seen_at, s.expires_at, s.revoked_at
FROM dbauth.sessions s JOIN dbauth.accounts a ON a.id = s.account_id;

CREATE VIEW dbauth.api_key_list AS
SELECT k.id, k.account_id, a.identifier, k.prefix, k.short_id, k.name, k.scopes, k.created_at, k.expires_at, k.last_used_at,
    k.revoked_at, k.replaced_by
FROM dbauth.api_keys k LEFT JOIN dbauth.accounts a ON a.id = k.account_id;
