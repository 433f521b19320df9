-- The sealed seed of an attempt whose password was right; the try is counted before anybody sees a code. NULL: no more tries.
CREATE OR REPLACE FUNCTION dbauth.begin_totp(attempt uuid)
RETURNS TABLE (account_id uuid, sealed bytea)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    s dbauth.settings;
    t dbauth.attempts;
    locked boolean;
BEGIN
    SELECT x.* INTO STRICT s FROM dbauth.settings x;
    UPDATE dbauth.attempts x SET second_tries = x.second_tries + 1
    WHERE x.id = attempt AND x.second_factor AND x.expires_at > clock_timestamp() AND x.second_tries < 3
    RETURNING x.* INTO t;
    IF NOT FOUND THEN RETURN; END IF;
    SELECT c.locked INTO locked FROM dbauth.count_try(
        65536 + dbauth.bucket('totp', uuid_send(t.account_id)), 1, s.tries, s.lock_time, s.progressive, false) c;
    IF locked THEN
        DELETE FROM dbauth.attempts x WHERE x.id = attempt;
        PERFORM dbauth.refuse(t, 'locked');
        RETURN;
    END IF;
    RETURN QUERY SELECT a.id, a.totp_seed FROM dbauth.accounts a WHERE a.id = t.account_id;
END
$$;

-- `counter` is the time step that the code belongs to, NULL for a wrong code.
CREATE OR REPLACE FUNCTION dbauth.finish_totp(attempt uuid, counter bigint, session bytea, device bytea DEFAULT NULL)
RETURNS TABLE (outcome text, account_id uuid, session_id uuid, expires_at timestamptz)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    t dbauth.attempts;
BEGIN
    outcome := 'refused';
    SELECT x.* INTO t FROM dbauth.attempts x
    WHERE x.id = attempt AND x.second_factor AND x.expires_at > clock_timestamp() AND x.second_tries > 0 FOR UPDATE;
    IF NOT FOUND THEN
        RETURN NEXT;
        RETURN;
    END IF;
    UPDATE dbauth.accounts a SET totp_last = counter
    WHERE a.id = t.account_id AND a.active AND counter > coalesce(a.totp_last, -1);
    IF NOT FOUND THEN
        PERFORM dbauth.record(
            'login', 'failure', CASE WHEN counter IS NULL THEN 'wrong code' ELSE 'code used before' END, t.account_id,
            t.identifier_hash, t.address);
        RETURN NEXT;
        RETURN;
    END IF;
    DELETE FROM dbauth.attempts x WHERE x.id = attempt;
    UPDATE dbauth.buckets b SET failures = 0, locked_until = '-infinity'
    WHERE b.id = 65536 + dbauth.bucket('totp', uuid_send(t.account_id));
    outcome := 'success';
    account_id := t.account_id;
    SELECT o.session_id, o.expires_at INTO finish_totp.session_id, finish_totp.expires_at
    FROM dbauth.open_session(t, session, device, '{"second_factor": "totp"}') o;
    RETURN NEXT;
END
$$;

-- Keeps a new sealed seed aside until a code of it was shown.
CREATE OR REPLACE FUNCTION dbauth.enroll_totp(session bytea, sealed bytea) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE dbauth.accounts a SET totp_pending = sealed
    FROM dbauth.check_session(session) c WHERE a.id = c.account_id AND octet_length(sealed) BETWEEN 16 AND 1024;
    RETURN FOUND;
END
$$;

-- The sealed seeds of a session's account; each call counts as a try, since a code will follow.
CREATE OR REPLACE FUNCTION dbauth.totp_seeds(session bytea)
RETURNS TABLE (account_id uuid, pending bytea, current bytea)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    s dbauth.settings;
    owner uuid := (SELECT c.account_id FROM dbauth.check_session(session) c);
    locked boolean;
BEGIN
    IF owner IS NULL THEN RETURN; END IF;
    SELECT x.* INTO STRICT s FROM dbauth.settings x;
    SELECT c.locked INTO locked FROM dbauth.count_try(
        65536 + dbauth.bucket('totp', uuid_send(owner)), 1, s.tries, s.lock_time, s.progressive, false) c;
    IF locked THEN RETURN; END IF;
    RETURN QUERY SELECT a.id, a.totp_pending, a.totp_seed FROM dbauth.accounts a WHERE a.id = owner;
END
$$;

CREATE OR REPLACE FUNCTION dbauth.confirm_totp(session bytea, counter bigint) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    owner uuid := (SELECT c.account_id FROM dbauth.check_session(session) c);
BEGIN
    UPDATE dbauth.accounts a SET totp_seed = a.totp_pending, totp_pending = NULL, totp_last = counter
    WHERE a.id = owner AND a.totp_pending IS NOT NULL AND counter IS NOT NULL;
    IF NOT FOUND THEN RETURN false; END IF;
    UPDATE dbauth.buckets b SET failures = 0, locked_until = '-infinity'
    WHERE b.id = 65536 + dbauth.bucket('totp', uuid_send(owner));
    PERFORM dbauth.record('totp.enroll', 'success', NULL, owner, NULL, NULL);
    RETURN true;
END
$$;

CREATE OR REPLACE FUNCTION dbauth.remove_totp(session bytea, counter bigint) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    owner uuid := (SELECT c.account_id FROM dbauth.check_session(session) c);
BEGIN
    UPDATE dbauth.accounts a SET totp_seed = NULL, totp_pending = NULL, totp_last = NULL
    WHERE a.id = owner AND a.totp_seed IS NOT NULL AND counter > coalesce(a.totp_last, -1);
    IF NOT FOUND THEN RETURN false; END IF;
    PERFORM dbauth.record('totp.remove', 'success', NULL, owner, NULL, NULL);
    RETURN true;
END
$$;
