import Platform
import PostgresClient
import TestSupport
import Testing

@testable import AccessPolicy

/// What the connected role lacks is said before anything is done, by values alone.
@Suite struct AuthorityTests {
    private func makeSnapshot(_ version: Int, _ boss: (inout RoleState) -> Void = { _ in }) -> Snapshot {
        var snapshot = Snapshot(
            server: ServerState(version: version, database: "shop", user: "boss", isSuperuser: false))
        var state = RoleState()
        boss(&state)
        snapshot.roles = ["boss": state, "reader": RoleState(), "owner": RoleState(), "team": RoleState()]
        snapshot.objects = [
            .database("shop"): ObjectState(owner: "owner"), .schema("public"): ObjectState(owner: "pg_database_owner"),
            .table(ObjectName("public", "users")): ObjectState(owner: "owner"),
        ]
        return snapshot
    }

    private func change(_ needs: Requirement...) throws -> Change {
        try Change(.grant, .widens, [], reason: "", requires: Set(needs))
    }

    private let users = ObjectID.table(ObjectName("public", "users"))

    private func join(_ snapshot: inout Snapshot, _ role: String, admin: Bool = false, inherit: Bool, set: Bool = false)
    {
        let isNew = snapshot.server.version >= 160_000
        snapshot.memberships.append(
            MembershipState(
                role: role, member: "boss", grantor: "postgres", admin: admin, inherit: isNew ? inherit : nil,
                set: isNew ? set : nil))
    }

    @Test(arguments: [150_000, 160_000]) func `a role without rights lacks everything, in one list`(_ version: Int)
        throws
    {
        let change = try change(
            .create(role: "new"), .alter(role: "reader"), .admit(to: "reader"), .attribute(.bypassRls), .own(users),
            .grant(.select, on: .database("shop")), .become("owner"), .inherit("owner"), .join("team"))
        let bypass = version < 160_000 ? "superuser, to give BYPASSRLS" : "the attribute BYPASSRLS itself"
        #expect(
            Authority(makeSnapshot(version)).missing(for: [change])
                == [
                    "ADMIN OPTION on role reader", "ADMIN OPTION, to act as role team",
                    "CREATEROLE, to change role reader",
                    "CREATEROLE, to make role new", "SET ROLE to role owner", "membership in role owner",
                    "ownership of table public.users", bypass, "the right to grant SELECT on database shop",
                ].sorted())
    }

    @Test func `a superuser lacks nothing`() throws {
        var snapshot = makeSnapshot(160_000)
        snapshot.server.isSuperuser = true
        #expect(Authority(snapshot).missing(for: [try change(.create(role: "new"), .own(users))]) == [])
    }

    @Test func `before PostgreSQL 16 CREATEROLE is enough for any role, afterwards ADMIN OPTION is needed too`() throws
    {
        let changes = [try change(.alter(role: "reader"), .admit(to: "reader"), .join("reader"))]
        #expect(Authority(makeSnapshot(150_000) { $0.createrole = true }).missing(for: changes) == [])
        var snapshot = makeSnapshot(160_000) { $0.createrole = true }
        #expect(
            Authority(snapshot).missing(for: changes) == [
                "ADMIN OPTION on role reader", "ADMIN OPTION, to act as role reader",
            ])
        join(&snapshot, "reader", admin: true, inherit: false)
        #expect(Authority(snapshot).missing(for: changes) == [])
    }

    @Test func `a role that the plan makes can be changed and given by its maker`() throws {
        let snapshot = makeSnapshot(180_000) { $0.createrole = true }
        let changes = [
            try change(.create(role: "new")), try change(.admit(to: "new"), .alter(role: "new"), .join("new")),
        ]
        #expect(Authority(snapshot).missing(for: changes) == [])
    }

    @Test func `the attributes that are given must be had from PostgreSQL 16 on`() throws {
        let changes = [try change(.attribute(.createdb), .attribute(.replication), .attribute(.bypassRls))]
        #expect(
            Authority(makeSnapshot(160_000) { $0.createdb = true }).missing(for: changes) == [
                "the attribute BYPASSRLS itself", "the attribute REPLICATION itself",
            ])
        #expect(
            Authority(makeSnapshot(150_000)).missing(for: changes) == [
                "superuser, to give BYPASSRLS", "superuser, to give REPLICATION",
            ])
    }

    @Test func `the owner's rights are had through memberships that inherit, and through nothing else`() throws {
        let changes = [try change(.own(users), .grant(.select, on: users))]
        var inheriting = makeSnapshot(160_000)
        join(&inheriting, "owner", inherit: true)
        #expect(Authority(inheriting).missing(for: changes) == [])
        var setting = makeSnapshot(160_000)
        join(&setting, "owner", inherit: false, set: true)
        #expect(Authority(setting).missing(for: changes).count == 2)
        #expect(Authority(setting).missing(for: [try change(.become("owner"))]) == [])
        var old = makeSnapshot(150_000) { $0.inherit = false }
        join(&old, "owner", inherit: true)
        #expect(Authority(old).missing(for: changes).count == 2)
    }

    @Test func `the owner of the database is the owner of schema public`() throws {
        var snapshot = makeSnapshot(150_000)
        let changes = [try change(.grant(.usage, on: .schema("public")))]
        #expect(Authority(snapshot).missing(for: changes).count == 1)
        snapshot.objects[.database("shop")]?.owner = "boss"
        #expect(Authority(snapshot).missing(for: changes) == [])
    }

    @Test func `a grant option is enough to grant, that of the table for its columns too`() throws {
        var snapshot = makeSnapshot(150_000)
        let email = ObjectID.column(ObjectName("public", "users"), "email")
        snapshot.privileges[Holding(users, .role("boss"))] = [
            HeldPrivileges(grantor: "owner", [.select, .insert], grantable: .select)
        ]
        #expect(
            Authority(snapshot).missing(for: [try change(.grant(.select, on: users), .grant(.select, on: email))]) == []
        )
        #expect(
            Authority(snapshot).missing(for: [try change(.grant([.select, .insert], on: users))]) == [
                "the right to grant SELECT, INSERT on table public.users"
            ])
    }
}

/// The same on a real server, as a role without superuser.
@Suite(.cluster, .database, .timeLimit(.minutes(3))) struct LackingAuthorityTests {
    static let policy = """
        { "version": 1, "roles": { "new@": { "login": true }, "elder@": { "bypassRls": true } },
          "grants": [
            { "to": ["new@"], "on": { "database": true }, "privileges": ["CONNECT"] },
            { "to": ["new@"], "on": { "tables": ["app.users", "app.orders"] }, "privileges": ["SELECT"], },
            { "to": ["new@"], "on": { "tables": ["app.*"] }, "privileges": ["INSERT"], "future": { "createdBy": ["elder@"] } } ],
          "rowSecurity": { "app.orders": {} },
          "tests": [{ "as": "elder@", "run": "SELECT 1", "expect": { "rows": [[1]] } }] }
        """

    @Test func `an apply that lacks rights ends with 77 and one list of them all, and nothing is done`() async throws {
        let scene = try Scene()
        try await scene.run(ApplyTests.tables + "CREATE ROLE boss@ LOGIN; CREATE ROLE elder@;")
        try await SceneLog.around(scene) { log async throws in
            let before = try await log.state()
            let failure = await scene.failure { try await log.apply(Self.policy, as: "boss@").verdict }
            #expect(failure.status == .permission)
            for right in [
                "CREATEROLE, to make role new@", "CREATEROLE, to change role elder@",
                "ADMIN OPTION, to act as role elder@",
                "ownership of table app.orders", "the right to grant SELECT on table app.orders, app.users",
                "the right to grant CONNECT on database \(scene.database.name)", "membership in role elder@",
                "BYPASSRLS",
            ] {
                #expect(failure.sentence.contains(scene.own(right)), "\(right) in \(failure.sentence)")
            }
            #expect(failure.sentence.hasPrefix(scene.own("nothing was done: role \"boss@\" lacks what this needs: ")))
            #expect(try await log.state() == before)
            let notes = try await log.draft(Self.policy, as: "boss@").notes
            #expect(notes.contains(scene.own("role boss@ lacks ownership of table app.orders")))
        }
    }

    @Test func `nothing is missing where PostgreSQL lets the role do it`() async throws {
        let scene = try Scene()
        let name = scene.database.name
        try await scene.run(
            """
            CREATE ROLE boss@ LOGIN CREATEROLE; CREATE ROLE owner@; CREATE ROLE elder@;
            GRANT elder@ TO boss@ WITH ADMIN OPTION; GRANT owner@ TO boss@;
            ALTER DATABASE \(name) OWNER TO boss@;
            """ + ApplyTests.tables + "ALTER SCHEMA app OWNER TO owner@;"
                + "ALTER TABLE app.users OWNER TO owner@; ALTER TABLE app.orders OWNER TO owner@;")
        let policy = Self.policy.replacing("\"bypassRls\": true", with: "\"connectionLimit\": 3")
            .replacing("app.*\"", with: "app.orders\"").replacing(
                ", \"future\": { \"createdBy\": [\"elder@\"] }", with: "")
        try await SceneLog.around(scene) { log async throws in
            // Table owners' code runs during tests: this one's owner is said to be trusted.
            let trusting = policy.replacing(
                "\"tests\":", with: "\"trustedOwners\": [\"owner@\", \"postgres\"], \"tests\":")
            let outcome = try await log.apply(trusting, as: "boss@")
            #expect(outcome.verdict == .applied)
            #expect(try await log.draft(trusting, as: "boss@").plan.isEmpty)
        }
    }
}
