import FoundationEssentials
import Platform
import Testing

@testable import AccessPolicy

/// Paths, filters and reports, decided from values alone.
@Suite struct UnderstandTests {
    private static let orders = ObjectID.table(ObjectName("app", "orders"))

    /// A shop: `ann` is a member of `clerk` (inherits) and of `chief` (only by SET ROLE).
    private func shop(_ change: (inout Snapshot) -> Void = { _ in }) -> Snapshot {
        var snapshot = Snapshot(
            server: ServerState(version: 160_004, database: "shop", user: "postgres", isSuperuser: true))
        for role in ["owner", "clerk", "chief", "pg_read_all_data"] { snapshot.roles[role] = RoleState() }
        for role in ["ann", "bob", "postgres"] {
            snapshot.roles[role] = RoleState()
            snapshot.roles[role]?.login = true
        }
        snapshot.roles["postgres"]?.isSuperuser = true
        snapshot.memberships = [
            MembershipState(role: "clerk", member: "ann", grantor: "postgres", inherit: true, set: true),
            MembershipState(role: "chief", member: "ann", grantor: "postgres", inherit: false, set: true),
        ]
        snapshot.objects[.database("shop")] = ObjectState(owner: "postgres", hasDefaultPrivileges: true)
        snapshot.privileges[Holding(.database("shop"), .everyone)] = [
            HeldPrivileges(grantor: "postgres", [.connect, .temporary])
        ]
        snapshot.objects[.schema("app")] = ObjectState(owner: "owner")
        for role in ["clerk", "chief"] {
            snapshot.privileges[Holding(.schema("app"), .role(role))] = [HeldPrivileges(grantor: "owner", .usage)]
        }
        snapshot.objects[Self.orders] = ObjectState(owner: "owner")
        snapshot.privileges[Holding(Self.orders, .role("clerk"))] = [HeldPrivileges(grantor: "owner", .select)]
        snapshot.privileges[Holding(Self.orders, .role("chief"))] = [
            HeldPrivileges(grantor: "owner", [.select, .delete], grantable: .delete)
        ]
        change(&snapshot)
        return snapshot
    }

    private func secure(_ snapshot: inout Snapshot, _ policies: PolicyState...) {
        snapshot.security[ObjectName("app", "orders")] = SecurityState(isEnabled: true, isForced: false)
        snapshot.policies = policies
    }

    private func policy(
        _ name: String, to grantees: [Grantee], for command: PolicyCommand = .all, isRestrictive: Bool = false,
        using: String? = nil, check: String? = nil
    ) -> PolicyState {
        PolicyState(
            table: ObjectName("app", "orders"), name: name, grantees: grantees, command: command,
            isRestrictive: isRestrictive, using: using, check: check)
    }

    private func lines(_ role: String, _ word: PrivilegeSet, _ snapshot: Snapshot) -> [String] {
        EffectiveAccess(snapshot).ways(of: role, to: word, on: Self.orders).map { $0.text(word) }
    }

    @Test func `a path reads from the role to the grant`() {
        #expect(
            lines("ann", .select, shop()) == [
                "ann -> member of clerk (inherits) -> granted SELECT by owner",
                "ann -> may SET ROLE chief -> granted SELECT by owner",
            ])
        #expect(
            lines("ann", .delete, shop()) == [
                "ann -> may SET ROLE chief -> granted DELETE by owner, and may grant it on"
            ])
        #expect(lines("postgres", .truncate, shop()) == ["postgres -> superuser"])
        #expect(lines("bob", .select, shop()) == [])
    }

    @Test func `a grant behind a closed schema is told, and is no access`() {
        let snapshot = shop { $0.privileges[Holding(.schema("app"), .role("clerk"))] = nil }
        #expect(
            lines("ann", .select, snapshot).first
                == "ann -> member of clerk (inherits) -> granted SELECT by owner; but ann has no USAGE on schema app")
        let access = EffectiveAccess(snapshot)
        // Only by SET ROLE chief does she get in.
        #expect(access.can("ann", .select, on: Self.orders))
        #expect(!access.can("clerk", .select, on: Self.orders))
    }

    @Test func `permissive policies are joined by OR, restrictive ones by AND`() {
        let snapshot = shop { snapshot in
            secure(
                &snapshot, policy("own", to: [.role("clerk")], using: "(owner_id = 1)"),
                policy("shared", to: [.everyone], using: "is_shared"),
                policy("open", to: [.everyone], isRestrictive: true, using: "NOT closed"),
                policy("not hers", to: [.role("chief")], using: "true"))
        }
        #expect(
            lines("ann", .select, snapshot)[0]
                == "ann -> member of clerk (inherits) -> granted SELECT by owner; rows where ((owner_id = 1) OR "
                + "(is_shared)) AND (NOT closed) (policies own, shared, open)")
    }

    @Test func `without a policy no row is left, and an owner without FORCE is not held`() {
        let snapshot = shop { snapshot in
            secure(&snapshot)
            snapshot.privileges[Holding(Self.orders, .role("owner"))] = [HeldPrivileges(grantor: "owner", .select)]
            snapshot.privileges[Holding(.schema("app"), .role("owner"))] = [HeldPrivileges(grantor: "owner", .usage)]
        }
        #expect(
            lines("clerk", .select, snapshot)[0].hasSuffix("; no rows (row security is on and no policy lets any in)"))
        #expect(lines("owner", .select, snapshot) == ["owner -> owns it; all rows (owner, and not FORCE)"])
    }

    @Test func `new rows are held to WITH CHECK, and to USING where there is none`() {
        let snapshot = shop { snapshot in
            secure(&snapshot, policy("p", to: [.everyone], for: .update, using: "one = 1", check: "two = 2"))
        }
        let access = EffectiveAccess(snapshot)
        let filter = access.rows(of: "clerk", for: .update, on: ObjectName("app", "orders"))
        #expect(filter?.text == "rows where (one = 1) (policy p); new rows where (two = 2) (policy p)")
        let none = access.rows(of: "clerk", for: .insert, on: ObjectName("app", "orders"))
        #expect(none?.text == "no new rows (row security is on and no policy lets any in)")
    }

    @Test func `before PostgreSQL 16 a member without INHERIT has to SET ROLE`() {
        let snapshot = shop { snapshot in
            snapshot.server.version = 150_018
            snapshot.roles["ann"]?.inherit = false
            snapshot.memberships = [MembershipState(role: "clerk", member: "ann", grantor: "postgres")]
        }
        #expect(lines("ann", .select, snapshot) == ["ann -> may SET ROLE clerk -> granted SELECT by owner"])
    }

    @Test func `nobody is somebody who cannot log in`() {
        let access = EffectiveAccess(shop { $0.memberships = [] })
        let holders = access.holders(of: .select, on: Self.orders)
        #expect(holders.holders.map(\.role) == ["chief", "clerk"])
        #expect(!holders.isAnybody)
        #expect(EffectiveAccess(shop()).holders(of: .select, on: Self.orders).isAnybody)
    }

    @Test func `what PUBLIC holds behind a closed schema is for those who have USAGE on it`() {
        func holders(_ usage: Grantee?) -> Holders {
            let snapshot = shop { snapshot in
                for role in ["clerk", "chief"] { snapshot.privileges[Holding(.schema("app"), .role(role))] = nil }
                if let usage {
                    snapshot.privileges[Holding(.schema("app"), usage)] = [HeldPrivileges(grantor: "owner", .usage)]
                }
                snapshot.privileges[Holding(Self.orders, .everyone)] = [HeldPrivileges(grantor: "owner", .insert)]
            }
            return EffectiveAccess(snapshot).holders(of: .insert, on: Self.orders)
        }
        #expect(holders(nil).publicReach == .nobody)
        #expect(!holders(nil).isAnybody)
        #expect(holders(.role("bob")).publicReach == .someRoles)
        #expect(holders(.role("bob")).holders.map(\.role) == ["bob"])
        #expect(holders(.everyone).publicReach == .everyRole)
        #expect(holders(.everyone).holders.isEmpty)
    }

    @Test func `a closed schema is told once, not for every role that could be SET`() {
        let snapshot = shop { snapshot in
            for role in ["clerk", "chief"] { snapshot.privileges[Holding(.schema("app"), .role(role))] = nil }
            snapshot.privileges[Holding(Self.orders, .everyone)] = [HeldPrivileges(grantor: "owner", .insert)]
        }
        #expect(
            lines("ann", .insert, snapshot) == [
                "ann -> granted INSERT to PUBLIC by owner; but ann has no USAGE on schema app"
            ])
    }

    @Test func `equal access is told once, however many objects there are`() throws {
        let snapshot = shop { snapshot in
            for number in 0..<1000 {
                let table = ObjectID.table(ObjectName("app", "t\(number)"))
                snapshot.objects[table] = ObjectState(owner: "owner")
                snapshot.privileges[Holding(table, .role("clerk"))] = [HeldPrivileges(grantor: "owner", .select)]
            }
        }
        let matrix = AccessMatrix(EffectiveAccess(snapshot))
        let tables = matrix.groups.filter { $0.kind == .table }
        #expect(tables.map { $0.objects.map(\.names.count) } == [[1], [1000]])
        #expect(tables[1].access.map(\.roles) == [["ann"], ["clerk"]])
    }

    @Test func `the same access has the same digest at any time, and other access another`() throws {
        let now = Timestamp(seconds: 1_800_000_000)
        let first = try AccessReport(EffectiveAccess(shop()), at: now)
        let later = try AccessReport(EffectiveAccess(shop()), at: now.advanced(bySeconds: 3600))
        let other = try AccessReport(EffectiveAccess(shop { $0.memberships.removeLast() }), at: now)
        #expect(first.sha256 == later.sha256)
        #expect(first.sha256 != other.sha256)
    }

    @Test func `a review tells what the policy gives until a day, and a report without a policy does not`() throws {
        let policy = try PolicyFile(
            bytes: Array(
                """
                { "version": 1, "roles": { "ann": { "memberOf": ["clerk", { "role": "chief", "until": "2031-03-01T12:00:00Z" }] } },
                  "grants": [ { "to": ["ann"], "on": { "tables": ["app.orders"] }, "privileges": ["SELECT"],
                                "until": "2030-06-30T00:00:00Z" } ] }
                """.utf8), named: "policy p.json"
        ).policy
        let now = Timestamp(seconds: 1_800_000_000)
        let review = try AccessReport(EffectiveAccess(shop()), policy: policy, isReview: true, at: now)
        #expect(
            review.content.timeLimits?.map { "\($0.what) until \($0.until)" } == [
                "SELECT on table app.orders to ann until 2030-06-30T00:00:00Z",
                "membership of ann in chief until 2031-03-01T12:00:00Z",
            ])
        #expect(try AccessReport(EffectiveAccess(shop()), at: now).content.timeLimits == nil)
    }

    @Test(arguments: [
        ("=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0"), ("+1", "'+1"), ("-1", "'-1"), ("@SUM(1)", "'@SUM(1)"),
        ("\ttab", "'\ttab"), ("\rline", "\"'\rline\""), ("a,b", "\"a,b\""), ("say \"x\"", "\"say \"\"x\"\"\""),
        ("two\r\nlines", "\"two\r\nlines\""), ("plain = text", "plain = text"), ("", ""),
    ])
    func `no cell of a table is a formula`(_ text: String, _ cell: String) {
        #expect(Array(AccessTable.cell(text).utf8) == Array(cell.utf8))
    }

    @Test func `no name can end the data in the page`() throws {
        let snapshot = shop { snapshot in
            snapshot.roles["</script><script>alert(1)</script>&\u{2028}"] = RoleState()
        }
        let page = try ReportPage.html(of: AccessReport(EffectiveAccess(snapshot), at: Timestamp(seconds: 0)))
        #expect(page.components(of: "<script") == 2)
        #expect(page.components(of: "</script") == 2)
        #expect(page.contains("\\u003c/script\\u003e\\u003cscript\\u003ealert(1)\\u003c/script\\u003e\\u0026\\u2028"))
    }

    @Test func `the page names no address in the network`() throws {
        let page = try ReportPage.html(of: AccessReport(EffectiveAccess(shop()), at: Timestamp(seconds: 0)))
        #expect(!page.contains("http:"))
        #expect(!page.contains("https:"))
        #expect(page.contains("default-src 'none'"))
    }
}

extension String {
    fileprivate func components(of part: String) -> Int {
        split(separator: part, omittingEmptySubsequences: false).count - 1
    }
}
