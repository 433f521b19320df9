-- HMAC-SHA256 (RFC 2104) under the key made at installation; the purpose keeps the uses apart.
--
-- Without rights and settings of its own, and with every name in full, so that the server can put it in the place of its call:
-- a login needs seven of them.
CREATE OR REPLACE FUNCTION dbauth.hmac(s dbauth.settings, purpose bytea, data bytea) RETURNS bytea
LANGUAGE sql IMMUTABLE AS $$
    SELECT pg_catalog.sha256((s).outer_pad OPERATOR(pg_catalog.||) pg_catalog.sha256(
        (s).inner_pad OPERATOR(pg_catalog.||) purpose OPERATOR(pg_catalog.||) '\x00'::pg_catalog.bytea
            OPERATOR(pg_catalog.||) data))
$$;

-- Functions that only others of this schema call have neither rights nor settings of their own: they run with those of their
-- caller, and nobody else may call them. Changing the settings and back costs more than most of them do. They are PL/pgSQL,
-- whose plans a session keeps; an SQL function that is not put in the place of its call is planned each time.
CREATE OR REPLACE FUNCTION dbauth.keyed(purpose text, data bytea) RETURNS bytea
LANGUAGE plpgsql STABLE AS $$
DECLARE
    s dbauth.settings;
BEGIN
    SELECT x.* INTO STRICT s FROM dbauth.settings x;
    RETURN dbauth.hmac(s, convert_to(purpose, 'UTF8'), data);
END
$$;

-- One of 65,536.
CREATE OR REPLACE FUNCTION dbauth.place(hash bytea) RETURNS integer
LANGUAGE sql IMMUTABLE AS $$
    SELECT pg_catalog.get_byte(hash, 0) OPERATOR(pg_catalog.*) 256 OPERATOR(pg_catalog.+) pg_catalog.get_byte(hash, 1)
$$;

-- A login name as it is compared: without blanks around it, in NFKC, ASCII letters in lower case.
CREATE OR REPLACE FUNCTION dbauth.name_key(identifier text) RETURNS text
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN lower((CASE WHEN getdatabaseencoding() = 'UTF8' AND octet_length(identifier) <= 1024
        THEN normalize(btrim(identifier), NFKC) ELSE btrim(identifier) END) COLLATE "C");
END
$$;

CREATE OR REPLACE FUNCTION dbauth.bucket(purpose text, data bytea) RETURNS integer
LANGUAGE sql STABLE AS $$
    SELECT dbauth.place(dbauth.keyed(purpose, data))
$$;

-- Every token, of whatever kind, arrives as its SHA-256: the server and its log never see one.
CREATE OR REPLACE FUNCTION dbauth.token_hash(purpose text, token bytea) RETURNS bytea
LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF token IS NULL OR octet_length(token) <> 32 THEN
        RAISE EXCEPTION 'a token is handed over as its SHA-256, 32 bytes' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    RETURN dbauth.keyed(purpose, token);
END
$$;

CREATE OR REPLACE FUNCTION dbauth.record(
    action text, outcome text, reason text, account uuid, identifier_hash bytea, address inet, session uuid DEFAULT NULL,
    details jsonb DEFAULT NULL
) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO dbauth.events (action, outcome, reason, account_id, identifier_hash, address, session_id, details)
    VALUES (action, outcome, reason, account, identifier_hash, address, session, details);
END
$$;

-- Counts one try, before anybody knows how it ends. Beyond `allowed` tries the bucket is locked for `span`; tries while it is
-- locked are counted and do not lengthen the lock.
CREATE OR REPLACE FUNCTION dbauth.count_try(
    bucket integer, step integer, allowed integer, span interval, progressive boolean, from_first boolean,
    OUT ordinal integer, OUT locked boolean
)
LANGUAGE plpgsql AS $$
DECLARE
    b dbauth.buckets;
    at timestamptz;
    lock_span interval := span;
BEGIN
    SELECT x.* INTO b FROM dbauth.buckets x WHERE x.id = bucket FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'dbauth.buckets has lost its row %', bucket USING ERRCODE = 'data_corrupted';
    END IF;
    -- After the lock: those who waited for it count in the order in which they got it.
    at := clock_timestamp();
    IF b.began_at > at THEN
        -- The clock was set back: what is locked stays so, but not for longer than a lock lasts.
        b.began_at := at;
        IF b.locked_until > at + span * 64 THEN b.locked_until := at + span; END IF;
    END IF;
    IF b.locked_until <= at AND (b.locked_until > '-infinity' OR b.began_at + span <= at) THEN
        IF b.began_at + span + interval '24 hours' <= at THEN b.lockouts := 0; END IF;
        b.failures := 0;
        b.began_at := at;
        b.locked_until := '-infinity';
    END IF;
    b.failures := least(b.failures + step, 1000000000);
    IF step > 0 AND b.failures >= allowed AND b.locked_until = '-infinity' THEN
        IF progressive THEN lock_span := span * power(2, least(b.lockouts, 6)); END IF;
        b.locked_until := (CASE WHEN from_first THEN b.began_at ELSE at END) + lock_span;
        b.lockouts := b.lockouts + 1;
    END IF;
    UPDATE dbauth.buckets x
    SET failures = b.failures, began_at = b.began_at, locked_until = b.locked_until, lockouts = b.lockouts
    WHERE x.id = bucket;
    ordinal := b.failures;
    locked := b.failures > allowed;
END
$$;

-- What an unknown name is answered with: the scheme of new hashes, and a salt that is always the same for the name.
CREATE OR REPLACE FUNCTION dbauth.mock_settings(scheme text, salt_hash bytea) RETURNS text
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    salt text := rtrim(encode(substr(salt_hash, 1, 16), 'base64'), '=');
BEGIN
    IF scheme NOT LIKE '$2%' THEN RETURN scheme || salt; END IF;
    RETURN scheme || translate(
        salt, 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/',
        './ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789');
END
$$;

-- Begins a login: counts the try first, whoever it is, then answers with scheme, cost and salt, and with nothing else.
CREATE OR REPLACE FUNCTION dbauth.begin_login(identifier text, address inet DEFAULT NULL, device bytea DEFAULT NULL)
RETURNS TABLE (attempt uuid, settings text, pepper text, legacy boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    s dbauth.settings;
    a dbauth.accounts;
    name_hash bytea;
    account_key bytea;
    device_hash bytea;
    known_device boolean;
    place bytea;
    t dbauth.attempts;
    pair record;
    name record;
    wanted text := dbauth.name_key(coalesce(identifier, ''));
BEGIN
    SELECT x.* INTO STRICT s FROM dbauth.settings x;
    name_hash := dbauth.hmac(s, 'identifier', convert_to(wanted, 'UTF8'));
    SELECT x.* INTO a FROM dbauth.accounts x WHERE x.name_key = wanted AND octet_length(wanted) <= 1024;
    account_key := name_hash || int8send(coalesce(a.lock_epoch, 0));
    device_hash := dbauth.hmac(s, 'device', coalesce(device, ''));
    known_device := device IS NOT NULL AND EXISTS (
        SELECT FROM dbauth.devices d
        WHERE d.token_hash = device_hash AND d.account_id = a.id AND d.expires_at > clock_timestamp());
    place := CASE WHEN known_device THEN device_hash ELSE convert_to(
        coalesce(network(set_masklen(address, CASE family(address) WHEN 4 THEN 24 ELSE 64 END))::text, ''), 'UTF8') END;
    t.pair_bucket := dbauth.place(dbauth.hmac(s, 'pair', account_key || place));
    t.name_bucket := 65536 + dbauth.place(dbauth.hmac(s, 'name', account_key));
    -- Pairs before names, everywhere: whoever takes both locks takes them in one order.
    pair := dbauth.count_try(t.pair_bucket, 1, s.tries, s.lock_time, s.progressive, false);
    name := dbauth.count_try(
        t.name_bucket, CASE WHEN known_device THEN 0 ELSE 1 END, s.identifier_tries, s.identifier_time, false, true);
    t.pair_ordinal := pair.ordinal;
    t.refused := CASE
        WHEN pair.locked OR (name.locked AND NOT known_device) THEN 'locked'
        WHEN a.id IS NULL THEN 'unknown'
        WHEN NOT a.active THEN 'inactive'
        WHEN a.verifier IS NULL AND a.legacy IS NULL THEN 'no password' END;
    IF EXISTS (SELECT FROM dbauth.attempts x WHERE x.expires_at < clock_timestamp()) THEN
        PERFORM dbauth.sweep_attempts();
    END IF;
    INSERT INTO dbauth.attempts (
        account_id, identifier_hash, refused, pair_bucket, name_bucket, pair_ordinal, counts_for_name, address, expires_at)
    VALUES (
        a.id, name_hash, t.refused, t.pair_bucket, t.name_bucket, t.pair_ordinal, NOT known_device, address,
        clock_timestamp() + s.attempt_time)
    RETURNING attempts.id INTO attempt;
    settings := dbauth.mock_settings(s.scheme, dbauth.hmac(s, 'salt', name_hash));
    pepper := s.pepper;
    legacy := a.legacy IS NOT NULL;
    IF a.settings IS NOT NULL THEN
        settings := a.settings;
        pepper := a.pepper;
    END IF;
    RETURN NEXT;
END
$$;

-- Logins that were begun and never finished are failures, and are recorded as such.
CREATE OR REPLACE FUNCTION dbauth.sweep_attempts(most integer DEFAULT 2) RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
    t dbauth.attempts;
    swept integer := 0;
BEGIN
    FOR t IN
        DELETE FROM dbauth.attempts x WHERE x.id IN (
            SELECT y.id FROM dbauth.attempts y WHERE y.expires_at < clock_timestamp()
            ORDER BY y.expires_at LIMIT most FOR UPDATE SKIP LOCKED)
        RETURNING x.*
    LOOP
        swept := swept + 1;
        PERFORM dbauth.refuse(t, CASE WHEN t.second_factor THEN 'second factor missing' ELSE 'abandoned' END);
    END LOOP;
    RETURN swept;
END
$$;

-- Records a login that was not one; the try that filled its bucket records the lockout, so that there is one of them.
CREATE OR REPLACE FUNCTION dbauth.refuse(t dbauth.attempts, reason text) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    allowed integer;
BEGIN
    PERFORM dbauth.record('login', 'failure', reason, t.account_id, t.identifier_hash, t.address);
    SELECT x.tries INTO allowed FROM dbauth.settings x;
    IF t.pair_ordinal = allowed THEN
        PERFORM dbauth.record('lockout', 'success', NULL, t.account_id, t.identifier_hash, t.address);
    END IF;
END
$$;

CREATE OR REPLACE FUNCTION dbauth.open_session(t dbauth.attempts, session bytea, device bytea, details jsonb)
RETURNS TABLE (session_id uuid, expires_at timestamptz)
LANGUAGE plpgsql AS $$
DECLARE
    s dbauth.settings;
    at timestamptz := clock_timestamp();
BEGIN
    IF session IS NULL OR octet_length(session) <> 32 OR octet_length(device) <> 32 THEN
        RAISE EXCEPTION 'a token is handed over as its SHA-256, 32 bytes' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    SELECT x.* INTO STRICT s FROM dbauth.settings x;
    UPDATE dbauth.buckets x SET failures = 0, locked_until = '-infinity', lockouts = 0 WHERE x.id = t.pair_bucket;
    IF t.counts_for_name THEN
        -- Only failures count: this one is taken back, those of others stay.
        UPDATE dbauth.buckets x
        SET failures = greatest(x.failures - 1, 0),
            locked_until = CASE WHEN x.failures - 1 < s.identifier_tries THEN '-infinity' ELSE x.locked_until END
        WHERE x.id = t.name_bucket;
    END IF;
    UPDATE dbauth.accounts x SET last_login_at = at WHERE x.id = t.account_id;
    expires_at := at + s.session_time;
    INSERT INTO dbauth.sessions (account_id, token_hash, address, created_at, last_seen_at, expires_at)
    VALUES (t.account_id, dbauth.hmac(s, 'session', session), t.address, at, at, open_session.expires_at)
    RETURNING id INTO session_id;
    IF device IS NOT NULL THEN
        INSERT INTO dbauth.devices (token_hash, account_id, created_at, expires_at)
        VALUES (dbauth.hmac(s, 'device', device), t.account_id, at, at + s.device_time)
        ON CONFLICT ON CONSTRAINT devices_pkey DO NOTHING;
        -- Ten browsers are enough; the oldest make room.
        IF (SELECT count(*) FROM dbauth.devices d WHERE d.account_id = t.account_id) > 10 THEN
            DELETE FROM dbauth.devices d WHERE d.account_id = t.account_id AND d.token_hash IN (
                SELECT e.token_hash FROM dbauth.devices e WHERE e.account_id = t.account_id
                ORDER BY e.created_at DESC OFFSET 10);
        END IF;
    END IF;
    PERFORM dbauth.record(
        'login', 'success', NULL, t.account_id, t.identifier_hash, t.address, open_session.session_id, details);
    RETURN NEXT;
END
$$;

-- Ends a login: compares, opens the session and records, in the one transaction of this one statement. `session` and `device`
-- are SHA-256 of tokens that the caller made.
CREATE OR REPLACE FUNCTION dbauth.finish_login(attempt uuid, result text, session bytea, device bytea DEFAULT NULL)
RETURNS TABLE (outcome text, account_id uuid, session_id uuid, expires_at timestamptz)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN QUERY SELECT f.* FROM dbauth.decide(
        attempt, sha256(convert_to(coalesce(result, ''), 'UTF8')), NULL, session, device) f;
END
$$;

CREATE OR REPLACE FUNCTION dbauth.decide(attempt uuid, digest bytea, matches boolean, session bytea, device bytea)
RETURNS TABLE (outcome text, account_id uuid, session_id uuid, expires_at timestamptz)
LANGUAGE plpgsql AS $$
DECLARE
    t dbauth.attempts;
    a dbauth.accounts;
    is_right boolean;
BEGIN
    outcome := 'refused';
    -- One answer for each attempt: whoever deletes it has it.
    DELETE FROM dbauth.attempts x WHERE x.id = attempt AND NOT x.second_factor RETURNING x.* INTO t;
    IF NOT FOUND THEN
        PERFORM dbauth.record('login', 'failure', 'no such attempt', NULL, NULL, NULL);
        RETURN NEXT;
        RETURN;
    END IF;
    SELECT x.* INTO a FROM dbauth.accounts x WHERE x.id = t.account_id;
    is_right := coalesce(CASE WHEN digest IS NULL THEN matches AND a.legacy IS NOT NULL ELSE a.verifier = digest END, false);
    IF t.expires_at <= clock_timestamp() THEN
        PERFORM dbauth.refuse(t, 'too late');
    ELSIF t.refused IS NOT NULL OR NOT a.active THEN
        PERFORM dbauth.refuse(t, coalesce(t.refused, 'inactive'));
    ELSIF NOT is_right THEN
        PERFORM dbauth.refuse(t, 'wrong password');
    ELSIF a.totp_seed IS NOT NULL THEN
        t.second_factor := true;
        t.expires_at := clock_timestamp() + (SELECT x.attempt_time FROM dbauth.settings x);
        INSERT INTO dbauth.attempts SELECT t.*;
        outcome := 'second_factor';
        account_id := a.id;
    ELSE
        outcome := 'success';
        account_id := a.id;
        SELECT o.session_id, o.expires_at INTO decide.session_id, decide.expires_at
        FROM dbauth.open_session(t, session, device, NULL) o;
    END IF;
    RETURN NEXT;
END
$$;

-- The whole hash of an attempt's account, for the role that may check old schemes, and only when they cannot be relayed.
CREATE OR REPLACE FUNCTION dbauth.legacy_hash(attempt uuid) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT a.legacy FROM dbauth.attempts t JOIN dbauth.accounts a ON a.id = t.account_id
    WHERE t.id = attempt AND t.refused IS NULL AND NOT t.second_factor AND t.expires_at > clock_timestamp()
$$;

-- Ends a login whose old hash the caller has checked; with the password at hand it brings the new hash.
CREATE OR REPLACE FUNCTION dbauth.finish_legacy_login(
    attempt uuid, matches boolean, new_settings text, new_pepper text, new_verifier bytea, session bytea,
    device bytea DEFAULT NULL
) RETURNS TABLE (outcome text, account_id uuid, session_id uuid, expires_at timestamptz)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    SELECT f.* INTO outcome, account_id, session_id, expires_at
    FROM dbauth.decide(attempt, NULL, coalesce(matches, false), session, device) f;
    IF outcome IN ('success', 'second_factor') THEN
        UPDATE dbauth.accounts x
        SET settings = new_settings, pepper = new_pepper, verifier = new_verifier, legacy = NULL
        WHERE x.id = finish_legacy_login.account_id AND x.legacy IS NOT NULL;
        PERFORM dbauth.record('password.upgrade', 'success', NULL, account_id, NULL, NULL);
    END IF;
    RETURN NEXT;
END
$$;

-- Replaces a hash that is weaker than the policy, for whoever has just shown that he knows what it is.
CREATE OR REPLACE FUNCTION dbauth.upgrade_password(
    session bytea, result text, new_settings text, new_pepper text, new_verifier bytea
) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    owner uuid := (SELECT c.account_id FROM dbauth.check_session(session) c);
BEGIN
    UPDATE dbauth.accounts x SET settings = new_settings, pepper = new_pepper, verifier = new_verifier
    WHERE x.id = owner AND x.verifier = sha256(convert_to(result, 'UTF8'));
    IF NOT FOUND THEN RETURN false; END IF;
    PERFORM dbauth.record('password.upgrade', 'success', NULL, owner, NULL, NULL);
    RETURN true;
END
$$;
