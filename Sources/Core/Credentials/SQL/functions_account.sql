-- What clients go by: nothing in it is secret.
CREATE OR REPLACE FUNCTION dbauth.client_settings()
RETURNS TABLE (version integer, scheme text, pepper text, minimum_length integer, deadline_ms integer, tries integer)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT s.version, s.scheme, s.pepper, s.minimum_length, s.deadline_ms, s.tries FROM dbauth.settings s
$$;

CREATE OR REPLACE FUNCTION dbauth.add_account(
    identifier text, new_settings text, new_pepper text, new_verifier bytea, new_legacy text
) RETURNS uuid
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    made uuid;
    wanted text := dbauth.name_key(identifier);
BEGIN
    IF octet_length(wanted) NOT BETWEEN 1 AND 1024 THEN
        RAISE EXCEPTION 'a login name has 1 to 1024 bytes' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    INSERT INTO dbauth.accounts (identifier, name_key, settings, pepper, verifier, legacy, password_changed_at)
    VALUES (identifier, wanted, new_settings, new_pepper, new_verifier, new_legacy, clock_timestamp())
    ON CONFLICT ON CONSTRAINT accounts_name_key_key DO NOTHING RETURNING id INTO made;
    IF made IS NULL THEN
        -- Without a name in it: errors reach logs.
        RAISE EXCEPTION 'the login name is taken' USING ERRCODE = 'unique_violation';
    END IF;
    PERFORM dbauth.record(
        'account.create', 'success', NULL, made, dbauth.keyed('identifier', convert_to(wanted, 'UTF8')), NULL);
    RETURN made;
END
$$;

CREATE OR REPLACE FUNCTION dbauth.create_account(
    identifier text, new_settings text, new_pepper text, new_verifier bytea
) RETURNS uuid
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT dbauth.add_account(identifier, new_settings, new_pepper, new_verifier, NULL)
$$;

-- Sets a password, ends what the old one had opened, and forgets every failure.
CREATE OR REPLACE FUNCTION dbauth.set_password(
    account uuid, new_settings text, new_pepper text, new_verifier bytea, keep_session uuid
) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE dbauth.accounts x
    SET settings = new_settings, pepper = new_pepper, verifier = new_verifier, legacy = NULL,
        password_changed_at = clock_timestamp(), lock_epoch = x.lock_epoch + 1
    WHERE x.id = account;
    UPDATE dbauth.sessions x SET revoked_at = clock_timestamp()
    WHERE x.account_id = account AND x.revoked_at IS NULL AND x.id IS DISTINCT FROM keep_session;
    DELETE FROM dbauth.devices x WHERE x.account_id = account;
    DELETE FROM dbauth.resets x WHERE x.account_id = account;
END
$$;

-- The settings of a session's own password, to show with them that one knows it.
CREATE OR REPLACE FUNCTION dbauth.begin_password_change(session bytea)
RETURNS TABLE (settings text, pepper text)
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT a.settings, a.pepper FROM dbauth.check_session(session) c JOIN dbauth.accounts a ON a.id = c.account_id
    WHERE a.settings IS NOT NULL
$$;

-- Counts the try first, as a login does: a stolen session is no place to guess the password at.
CREATE OR REPLACE FUNCTION dbauth.change_password(
    session bytea, result text, new_settings text, new_pepper text, new_verifier bytea
) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    s dbauth.settings;
    mine record;
    own_bucket integer;
    locked boolean;
BEGIN
    SELECT c.* INTO mine FROM dbauth.check_session(session) c;
    IF mine.account_id IS NULL THEN RETURN false; END IF;
    SELECT x.* INTO STRICT s FROM dbauth.settings x;
    own_bucket := dbauth.bucket('change', uuid_send(mine.account_id));
    SELECT c.locked INTO locked FROM dbauth.count_try(own_bucket, 1, s.tries, s.lock_time, s.progressive, false) c;
    IF locked OR NOT EXISTS (
        SELECT FROM dbauth.accounts x
        WHERE x.id = mine.account_id AND x.verifier = sha256(convert_to(coalesce(result, ''), 'UTF8')))
    THEN
        PERFORM dbauth.record(
            'password.change', 'failure', CASE WHEN locked THEN 'locked' ELSE 'wrong password' END, mine.account_id, NULL,
            mine.address, mine.session_id);
        RETURN false;
    END IF;
    UPDATE dbauth.buckets b SET failures = 0, locked_until = '-infinity' WHERE b.id = own_bucket;
    PERFORM dbauth.set_password(mine.account_id, new_settings, new_pepper, new_verifier, mine.session_id);
    PERFORM dbauth.record('password.change', 'success', NULL, mine.account_id, NULL, mine.address, mine.session_id);
    RETURN true;
END
$$;

-- Takes SHA-256 of a token that the caller made and sends to the owner; NULL where there is nobody to send it to.
CREATE OR REPLACE FUNCTION dbauth.request_reset(identifier text, token bytea, address inet DEFAULT NULL) RETURNS uuid
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    s dbauth.settings;
    a dbauth.accounts;
    wanted text := dbauth.name_key(coalesce(identifier, ''));
    name_hash bytea := dbauth.keyed('identifier', convert_to(wanted, 'UTF8'));
    hash bytea := dbauth.token_hash('reset', token);
    locked boolean;
    refused text;
BEGIN
    SELECT x.* INTO STRICT s FROM dbauth.settings x;
    SELECT c.locked INTO locked FROM dbauth.count_try(
        65536 + dbauth.bucket('reset', name_hash), 1, s.tries, s.lock_time, false, true) c;
    SELECT x.* INTO a FROM dbauth.accounts x WHERE x.name_key = wanted AND octet_length(wanted) <= 1024;
    refused := CASE WHEN a.id IS NULL THEN 'unknown' WHEN NOT a.active THEN 'inactive' WHEN locked THEN 'too often' END;
    IF refused IS NULL THEN
        INSERT INTO dbauth.resets (token_hash, account_id, created_at, expires_at)
        VALUES (hash, a.id, clock_timestamp(), clock_timestamp() + s.reset_time);
    END IF;
    PERFORM dbauth.record(
        'password.reset_request', CASE WHEN refused IS NULL THEN 'success' ELSE 'failure' END, refused, a.id, name_hash,
        address);
    RETURN CASE WHEN refused IS NULL THEN a.id END;
END
$$;

CREATE OR REPLACE FUNCTION dbauth.finish_reset(
    token bytea, new_settings text, new_pepper text, new_verifier bytea, address inet DEFAULT NULL
) RETURNS uuid
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    owner uuid;
BEGIN
    UPDATE dbauth.resets x SET used_at = clock_timestamp()
    FROM dbauth.accounts a
    WHERE x.token_hash = dbauth.token_hash('reset', token) AND x.used_at IS NULL AND x.expires_at > clock_timestamp()
        AND x.created_at <= clock_timestamp() + interval '1 minute' AND a.id = x.account_id AND a.active
    RETURNING x.account_id INTO owner;
    IF owner IS NULL THEN
        PERFORM dbauth.record('password.reset', 'failure', 'no such token', NULL, NULL, address);
        RETURN NULL;
    END IF;
    PERFORM dbauth.set_password(owner, new_settings, new_pepper, new_verifier, NULL);
    PERFORM dbauth.record('password.reset', 'success', NULL, owner, NULL, address);
    RETURN owner;
END
$$;
