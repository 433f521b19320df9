import Platform
import Testing

@testable import AccessPolicy

/// The decision by itself: values in, changes out, no server.
@Suite struct PlannerTests {
    private let users = ObjectName("public", "users")
    private let orders = ObjectName("public", "orders")

    private func makeSnapshot() -> Snapshot {
        var snapshot = Snapshot(
            server: ServerState(version: 150_018, database: "shop", user: "postgres", isSuperuser: true))
        var superuser = RoleState()
        superuser.isSuperuser = true
        snapshot.roles = ["postgres": superuser, "reader": RoleState(), "writer": RoleState(), "monitor": RoleState()]
        snapshot.objects = [
            .database("shop"): ObjectState(owner: "postgres"), .schema("public"): ObjectState(owner: "postgres"),
            .table(users): ObjectState(owner: "owner"), .table(orders): ObjectState(owner: "owner"),
        ]
        snapshot.security = [
            users: SecurityState(isEnabled: false, isForced: false),
            orders: SecurityState(isEnabled: true, isForced: true),
        ]
        return snapshot
    }

    private func hold(_ snapshot: inout Snapshot, _ object: ObjectID, _ role: String, _ privileges: PrivilegeSet) {
        snapshot.privileges[Holding(object, .role(role))] = [HeldPrivileges(grantor: "owner", privileges)]
    }

    private let managed = Manages(schemas: ["public"], roles: ["reader", "writer"])
    private let readers = RoleDeclaration(name: "reader")

    private func readAll(_ roles: String...) -> GrantDeclaration {
        GrantDeclaration(
            to: roles.map { .role($0) }, on: .tables([.all(schema: "public")]), .these(.select))
    }

    @Test func `equal missing privileges of several roles become one statement`() throws {
        let plan = try Planner.plan(Policy(grants: [readAll("writer", "reader")]), on: makeSnapshot())
        #expect(
            plan.changes.map(\.sql) == [
                ["GRANT SELECT ON TABLE \"public\".\"orders\", \"public\".\"users\" TO \"reader\", \"writer\""]
            ])
        #expect(plan.changes[0].effect == .widens)
    }

    @Test func `more than 500 objects are granted in several statements`() throws {
        var snapshot = makeSnapshot()
        for number in 1...1001 {
            snapshot.objects[.sequence(ObjectName("public", "s\(number)"))] = ObjectState(owner: "owner")
        }
        let grant = GrantDeclaration(
            to: [.role("reader")], on: .sequences([.all(schema: "public")]), .these(.usage))
        let plan = try Planner.plan(Policy(grants: [grant]), on: snapshot)
        #expect(plan.changes.count == 3)
    }

    @Test func `what is held already is not granted again`() throws {
        var snapshot = makeSnapshot()
        hold(&snapshot, .table(users), "reader", [.select, .insert])
        hold(&snapshot, .table(orders), "reader", .select)
        let plan = try Planner.plan(Policy(roles: [readers], grants: [readAll("reader")]), on: snapshot)
        #expect(plan.isEmpty)
        #expect(plan.undeclared == ["INSERT on table public.users to reader"])
    }

    @Test func `additive mode reports what is not declared and leaves it`() throws {
        var snapshot = makeSnapshot()
        hold(&snapshot, .table(users), "reader", .delete)
        let plan = try Planner.plan(Policy(manages: managed), on: snapshot)
        #expect(plan.isEmpty)
        #expect(plan.undeclared.contains("DELETE on table public.users to reader"))
    }

    @Test func `authoritative mode revokes what is not declared`() throws {
        var snapshot = makeSnapshot()
        hold(&snapshot, .table(users), "reader", [.select, .delete])
        let plan = try Planner.plan(
            Policy(
                mode: .authoritative, manages: managed,
                grants: [GrantDeclaration(to: [.role("reader")], on: .tables([.one(users)]), .these(.select))]),
            on: snapshot)
        #expect(plan.changes.map(\.sql) == [["REVOKE DELETE ON TABLE \"public\".\"users\" FROM \"reader\""]])
        #expect(plan.changes[0].effect == .narrows)
        #expect(plan.revokes == 1)
    }

    @Test func `a grant to a role outside of manages is never revoked`() throws {
        var snapshot = makeSnapshot()
        hold(&snapshot, .table(users), "monitor", .select)
        let plan = try Planner.plan(Policy(mode: .authoritative, manages: managed), on: snapshot)
        #expect(plan.isEmpty)
    }

    @Test func `PUBLIC is revoked only where PUBLIC is managed by name`() throws {
        var snapshot = makeSnapshot()
        snapshot.privileges[Holding(.database("shop"), .everyone)] = [
            HeldPrivileges(grantor: "postgres", [.connect, .temporary])
        ]
        let everyRole = Manages(schemas: ["*"], roles: ["*"])
        #expect(try Planner.plan(Policy(mode: .authoritative, manages: everyRole), on: snapshot).isEmpty)
        let named = Manages(schemas: ["*"], roles: ["PUBLIC"])
        #expect(
            try Planner.plan(Policy(mode: .authoritative, manages: named), on: snapshot).changes.map(\.sql)
                == [["REVOKE CONNECT, TEMPORARY ON DATABASE \"shop\" FROM PUBLIC"]])
    }

    @Test func `members of extensions and owners' own rights are never revoked`() throws {
        var snapshot = makeSnapshot()
        snapshot.objects[.table(users)] = ObjectState(owner: "owner", isExtensionMember: true)
        snapshot.objects[.table(orders)] = ObjectState(owner: "reader")
        hold(&snapshot, .table(users), "reader", .select)
        hold(&snapshot, .table(orders), "reader", .select)
        #expect(try Planner.plan(Policy(mode: .authoritative, manages: managed), on: snapshot).isEmpty)
    }

    @Test func `a delegated grant is revoked as its grantor, and before the others`() throws {
        var snapshot = makeSnapshot()
        snapshot.privileges[Holding(.table(users), .role("reader"))] = [
            HeldPrivileges(grantor: "owner", .select, grantable: .select)
        ]
        snapshot.privileges[Holding(.table(users), .role("writer"))] = [HeldPrivileges(grantor: "reader", .select)]
        snapshot.privileges[Holding(.schema("public"), .everyone)] = [HeldPrivileges(grantor: "postgres", .usage)]
        let plan = try Planner.plan(Policy(mode: .authoritative, manages: managed), on: snapshot)
        #expect(
            plan.changes.map(\.sql) == [
                [
                    "SET LOCAL ROLE \"reader\"", "REVOKE SELECT ON TABLE \"public\".\"users\" FROM \"writer\"",
                    "RESET ROLE",
                ], ["REVOKE SELECT ON TABLE \"public\".\"users\" FROM \"reader\""],
            ])
    }

    @Test func `a column grant is made again when its table's grant is revoked`() throws {
        var snapshot = makeSnapshot()
        snapshot.columns[users] = ["id", "email"]
        hold(&snapshot, .table(users), "reader", .select)
        hold(&snapshot, .column(users, "email"), "reader", .select)
        let grant = GrantDeclaration(
            to: [.role("reader")], on: .columns([.init(table: users, columns: ["email"])]), .these(.select))
        let plan = try Planner.plan(
            Policy(mode: .authoritative, manages: managed, grants: [grant]), on: snapshot)
        #expect(
            plan.changes.map(\.sql) == [
                ["REVOKE SELECT ON TABLE \"public\".\"users\" FROM \"reader\""],
                ["GRANT SELECT (\"email\") ON TABLE \"public\".\"users\" TO \"reader\""],
            ])
    }

    @Test func `a restrictive policy that is not declared stays, a permissive one goes`() throws {
        var snapshot = makeSnapshot()
        snapshot.policies = [
            PolicyState(table: orders, name: "floor", grantees: [.everyone], isRestrictive: true, using: "x"),
            PolicyState(table: orders, name: "leak", grantees: [.everyone], using: "true"),
        ]
        let plan = try Planner.plan(
            Policy(mode: .authoritative, manages: managed, rowSecurity: [TableSecurity(table: orders)]), on: snapshot)
        #expect(plan.changes.map(\.sql) == [["DROP POLICY \"leak\" ON \"public\".\"orders\""]])
        #expect(plan.undeclared.contains("restrictive policy floor on table public.orders"))
    }

    @Test func `row security, FORCE and policies of a table that is not named stay`() throws {
        var snapshot = makeSnapshot()
        snapshot.policies = [PolicyState(table: orders, name: "own", grantees: [.role("monitor")], using: "x")]
        #expect(try Planner.plan(Policy(mode: .authoritative, manages: managed), on: snapshot).isEmpty)
    }

    @Test func `limits and expiry that are not written stay, rights that are not written go`() throws {
        var snapshot = makeSnapshot()
        var state = RoleState()
        state.login = true
        state.connectionLimit = 5
        state.validUntil = .at(Timestamp(seconds: 0))
        snapshot.roles["reader"] = state
        #expect(try Planner.plan(Policy(roles: [readers]), on: snapshot).isEmpty)
        let plan = try Planner.plan(
            Policy(mode: .authoritative, manages: managed, roles: [readers]), on: snapshot)
        #expect(plan.changes.map(\.sql) == [["ALTER ROLE \"reader\" WITH NOLOGIN"]])
    }

    @Test(arguments: ["postgres", "boss"]) func `superusers and the connected role are never changed`(
        _ name: String
    ) throws {
        var snapshot = makeSnapshot()
        snapshot.server.user = "boss"
        snapshot.roles["boss"] = RoleState()
        var declared = RoleDeclaration(name: name)
        declared.attributes.login = true
        let policy = Policy(roles: [declared])
        #expect(throws: PolicyProblem.self) { try Planner.plan(policy, on: snapshot) }
    }

    static let unknownNames: [(Policy, PolicyProblem)] = [
        (
            Policy(grants: [GrantDeclaration(to: [.role("raeder")], on: .database, .all)]),
            PolicyProblem("grants[0].to[0]", "unknown role \"raeder\" (did you mean reader?)")
        ),
        (
            Policy(grants: [
                GrantDeclaration(
                    to: [.role("reader")], on: .tables([.one(ObjectName("public", "user"))]), .all)
            ]),
            PolicyProblem("grants[0].on.tables[0]", "unknown table \"public.user\" (did you mean public.users?)")
        ),
        (
            Policy(grants: [GrantDeclaration(to: [.role("reader")], on: .tables([.all(schema: "pubic")]), .all)]),
            PolicyProblem("grants[0].on.tables[0]", "unknown schema \"pubic\" (did you mean public?)")
        ),
        (
            Policy(grants: [
                GrantDeclaration(
                    to: [.role("reader")], on: .tables([.all(schema: "public")]), .these(.maintain))
            ]),
            PolicyProblem("grants[0].privileges", "MAINTAIN is known from PostgreSQL 17 on; this server is 15")
        ),
    ]

    @Test(arguments: unknownNames) func `a name that is not there is answered with the nearest`(
        _ policy: Policy, _ problem: PolicyProblem
    ) {
        #expect(throws: problem) { try Planner.plan(policy, on: makeSnapshot()) }
    }

    @Test func `a membership of PostgreSQL 16 that lets do nothing is not a membership`() throws {
        var snapshot = makeSnapshot()
        snapshot.server.version = 160_000
        var role = RoleDeclaration(name: "reader")
        role.memberOf = [MembershipDeclaration(role: "writer")]
        snapshot.memberships = [
            MembershipState(role: "writer", member: "reader", grantor: "boss", admin: true, inherit: false, set: false)
        ]
        let plan = try Planner.plan(Policy(roles: [role]), on: snapshot)
        #expect(plan.changes.map(\.sql) == [["GRANT \"writer\" TO \"reader\" WITH INHERIT TRUE, SET TRUE"]])
        snapshot.memberships.append(
            MembershipState(role: "writer", member: "reader", grantor: "other", inherit: false, set: true))
        #expect(try Planner.plan(Policy(roles: [role]), on: snapshot).isEmpty)
    }
}
