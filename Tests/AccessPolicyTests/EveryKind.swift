import Platform

/// A database with an object of every kind that privileges are held on.
enum EveryKind {
    /// Run as the superuser, in a cluster with `allow_in_place_tablespaces`; then `tablespace` by itself.
    static let objects = #"""
        CREATE ROLE one@; CREATE ROLE two@; CREATE ROLE three@; CREATE ROLE owner@; CREATE ROLE heir@;
        CREATE ROLE maker@ CREATEROLE; CREATE ROLE stranger@x;
        CREATE SCHEMA app;
        CREATE SCHEMA "Odd.one";
        CREATE TABLE app.users (id bigint PRIMARY KEY, email text, secret text);
        CREATE TABLE app.orders (id bigserial PRIMARY KEY, n int GENERATED ALWAYS AS IDENTITY, user_id bigint, note text);
        CREATE TABLE app.members (user_id bigint, org_id bigint);
        CREATE TABLE "Odd.one"."t ""x""" (id bigint, org_id bigint, note text);
        CREATE TABLE app.parts (id bigint, region text) PARTITION BY LIST (region);
        CREATE TABLE app.parts_eu PARTITION OF app.parts FOR VALUES IN ('eu');
        CREATE VIEW app.emails AS SELECT email FROM app.users;
        CREATE MATERIALIZED VIEW app.counts AS SELECT count(*) FROM app.users;
        CREATE SEQUENCE app.free;
        CREATE SEQUENCE "Odd.one"."s'eq";
        CREATE DOMAIN app.positive AS integer CHECK (VALUE > 0);
        CREATE TYPE app.mood AS ENUM ('good', 'bad');
        CREATE TYPE app.pair AS (a int, b int);
        CREATE TYPE app.span AS RANGE (subtype = int4);
        CREATE DOMAIN "Odd.one"."d o" AS text;
        CREATE FUNCTION app.total(a integer, b numeric) RETURNS numeric LANGUAGE sql AS 'SELECT a + b';
        CREATE FUNCTION app.total(a text) RETURNS text LANGUAGE sql AS 'SELECT a';
        CREATE FUNCTION app.total(VARIADIC a integer[]) RETURNS integer LANGUAGE sql AS 'SELECT 1';
        CREATE FUNCTION "Odd.one"."f()"(a "Odd.one"."d o", OUT b integer) LANGUAGE sql AS 'SELECT 1';
        CREATE PROCEDURE app.tidy(IN days integer, OUT note text) LANGUAGE plpgsql AS 'BEGIN note := 1; END';
        CREATE PROCEDURE app.tidy(IN days integer, IN note text) LANGUAGE plpgsql AS 'BEGIN END';
        CREATE PROCEDURE app.tidy() LANGUAGE plpgsql AS 'BEGIN END';
        CREATE FUNCTION app.step(a integer, b integer) RETURNS integer LANGUAGE sql AS 'SELECT 1';
        CREATE AGGREGATE app.sum_of(integer) (sfunc = app.step, stype = integer);
        CREATE AGGREGATE app.count_of(*) (sfunc = int8inc, stype = bigint, initcond = '0');
        CREATE FOREIGN DATA WRAPPER "wrap per";
        CREATE SERVER remote FOREIGN DATA WRAPPER "wrap per";
        CREATE SERVER "other.remote" FOREIGN DATA WRAPPER "wrap per";
        CREATE FOREIGN TABLE app.far (id bigint) SERVER remote;
        CREATE TRUSTED LANGUAGE tongue HANDLER plpgsql_call_handler;
        SELECT lo_create(7001), lo_create(7002), lo_create(7003);
        """#

    static let tablespace = "CREATE TABLESPACE space@ LOCATION ''"

    static func make(in scene: Scene) async throws {
        try await scene.run(objects)
        try await scene.run(tablespace)
    }

    /// What the catalog says of privileges and owners, as text: the same before and after where nothing was changed.
    static let state = """
        SELECT md5(string_agg(line, E'\\n' ORDER BY line)) FROM (
            SELECT 'class ' || oid || relowner || coalesce(relacl::text, '') AS line FROM pg_class
            UNION ALL SELECT 'column ' || attrelid || attnum || attacl::text FROM pg_attribute WHERE attacl IS NOT NULL
            UNION ALL SELECT 'proc ' || oid || proowner || coalesce(proacl::text, '') FROM pg_proc
            UNION ALL SELECT 'type ' || oid || typowner || coalesce(typacl::text, '') FROM pg_type
            UNION ALL SELECT 'schema ' || oid || nspowner || coalesce(nspacl::text, '') FROM pg_namespace
            UNION ALL SELECT 'lang ' || oid || lanowner || coalesce(lanacl::text, '') FROM pg_language
            UNION ALL SELECT 'fdw ' || oid || fdwowner || coalesce(fdwacl::text, '') FROM pg_foreign_data_wrapper
            UNION ALL SELECT 'server ' || oid || srvowner || coalesce(srvacl::text, '') FROM pg_foreign_server
            UNION ALL SELECT 'lo ' || oid || lomowner || coalesce(lomacl::text, '') FROM pg_largeobject_metadata
            UNION ALL SELECT 'default ' || oid || defaclacl::text FROM pg_default_acl
            UNION ALL SELECT 'policy ' || polrelid || polname || polroles::text FROM pg_policy
            UNION ALL SELECT 'setting ' || setrole || setconfig::text FROM pg_db_role_setting
                WHERE setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database())
            UNION ALL SELECT 'database ' || datdba || coalesce(datacl::text, '') FROM pg_database
                WHERE datname = current_database()
            UNION ALL SELECT 'member ' || m::text FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.member
                WHERE r.rolname LIKE '%@'
            UNION ALL SELECT 'role ' || r::text FROM pg_roles r WHERE r.rolname LIKE '%@'
        ) lines
        """
}
