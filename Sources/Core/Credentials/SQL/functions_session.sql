-- Whose session it is; no row for one that is over. A session that was seen in the future is over too: the clock was set back.
CREATE OR REPLACE FUNCTION dbauth.check_session(session bytea)
RETURNS TABLE (
    session_id uuid, account_id uuid, identifier text, address inet, created_at timestamptz, last_seen_at timestamptz,
    expires_at timestamptz
)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    at timestamptz := clock_timestamp();
    s dbauth.settings;
BEGIN
    IF session IS NULL OR octet_length(session) <> 32 THEN
        RAISE EXCEPTION 'a token is handed over as its SHA-256, 32 bytes' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    SELECT x.* INTO STRICT s FROM dbauth.settings x;
    SELECT x.id, x.account_id, a.identifier, x.address, x.created_at, x.last_seen_at, x.expires_at
    INTO session_id, account_id, identifier, address, created_at, last_seen_at, expires_at
    FROM dbauth.sessions x JOIN dbauth.accounts a ON a.id = x.account_id
    WHERE x.token_hash = dbauth.hmac(s, 'session', session) AND x.revoked_at IS NULL AND a.active
        AND x.expires_at > at AND x.last_seen_at + s.idle_time > at AND x.last_seen_at <= at + interval '1 minute';
    IF NOT FOUND THEN RETURN; END IF;
    -- Once a minute is often enough to know that it is in use.
    IF at - last_seen_at > interval '1 minute' THEN
        UPDATE dbauth.sessions x SET last_seen_at = at WHERE x.id = check_session.session_id;
        last_seen_at := at;
    END IF;
    RETURN NEXT;
END
$$;

CREATE OR REPLACE FUNCTION dbauth.end_session(session bytea) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    x dbauth.sessions;
BEGIN
    UPDATE dbauth.sessions y SET revoked_at = clock_timestamp()
    WHERE y.token_hash = dbauth.token_hash('session', session) AND y.revoked_at IS NULL RETURNING y.* INTO x;
    IF NOT FOUND THEN RETURN false; END IF;
    PERFORM dbauth.record('logout', 'success', NULL, x.account_id, NULL, x.address, x.id);
    RETURN true;
END
$$;

-- The sessions of whoever shows one of them.
CREATE OR REPLACE FUNCTION dbauth.list_sessions(session bytea)
RETURNS TABLE (
    session_id uuid, is_this boolean, address inet, created_at timestamptz, last_seen_at timestamptz, expires_at timestamptz
)
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT x.id, x.id = c.session_id, x.address, x.created_at, x.last_seen_at, x.expires_at
    FROM dbauth.check_session(session) c JOIN dbauth.sessions x ON x.account_id = c.account_id
    WHERE x.revoked_at IS NULL AND x.expires_at > clock_timestamp() ORDER BY x.created_at, x.id
$$;

-- Ends one session of the same account, or, with NULL, all but this one; tells how many.
CREATE OR REPLACE FUNCTION dbauth.revoke_session(session bytea, which uuid DEFAULT NULL) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    mine record;
    ended integer;
BEGIN
    SELECT c.* INTO mine FROM dbauth.check_session(session) c;
    IF mine.account_id IS NULL THEN RETURN 0; END IF;
    UPDATE dbauth.sessions x SET revoked_at = clock_timestamp()
    WHERE x.account_id = mine.account_id AND x.revoked_at IS NULL
        AND CASE WHEN which IS NULL THEN x.id <> mine.session_id ELSE x.id = which END;
    GET DIAGNOSTICS ended = ROW_COUNT;
    PERFORM dbauth.record(
        'session.revoke', 'success', NULL, mine.account_id, NULL, mine.address, mine.session_id,
        jsonb_build_object('sessions', ended));
    RETURN ended;
END
$$;
