CREATE OR REPLACE FUNCTION dbauth.add_api_key(
    account uuid, prefix text, short_id text, key_hash bytea, name text, scopes text[], expires_at timestamptz
) RETURNS uuid
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    made uuid;
BEGIN
    INSERT INTO dbauth.api_keys (account_id, prefix, short_id, key_hash, name, scopes, expires_at)
    VALUES (account, prefix, short_id, key_hash, name, coalesce(scopes, '{}'), expires_at) RETURNING id INTO made;
    PERFORM dbauth.record(
        'apikey.create', 'success', NULL, account, NULL, NULL, NULL, jsonb_build_object('key', made, 'short_id', short_id));
    RETURN made;
END
$$;

CREATE OR REPLACE FUNCTION dbauth.create_api_key(
    session bytea, prefix text, short_id text, key_hash bytea, name text, scopes text[] DEFAULT '{}',
    expires_at timestamptz DEFAULT NULL
) RETURNS uuid
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    owner uuid := (SELECT c.account_id FROM dbauth.check_session(session) c);
BEGIN
    IF owner IS NULL THEN RETURN NULL; END IF;
    RETURN dbauth.add_api_key(owner, prefix, short_id, key_hash, name, scopes, expires_at);
END
$$;

-- Whose key it is; no row for one that is unknown, wrong, over or revoked. `key_hash` is SHA-256 of the whole key.
CREATE OR REPLACE FUNCTION dbauth.check_api_key(short_id text, key_hash bytea)
RETURNS TABLE (key_id uuid, account_id uuid, identifier text, name text, scopes text[], expires_at timestamptz)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    k dbauth.api_keys;
    at timestamptz := clock_timestamp();
    refused text;
    is_active boolean := true;
BEGIN
    SELECT x.* INTO k FROM dbauth.api_keys x WHERE x.short_id = check_api_key.short_id;
    IF NOT FOUND THEN RETURN; END IF;
    IF k.account_id IS NOT NULL THEN
        SELECT a.active, a.identifier INTO is_active, identifier FROM dbauth.accounts a WHERE a.id = k.account_id;
    END IF;
    refused := CASE
        WHEN k.key_hash IS DISTINCT FROM check_api_key.key_hash THEN 'wrong key'
        WHEN k.revoked_at IS NOT NULL AND k.revoked_at <= at THEN 'revoked'
        WHEN k.expires_at <= at THEN 'expired'
        WHEN NOT is_active THEN 'inactive'
        -- It was used in the future: the clock was set back, and what is over might come back with it.
        WHEN k.last_used_at > at + interval '1 minute' THEN 'clock set back' END;
    IF refused IS NOT NULL THEN
        PERFORM dbauth.record(
            'apikey.use', 'failure', refused, k.account_id, NULL, NULL, NULL, jsonb_build_object('key', k.id));
        identifier := NULL;
        RETURN;
    END IF;
    IF k.last_used_at IS NULL OR at - k.last_used_at > interval '1 minute' THEN
        UPDATE dbauth.api_keys x SET last_used_at = at WHERE x.id = k.id;
    END IF;
    key_id := k.id;
    account_id := k.account_id;
    name := k.name;
    scopes := k.scopes;
    expires_at := k.expires_at;
    RETURN NEXT;
END
$$;

-- Puts a new key in the place of one, which goes on working for `overlap`.
CREATE OR REPLACE FUNCTION dbauth.replace_api_key(old uuid, new_short_id text, new_key_hash bytea, overlap interval)
RETURNS uuid
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    k dbauth.api_keys;
    made uuid;
BEGIN
    IF overlap < interval '0' OR overlap > interval '90 days' THEN
        RAISE EXCEPTION 'two keys may overlap for 0 to 90 days' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    SELECT x.* INTO k FROM dbauth.api_keys x WHERE x.id = old AND x.replaced_by IS NULL
        AND (x.revoked_at IS NULL) AND (x.expires_at IS NULL OR x.expires_at > clock_timestamp()) FOR UPDATE;
    IF NOT FOUND THEN RETURN NULL; END IF;
    INSERT INTO dbauth.api_keys (account_id, prefix, short_id, key_hash, name, scopes, expires_at)
    VALUES (k.account_id, k.prefix, new_short_id, new_key_hash, k.name, k.scopes,
        k.expires_at - k.created_at + clock_timestamp())
    RETURNING id INTO made;
    UPDATE dbauth.api_keys x SET replaced_by = made, revoked_at = clock_timestamp() + overlap WHERE x.id = k.id;
    PERFORM dbauth.record(
        'apikey.rotate', 'success', NULL, k.account_id, NULL, NULL, NULL, jsonb_build_object('key', k.id, 'new_key', made));
    RETURN made;
END
$$;

-- For whoever holds the key itself.
CREATE OR REPLACE FUNCTION dbauth.rotate_api_key(
    short_id text, key_hash bytea, new_short_id text, new_key_hash bytea, overlap interval DEFAULT '7 days'
) RETURNS uuid
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT dbauth.replace_api_key(c.key_id, new_short_id, new_key_hash, overlap)
    FROM dbauth.check_api_key(short_id, key_hash) c
$$;

CREATE OR REPLACE FUNCTION dbauth.end_api_key(which uuid) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    owner uuid;
BEGIN
    UPDATE dbauth.api_keys x SET revoked_at = clock_timestamp()
    WHERE x.id = which AND (x.revoked_at IS NULL OR x.revoked_at > clock_timestamp()) RETURNING x.account_id INTO owner;
    IF NOT FOUND THEN RETURN false; END IF;
    PERFORM dbauth.record(
        'apikey.revoke', 'success', NULL, owner, NULL, NULL, NULL, jsonb_build_object('key', which));
    RETURN true;
END
$$;

CREATE OR REPLACE FUNCTION dbauth.revoke_api_key(session bytea, which uuid) RETURNS boolean
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce((
        SELECT dbauth.end_api_key(k.id) FROM dbauth.check_session(session) c
        JOIN dbauth.api_keys k ON k.account_id = c.account_id WHERE k.id = which), false)
$$;

CREATE OR REPLACE FUNCTION dbauth.list_api_keys(session bytea)
RETURNS TABLE (
    key_id uuid, prefix text, short_id text, name text, scopes text[], created_at timestamptz, expires_at timestamptz,
    last_used_at timestamptz, revoked_at timestamptz
)
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT k.id, k.prefix, k.short_id, k.name, k.scopes, k.created_at, k.expires_at, k.last_used_at, k.revoked_at
    FROM dbauth.check_session(session) c JOIN dbauth.api_keys k ON k.account_id = c.account_id ORDER BY k.created_at, k.id
$$;
