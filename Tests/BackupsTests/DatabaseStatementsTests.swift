import Testing

@testable import Backups

@Suite struct `SQL tokens` {
    @Test(arguments: [
        "CREATE DATABASE app WITH TEMPLATE = template0;\n\n",
        #"COMMENT ON TABLE "odd "" name".t IS E'it''s \' and ; here';"#,
        "CREATE FUNCTION f() RETURNS text LANGUAGE sql AS $_$ SELECT ';' || $1 $_$; -- the end; of it",
        "SELECT 'ungeschlossen", "$tag$ never closed", "\"never closed", "é\"ü\"'ö'",
    ]) func `put together again are the text`(text: String) {
        #expect(SQLTokens(text).tokens.text == text)
    }

    @Test func `a semicolon in a constant, a name or a comment ends no statement`() {
        let text = #"SELECT ';', ";", $$;$$, $x$;$$;$x$; SELECT E'\';' -- ;"#
        #expect(
            SQLTokens(text).statements.map(\.text) == [
                #"SELECT ';', ";", $$;$$, $x$;$$;$x$"#, #"SELECT E'\';' -- ;"#,
            ])
    }

    @Test(arguments: [
        ("app", "app"), ("\"a\"\"b\"", "a\"b"), ("\"\"\"\"\"\"", "\"\""), ("\"a\"\"\u{301}b\"", "a\"\u{301}b"),
    ])
    func `a name is read as PostgreSQL reads it`(text: String, name: String) {
        #expect(SQLTokens(text).tokens.map(\.name) == [name])
    }
}

@Suite struct `Statements about a database` {
    @Test func `name the new database wherever they named the old one, and change nothing else`() throws {
        let toc = archive([
            entry(
                "DATABASE", "app", "CREATE DATABASE app WITH TEMPLATE = template0 ENCODING = 'UTF8' LOCALE = 'C';\n\n\n"
            ),
            entry(
                "DATABASE PROPERTIES", "app",
                "ALTER DATABASE app CONNECTION LIMIT = 7;\nALTER DATABASE app SET \"app.note\" TO 'DATABASE app; DATABASE app';\n"
                    + "ALTER ROLE database IN DATABASE app SET work_mem TO '8MB';\n"),
            entry(
                "ACL", "DATABASE app",
                "REVOKE CONNECT,TEMPORARY ON DATABASE app FROM PUBLIC;\nGRANT CONNECT ON DATABASE app TO app;\n"),
            entry("COMMENT", "DATABASE app", "COMMENT ON DATABASE app IS 'the DATABASE app';\n"),
        ])
        let statements = try DatabaseStatements(toc, name: "a \"new\" one", withTablespace: true)
        #expect(
            statements.create
                == #"CREATE DATABASE "a ""new"" one" WITH TEMPLATE = template0 ENCODING = 'UTF8' LOCALE = 'C'"#)
        #expect(
            statements.properties == [
                #"ALTER DATABASE "a ""new"" one" CONNECTION LIMIT = 7"#,
                #"ALTER DATABASE "a ""new"" one" SET "app.note" TO 'DATABASE app; DATABASE app'"#,
                #"ALTER ROLE database IN DATABASE "a ""new"" one" SET work_mem TO '8MB'"#,
            ])
        #expect(
            statements.privileges == [
                #"REVOKE CONNECT,TEMPORARY ON DATABASE "a ""new"" one" FROM PUBLIC"#,
                #"GRANT CONNECT ON DATABASE "a ""new"" one" TO app"#,
            ])
        #expect(
            statements.remarks == [
                #"COMMENT ON DATABASE "a ""new"" one" IS 'the DATABASE app'"#
            ])
    }

    @Test func `objects that are named like the database keep their own statements`() throws {
        let toc = archive([
            entry("DATABASE", "app", "CREATE DATABASE app WITH TEMPLATE = template0;\n"),
            entry("COMMENT", "SCHEMA app", "COMMENT ON SCHEMA app IS 'mine';\n"),
            entry("ACL", "TABLE app", "GRANT SELECT ON TABLE public.app TO x;\n", namespace: "public"),
        ])
        let statements = try DatabaseStatements(toc, name: "new", withTablespace: true)
        #expect(statements.privileges.isEmpty)
        #expect(statements.remarks.isEmpty)
    }

    @Test func `the tablespace is dropped where it is not wanted`() throws {
        let toc = archive([
            entry(
                "DATABASE", "app",
                "CREATE DATABASE app WITH TEMPLATE = template0 TABLESPACE = \"fast disk\" ENCODING = 'UTF8';\n")
        ])
        #expect(
            try DatabaseStatements(toc, name: "app", withTablespace: false).create
                == #"CREATE DATABASE "app" WITH TEMPLATE = template0 ENCODING = 'UTF8'"#)
    }

    @Test func `a statement that does not name the database is refused`() throws {
        let toc = archive([
            entry("DATABASE", "app", "CREATE DATABASE app WITH TEMPLATE = template0;\n"),
            entry("COMMENT", "DATABASE app", "ALTER ROLE evil SUPERUSER;\n"),
        ])
        #expect(throws: (any Error).self) { try DatabaseStatements(toc, name: "new", withTablespace: true) }
    }
}

@Suite struct `Definitions of two dumps` {
    @Test func `are equal when they are the same, in any order`() {
        let entries = [
            entry("TABLE", "a", "CREATE TABLE public.a (\n    id integer\n);\n", namespace: "public"),
            entry("FUNCTION", "f(integer)", "CREATE FUNCTION public.f(integer) ...", namespace: "public"),
        ]
        #expect(archive(entries).differences(toRedump: archive(entries.reversed())).isEmpty)
    }

    @Test func `a missing, a new and a changed object are each named`() {
        let first = archive([
            entry("INDEX", "i", "CREATE INDEX i ON public.a USING btree (x);", namespace: "public"),
            entry("TABLE", "a", "CREATE TABLE public.a (x integer);", namespace: "public"),
        ])
        let second = archive([
            entry("TABLE", "a", "CREATE TABLE public.a (x bigint);", namespace: "public"),
            entry("VIEW", "v", "CREATE VIEW public.v AS SELECT 1;", namespace: "public"),
        ])
        #expect(
            first.differences(toRedump: second) == [
                "index public.i is missing", "table public.a is defined otherwise", "view public.v is new",
            ])
    }

    @Test func `another owner is a difference`() {
        var other = entry("TABLE", "a", "CREATE TABLE public.a ();", namespace: "public")
        other.owner = "somebody"
        let toc = archive([entry("TABLE", "a", "CREATE TABLE public.a ();", namespace: "public")])
        #expect(toc.differences(toRedump: archive([other])) == ["table public.a is defined otherwise"])
    }

    @Test func `an expression printed anew with other casts is the same expression`() {
        let before =
            "ALTER TABLE t ADD CONSTRAINT c CHECK (((s)::text = ANY ((ARRAY['a'::character varying, 'b'::character varying])::text[])));"
        let after =
            "ALTER TABLE t ADD CONSTRAINT c CHECK (((s)::text = ANY (ARRAY[('a'::character varying)::text, ('b'::character varying)::text])));"
        #expect(LooseExpression.spell(before) == LooseExpression.spell(after))
    }

    @Test(arguments: [
        ("CHECK ((x > 1))", "CHECK ((x > 2))"), ("CHECK ((x > 1))", "CHECK ((x >= 1))"),
        ("DEFAULT 'a'::text", "DEFAULT 'b'::text"), ("GRANT SELECT", "GRANT INSERT"),
        ("setval('s', 3, true)", "setval('s', 3, false)"),
    ]) func `another expression is another definition`(one: String, other: String) {
        #expect(LooseExpression.spell(one) != LooseExpression.spell(other))
    }
}

private func archive(_ entries: [ArchiveTOC.Entry]) -> ArchiveTOC {
    ArchiveTOC(formatMinor: 14, databaseName: "app", serverVersion: "15.18", dumpVersion: "15.18", entries: entries)
}

private func entry(_ kind: String, _ tag: String, _ definition: String, namespace: String? = nil) -> ArchiveTOC.Entry {
    ArchiveTOC.Entry(
        dumpID: 1, hasData: false, tableOID: 0, oid: 0, tag: tag, kind: kind, section: .preData, definition: definition,
        dropStatement: "", copyStatement: nil, namespace: namespace, tablespace: nil, accessMethod: nil, relkind: 0,
        owner: "owner", dependencies: [])
}
