import Credentials
import Cryptography
import Platform
import PostgresClient
import TestSupport
import Testing

/// The application's role, tried with everything it may call.
@Suite(.cluster, .database, .timeLimit(.minutes(10))) struct PrivilegeTests {
    @Test func `the application's role reads no table and calls nothing but its functions`() async throws {
        let test = try await TestStore.make()
        let app = try await Connection.open(test.database.parameters.with(user: test.role))
        for table in try await test.owner.query(
            "SELECT c.relname FROM pg_class c WHERE c.relnamespace = 'dbauth'::regnamespace AND c.relkind IN ('r', 'v')"
        ) {
            let name: String = try table[0]
            for statement: SQL in [
                "SELECT * FROM dbauth.\(identifier: name)", "DELETE FROM dbauth.\(identifier: name)",
                "TABLE dbauth.\(identifier: name) LIMIT 0",
            ] {
                let error = try await #require(throws: PostgresError.self) { try await app.query(statement) }
                // 55000: a view over a join has no rows to delete in any case.
                #expect(["42501", "55000"].contains(error.code), "\(name)")
            }
        }
        let callable = try await test.owner.query(
            """
            SELECT p.proname FROM pg_proc p
            WHERE p.pronamespace = 'dbauth'::regnamespace AND has_function_privilege(\(test.role), p.oid, 'EXECUTE') ORDER BY 1
            """
        ).map { try $0[0] as String }
        #expect(
            callable == [
                "begin_login", "begin_password_change", "begin_totp", "change_password", "check_api_key",
                "check_session",
                "client_settings", "confirm_totp", "create_account", "create_api_key", "end_session", "enroll_totp",
                "finish_login", "finish_reset", "finish_totp", "list_api_keys", "list_sessions", "remove_totp",
                "request_reset", "revoke_api_key", "revoke_session", "rotate_api_key", "totp_seeds", "upgrade_password",
            ])
        // Nothing for those who were given nothing.
        try await test.owner.execute("CREATE ROLE \(identifier: "nobody_\(test.role)") LOGIN")
        let nobody = try await Connection.open(test.database.parameters.with(user: "nobody_\(test.role)"))
        let error = try await #require(throws: PostgresError.self) {
            try await nobody.query("SELECT * FROM dbauth.begin_login('alice')")
        }
        #expect(error.code == "42501")
        let open = try await test.count(
            """
            SELECT count(*) FROM pg_proc p CROSS JOIN aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
            WHERE p.pronamespace = 'dbauth'::regnamespace AND a.grantee = 0
            """)
        #expect(open == 0)
    }

    @Test func `what its functions answer holds no hash, no seed and no token`() async throws {
        let test = try await TestStore.make()
        let keys = CredentialKeys(Keyring.generate(at: .now()))
        let store = try await test.open(keys: keys)
        try await store.createAccount("alice", Password("the right one"))
        let login = try #require(try await store.login("alice", Password("the right one")).login)
        _ = try await store.enrollTOTP(login.session, issuer: "Shop")
        let key = try await store.createAPIKey(login.session, prefix: "acme", name: "laptop")
        _ = try await store.requestReset("alice")
        // Everything secret that is stored anywhere, as hexadecimal.
        let secrets = try await test.owner.query(
            """
            SELECT encode(verifier, 'hex') FROM dbauth.accounts UNION ALL SELECT encode(token_hash, 'hex') FROM dbauth.sessions
            UNION ALL SELECT encode(token_hash, 'hex') FROM dbauth.devices
            UNION ALL SELECT encode(token_hash, 'hex') FROM dbauth.resets
            UNION ALL SELECT encode(key_hash, 'hex') FROM dbauth.api_keys
            UNION ALL SELECT encode(inner_pad, 'hex') FROM dbauth.settings
            UNION ALL SELECT encode(outer_pad, 'hex') FROM dbauth.settings
            """
        ).map { try $0[0] as String }
        #expect(secrets.count == 7)
        let app = try await Connection.open(test.database.parameters.with(user: test.role))
        let (session, other) = (login.session.sha256, [UInt8](repeating: 7, count: 32))
        let uuid = login.accountID
        let calls: [SQL] = [
            "SELECT * FROM dbauth.client_settings()", "SELECT * FROM dbauth.begin_login('alice')",
            "SELECT * FROM dbauth.begin_login(NULL)", "SELECT * FROM dbauth.finish_login(\(uuid)::uuid, 'x', \(other))",
            "SELECT dbauth.upgrade_password(\(session), 'x', 'y', NULL, \(other))",
            "SELECT * FROM dbauth.begin_totp(\(uuid)::uuid)",
            "SELECT * FROM dbauth.finish_totp(\(uuid)::uuid, 1, \(other))",
            "SELECT * FROM dbauth.check_session(\(session))", "SELECT dbauth.end_session(\(other))",
            "SELECT * FROM dbauth.list_sessions(\(session))", "SELECT dbauth.revoke_session(\(session), \(uuid)::uuid)",
            "SELECT * FROM dbauth.begin_password_change(\(session))",
            "SELECT dbauth.change_password(\(session), 'x', 'y', NULL, \(other))",
            "SELECT dbauth.request_reset('alice', \(other))",
            "SELECT dbauth.create_api_key(\(session), 'acme', 'abcdefghij', \(other), 'n')",
            "SELECT * FROM dbauth.check_api_key(\(key.shortID), \(other))",
            "SELECT dbauth.rotate_api_key(\(key.shortID), \(other), 'abcdefghik', \(other))",
            "SELECT dbauth.revoke_api_key(\(other), \(uuid)::uuid)", "SELECT * FROM dbauth.list_api_keys(\(session))",
            "SELECT dbauth.enroll_totp(\(other), \(other))", "SELECT * FROM dbauth.totp_seeds(\(other))",
            "SELECT dbauth.confirm_totp(\(session), NULL)", "SELECT dbauth.remove_totp(\(session), 1)",
            "SELECT dbauth.create_account('alice', NULL, NULL, NULL)",
            "SELECT dbauth.finish_reset(\(other), 'x', NULL, \(other))",
            "SELECT dbauth.check_session('short'::bytea)", "SELECT dbauth.check_session(NULL)",
        ]
        for call in calls {
            var answer = ""
            do {
                let rows = try await app.query(call)
                for row in rows { for column in 0..<row.columns.count { answer += (try row[column] as String?) ?? "" } }
            } catch let error as PostgresError {
                answer = error.sentence + (error.hint ?? "")
            }
            for secret in secrets { #expect(!answer.contains(secret)) }
            #expect(!answer.contains("the right one"))
        }
    }

    @Test func `a schema of the caller's own does not get between a function and what it means`() async throws {
        let test = try await TestStore.make()
        let store = try await test.open()
        try await store.createAccount("alice", Password("the right one"))
        try await test.owner.execute(
            "GRANT CREATE, TEMPORARY ON DATABASE \(identifier: test.database.name) TO \(identifier: test.role)")
        let app = try await Connection.open(test.database.parameters.with(user: test.role))
        try await app.script(
            """
            CREATE SCHEMA trap; SET search_path = trap, pg_catalog;
            CREATE FUNCTION trap.sha256(bytea) RETURNS bytea LANGUAGE sql AS $$ SELECT '\\x00'::bytea $$;
            CREATE TEMP TABLE accounts (id uuid);
            CREATE FUNCTION trap.clock_timestamp() RETURNS timestamptz LANGUAGE sql AS $$ SELECT 'infinity'::timestamptz $$;
            """)
        let rows = try await app.query("SELECT settings FROM dbauth.begin_login('alice')")
        let settings: String = try rows.one()[0]
        #expect(settings.hasPrefix("$2b$04$"))
        // Every function that runs with its owner's rights says itself where names lead.
        let loose = try await test.count(
            """
            SELECT count(*) FROM pg_proc p WHERE p.pronamespace = 'dbauth'::regnamespace AND p.prosecdef
                AND NOT coalesce('search_path=pg_catalog, pg_temp' = ANY (p.proconfig), false)
            """)
        #expect(loose == 0)
    }

    @Test func `an unknown name is answered as a known one is, always the same`() async throws {
        let test = try await TestStore.make { $0.scheme = .standard }
        try await test.open().createAccount("alice", Password("the right one"))
        let app = try await Connection.open(test.database.parameters.with(user: test.role))
        func settings(_ name: String) async throws -> String {
            try await app.query("SELECT settings FROM dbauth.begin_login(\(name))").one()[0]
        }
        let (known, unknown) = (try await settings("alice"), try await settings("bob"))
        #expect(known.utf8.count == unknown.utf8.count && known.prefix(31) == unknown.prefix(31) && known != unknown)
        #expect(try await settings("bob") == unknown)
        #expect(try await settings("carol") != unknown)
        #expect(try PasswordSettings(unknown, pepper: nil).text == unknown)
        try await test.owner.execute("UPDATE dbauth.settings SET scheme = '$2b$12$'")
        for number in 0..<50 {
            let mock = try await settings("name\(number)")
            #expect(try PasswordSettings(mock, pepper: nil).text == mock)
            let nothing: [UInt8] = []
            let hash = try Crypt.hash(nothing.span, settings: mock.replacingCost("04"))
            #expect(hash.utf8.count == 60)
        }
    }

    @Test func `installing again changes nothing, and a newer store is left alone`() async throws {
        let test = try await TestStore.make()
        let schema = StoreSchema(test.owner)
        let key = try await test.value("SELECT encode(inner_pad, 'hex') FROM dbauth.settings")
        let outcome = try await schema.install(nil)
        #expect(outcome.before == 1 && outcome.after == 1)
        #expect(try await test.value("SELECT encode(inner_pad, 'hex') FROM dbauth.settings") == key)
        #expect(try await test.value("SELECT scheme FROM dbauth.settings") == "$2b$04$")
        // A right that somebody gave by hand goes.
        try await test.owner.execute("GRANT EXECUTE ON FUNCTION dbauth.legacy_hash TO dbauth_app")
        _ = try await schema.install(nil)
        let mayCall = try await test.value(
            "SELECT has_function_privilege('dbauth_app', 'dbauth.legacy_hash(uuid)', 'EXECUTE')::text")
        #expect(mayCall == "false")
        try await test.owner.execute("UPDATE dbauth.settings SET version = 99")
        await #expect(throws: CredentialsError.self) { try await schema.install(nil) }
        await #expect(throws: CredentialsError.self) { try await test.open() }
    }
}

extension String {
    /// The same bcrypt settings, quicker.
    fileprivate func replacingCost(_ cost: String) -> String { prefix(4) + cost + dropFirst(6) }
}
