CREATE OR REPLACE FUNCTION dbauth.account_id(identifier text) RETURNS uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    -- Qualified: a bare name would be the column.
    SELECT a.id FROM dbauth.accounts a
    WHERE a.name_key = dbauth.name_key(account_id.identifier) AND octet_length(account_id.identifier) <= 1024
$$;

-- Takes over an account with a hash from elsewhere: either settings and SHA-256 of the hash, or a whole old hash.
CREATE OR REPLACE FUNCTION dbauth.admin_add_account(
    identifier text, new_settings text, new_pepper text, new_verifier bytea, new_legacy text
) RETURNS uuid
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT dbauth.add_account(identifier, new_settings, new_pepper, new_verifier, new_legacy)
$$;

CREATE OR REPLACE FUNCTION dbauth.admin_unlock(identifier text) RETURNS uuid
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    which uuid := dbauth.account_id(identifier);
BEGIN
    IF which IS NULL THEN RETURN NULL; END IF;
    UPDATE dbauth.accounts a SET lock_epoch = a.lock_epoch + 1 WHERE a.id = which;
    UPDATE dbauth.buckets b SET failures = 0, locked_until = '-infinity'
    WHERE b.id IN (dbauth.bucket('change', uuid_send(which)), 65536 + dbauth.bucket('totp', uuid_send(which)));
    PERFORM dbauth.record('unlock', 'success', NULL, which, NULL, NULL);
    RETURN which;
END
$$;

CREATE OR REPLACE FUNCTION dbauth.admin_set_active(identifier text, is_active boolean) RETURNS uuid
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    which uuid := dbauth.account_id(identifier);
BEGIN
    IF which IS NULL THEN RETURN NULL; END IF;
    UPDATE dbauth.accounts a SET active = is_active WHERE a.id = which;
    IF NOT is_active THEN
        UPDATE dbauth.sessions x SET revoked_at = clock_timestamp() WHERE x.account_id = which AND x.revoked_at IS NULL;
    END IF;
    PERFORM dbauth.record(
        CASE WHEN is_active THEN 'account.enable' ELSE 'account.disable' END, 'success', NULL, which, NULL, NULL);
    RETURN which;
END
$$;

CREATE OR REPLACE FUNCTION dbauth.admin_remove_account(identifier text) RETURNS uuid
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    which uuid := dbauth.account_id(identifier);
BEGIN
    IF which IS NULL THEN RETURN NULL; END IF;
    DELETE FROM dbauth.accounts a WHERE a.id = which;
    PERFORM dbauth.record('account.remove', 'success', NULL, which, NULL, NULL);
    RETURN which;
END
$$;

-- Ends all sessions of an account, or the one that is named; NULL where there is no such account.
CREATE OR REPLACE FUNCTION dbauth.admin_revoke_sessions(identifier text, which uuid DEFAULT NULL) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    owner uuid := dbauth.account_id(identifier);
    ended integer;
BEGIN
    IF owner IS NULL THEN RETURN NULL; END IF;
    UPDATE dbauth.sessions x SET revoked_at = clock_timestamp()
    WHERE x.account_id = owner AND x.revoked_at IS NULL AND (which IS NULL OR x.id = which);
    GET DIAGNOSTICS ended = ROW_COUNT;
    PERFORM dbauth.record(
        'session.revoke', 'success', NULL, owner, NULL, NULL, NULL, jsonb_build_object('sessions', ended));
    RETURN ended;
END
$$;

CREATE OR REPLACE FUNCTION dbauth.admin_remove_totp(identifier text) RETURNS uuid
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    which uuid := dbauth.account_id(identifier);
BEGIN
    IF which IS NULL THEN RETURN NULL; END IF;
    UPDATE dbauth.accounts a SET totp_seed = NULL, totp_pending = NULL, totp_last = NULL WHERE a.id = which;
    PERFORM dbauth.record('totp.remove', 'success', NULL, which, NULL, NULL);
    RETURN which;
END
$$;

-- A key of an account, or, without a name, of no account: for services.
CREATE OR REPLACE FUNCTION dbauth.admin_create_api_key(
    identifier text, prefix text, short_id text, key_hash bytea, name text, scopes text[], expires_at timestamptz
) RETURNS uuid
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    owner uuid := dbauth.account_id(identifier);
BEGIN
    IF identifier IS NOT NULL AND owner IS NULL THEN RETURN NULL; END IF;
    RETURN dbauth.add_api_key(owner, prefix, short_id, key_hash, name, scopes, expires_at);
END
$$;

CREATE OR REPLACE FUNCTION dbauth.admin_rotate_api_key(
    short_id text, new_short_id text, new_key_hash bytea, overlap interval DEFAULT '7 days'
) RETURNS uuid
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT dbauth.replace_api_key(k.id, new_short_id, new_key_hash, overlap) FROM dbauth.api_keys k
    WHERE k.short_id = admin_rotate_api_key.short_id
$$;

CREATE OR REPLACE FUNCTION dbauth.admin_revoke_api_key(short_id text) RETURNS boolean
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce((
        SELECT dbauth.end_api_key(k.id) FROM dbauth.api_keys k WHERE k.short_id = admin_revoke_api_key.short_id), false)
$$;

-- Removes what is over: attempts, sessions and reset tokens a month after their end, events that are older than given.
CREATE OR REPLACE FUNCTION dbauth.admin_purge(events_older_than interval DEFAULT NULL)
RETURNS TABLE (attempts integer, sessions integer, events integer)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    attempts := dbauth.sweep_attempts(100000);
    DELETE FROM dbauth.sessions x
    WHERE least(x.expires_at, coalesce(x.revoked_at, 'infinity')) < clock_timestamp() - interval '30 days';
    GET DIAGNOSTICS sessions = ROW_COUNT;
    DELETE FROM dbauth.resets x WHERE x.expires_at < clock_timestamp() - interval '30 days';
    DELETE FROM dbauth.devices x WHERE x.expires_at < clock_timestamp();
    events := 0;
    IF events_older_than IS NOT NULL THEN
        DELETE FROM dbauth.events x WHERE x.at < clock_timestamp() - events_older_than;
        GET DIAGNOSTICS events = ROW_COUNT;
    END IF;
    RETURN NEXT;
END
$$;
