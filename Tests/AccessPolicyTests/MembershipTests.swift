import Platform
import TestSupport
import Testing

@testable import AccessPolicy

/// Memberships with several grantors, as PostgreSQL 16 and later record them; on 15 there is one grant for each edge.
@Suite(.cluster, .database, .timeLimit(.minutes(3))) struct MembershipTests {
    /// Every grant of a membership, `role member grantor options`.
    private static let rows = """
        SELECT string_agg(concat_ws(' ', g.rolname, u.rolname, w.rolname, left(m.admin_option::text, 1),
                                    left(to_jsonb(m) ->> 'inherit_option', 1), left(to_jsonb(m) ->> 'set_option', 1)),
                          ', ' ORDER BY g.rolname, u.rolname, w.rolname)
        FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid JOIN pg_roles u ON u.oid = m.member
        JOIN pg_roles w ON w.oid = m.grantor WHERE u.rolname LIKE '%@'
        """

    private func isNew(_ scene: Scene) async throws -> Bool {
        let version: String? = try await scene.value("SHOW server_version_num")
        return version.flatMap { Int($0) } ?? 0 >= 160_000
    }

    private static func policy(_ roles: String) -> String {
        """
        { "version": 1, "mode": "authoritative", "manages": { "roles": ["*@"] }, "roles": { \(roles) } }
        """
    }

    @Test func `memberships passed on are revoked from the end of the chain, whoever granted them`() async throws {
        let scene = try Scene()
        try await scene.run(
            """
            CREATE ROLE team@; CREATE ROLE a@; CREATE ROLE b@; CREATE ROLE c@;
            GRANT team@ TO a@, b@ WITH ADMIN OPTION;
            SET ROLE a@; GRANT team@ TO c@ WITH ADMIN OPTION; RESET ROLE;
            SET ROLE b@; GRANT team@ TO c@;
            """)
        let policy = Self.policy("")
        #expect(try await scene.apply(policy).verdict == .applied)
        #expect(try await scene.value(Self.rows) == nil)
        #expect(try await scene.plan(policy).isEmpty)
    }

    @Test func `a declared membership that rests on one that goes is granted anew with its options`() async throws {
        let scene = try Scene()
        try await scene.run(
            """
            CREATE ROLE team@; CREATE ROLE a@; CREATE ROLE b@; CREATE ROLE stranger@x;
            GRANT team@ TO a@ WITH ADMIN OPTION;
            SET ROLE a@; GRANT team@ TO b@ WITH ADMIN OPTION; RESET ROLE;
            SET ROLE b@; GRANT team@ TO stranger@x;
            """)
        if try await isNew(scene) {
            try await scene.run("SET ROLE a@; GRANT team@ TO b@ WITH INHERIT FALSE")
        }
        let policy = Self.policy("\"b@\": { \"memberOf\": [{ \"role\": \"team@\", \"admin\": true }] }")
        #expect(try await scene.apply(policy).verdict == .applied)
        #expect(try await scene.plan(policy).changes.map(\.sql) == [])
        let rows = try await scene.value(Self.rows)
        #expect(rows == scene.own(try await isNew(scene) ? "team@ b@ postgres t f t" : "team@ b@ a@ t"))
        #expect(try await scene.value("SELECT pg_has_role('stranger@x', 'team@', 'MEMBER')") == "t")
    }

    @Test func `an option that is declared false is taken from every grantor's grant`() async throws {
        let scene = try Scene()
        guard try await isNew(scene) else { return try await expectOptionsAreUnknown(scene) }
        try await scene.run(
            """
            CREATE ROLE team@; CREATE ROLE a@; CREATE ROLE b@;
            GRANT team@ TO a@ WITH ADMIN OPTION;
            GRANT team@ TO b@;
            SET ROLE a@; GRANT team@ TO b@;
            """)
        let policy = Self.policy(
            """
            "a@": { "memberOf": [{ "role": "team@", "admin": true }] },
            "b@": { "memberOf": [{ "role": "team@", "inherit": false }] }
            """)
        #expect(try await scene.apply(policy).verdict == .applied)
        #expect(try await scene.plan(policy).changes.map(\.sql) == [])
        let rows = try await scene.value(Self.rows)
        #expect(rows == scene.own("team@ a@ postgres t t t, team@ b@ a@ f f t, team@ b@ postgres f f t"))
    }

    private func expectOptionsAreUnknown(_ scene: Scene) async throws {
        try await scene.run("CREATE ROLE team@")
        let failure = await scene.failure {
            try await scene.plan(
                Self.policy("\"b@\": { \"memberOf\": [{ \"role\": \"team@\", \"inherit\": false }] }")
            ).isEmpty
        }
        #expect(failure.sentence.contains("memberships have inherit and set from PostgreSQL 16 on"))
    }

    @Test func `what lets a role manage the roles it made is no difference while it may make roles`() async throws {
        let scene = try Scene()
        try await scene.run("CREATE ROLE maker@ CREATEROLE; SET ROLE maker@; CREATE ROLE made@")
        let keeps = Self.policy("\"maker@\": { \"createrole\": true }, \"made@\": {}")
        #expect(try await scene.plan(keeps).changes.map(\.sql) == [])
        // It grants nothing that could be used, so that a declared membership is granted beside or over it.
        let member = Self.policy(
            "\"maker@\": { \"createrole\": true, \"memberOf\": [\"made@\"] }, \"made@\": {}")
        try await scene.apply(member)
        #expect(try await scene.plan(member).changes.map(\.sql) == [])
        #expect(try await scene.value("SELECT pg_has_role('maker@', 'made@', 'USAGE')") == "t")
        let loses = Self.policy("\"maker@\": {}, \"made@\": {}")
        try await scene.apply(loses)
        #expect(try await scene.plan(loses).isEmpty)
        #expect(try await scene.value(Self.rows) == nil)
    }
}
