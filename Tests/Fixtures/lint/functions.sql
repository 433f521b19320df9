-- prelude
CREATE ROLE app@ LOGIN;
CREATE SCHEMA app;
GRANT USAGE ON SCHEMA app TO app@;
-- bad definer-function-exposed: function app.f(integer)
CREATE FUNCTION app.f(int) RETURNS int LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'SELECT 1';
-- good definer-function-exposed
CREATE FUNCTION app.f(int) RETURNS int LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'SELECT 1';
REVOKE EXECUTE ON FUNCTION app.f(int) FROM PUBLIC;
CREATE FUNCTION app.g(int) RETURNS int LANGUAGE sql AS 'SELECT 1';
-- bad definer-search-path: function app.f()
CREATE FUNCTION app.f() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1';
-- good definer-search-path
CREATE FUNCTION app.f() RETURNS int LANGUAGE sql SECURITY DEFINER SET search_path = app, pg_temp AS 'SELECT 1';
CREATE FUNCTION app.g() RETURNS int LANGUAGE sql AS 'SELECT 1';
-- bad definer-temp-first: function app.f()
CREATE FUNCTION app.f() RETURNS int LANGUAGE sql SECURITY DEFINER SET search_path = app AS 'SELECT 1';
-- good definer-temp-first
CREATE FUNCTION app.f() RETURNS int LANGUAGE sql SECURITY DEFINER SET search_path = app, pg_temp AS 'SELECT 1';
CREATE FUNCTION app.g() RETURNS int LANGUAGE sql SECURITY DEFINER SET search_path = '' AS 'SELECT 1';
CREATE FUNCTION app.h() RETURNS int LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS 'SELECT 1';
-- bad definer-path-writable: function app.f()
CREATE SCHEMA open;
GRANT CREATE ON SCHEMA open TO app@;
CREATE FUNCTION app.f() RETURNS int LANGUAGE sql SECURITY DEFINER SET search_path = open, pg_temp AS 'SELECT 1';
-- good definer-path-writable
CREATE SCHEMA open;
GRANT USAGE ON SCHEMA open TO app@;
CREATE FUNCTION app.f() RETURNS int LANGUAGE sql SECURITY DEFINER SET search_path = open, pg_temp AS 'SELECT 1';
-- bad function-leakproof: function app.f()
CREATE FUNCTION app.f() RETURNS int LANGUAGE sql LEAKPROOF AS 'SELECT 1';
-- good function-leakproof
CREATE FUNCTION app.f() RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION app.g() RETURNS int LANGUAGE sql LEAKPROOF AS 'SELECT 1';
ALTER EXTENSION plpgsql ADD FUNCTION app.g();
-- bad function-immutable-session: function app.f()
CREATE FUNCTION app.f() RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT current_setting('app.user', true) $$;
-- bad function-immutable-session: function app.g()
CREATE FUNCTION app.g() RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN current_user; END $$;
-- good function-immutable-session
CREATE FUNCTION app.f() RETURNS text LANGUAGE sql STABLE AS $$ SELECT current_setting('app.user', true) $$;
CREATE FUNCTION app.g() RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT 'current_user' /* current_user */ $$;
-- bad function-untrusted-language: function app.native(oid)
CREATE FUNCTION app.native(oid) RETURNS void LANGUAGE c STRICT AS '$libdir/plpgsql', 'plpgsql_validator';
-- good function-untrusted-language
CREATE FUNCTION app.native(oid) RETURNS void LANGUAGE c STRICT AS '$libdir/plpgsql', 'plpgsql_validator';
REVOKE EXECUTE ON FUNCTION app.native(oid) FROM PUBLIC;
CREATE FUNCTION app.plain() RETURNS int LANGUAGE sql AS 'SELECT 1';
-- bad language-made-trusted: language c
UPDATE pg_catalog.pg_language SET lanpltrusted = true WHERE lanname = 'c';
-- good language-made-trusted
CREATE FUNCTION app.plain() RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN 1; END';
