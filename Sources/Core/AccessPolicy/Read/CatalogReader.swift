import Cryptography
import Platform
package import PostgresClient

/// Reads a database into a `Snapshot`: one query for each kind of thing, and the server's word on what is equal.
///
/// Writes nothing that stays, and takes no lock stronger than ACCESS SHARE. Use it inside a transaction.
package struct CatalogReader {
    private let connection: Connection

    package init(_ connection: Connection) {
        self.connection = connection
    }

    /// - Throws: `PolicyProblem` for an expression or a signature that the server cannot read.
    package func snapshot(for policy: Policy, passwords: GivenPasswords) async throws -> Snapshot {
        let server = try await connection.query(PackageResources.server_sql).one()
        var snapshot = Snapshot(
            server: ServerState(
                version: connection.serverVersion, database: try server["database"], user: try server["role"],
                isSuperuser: try server["is_superuser"]))
        let names = try await readRoles(into: &snapshot)
        try await readMemberships(into: &snapshot)
        // The two long ones: while the server answers the second, the first is read.
        let objects = try await connection.query(PackageResources.objects_sql)
        async let privileges = connection.query(PackageResources.privileges_sql)
        try readObjects(objects, into: &snapshot, names)
        try readPrivileges(try await privileges, into: &snapshot)
        try await readDefaults(into: &snapshot, names)
        try await readPolicies(into: &snapshot, names)
        try await NamedObjectReader(connection, names).read(policy, into: &snapshot)
        snapshot.signatures = try await SignatureReader(connection).signatures(in: policy)
        snapshot.equalExpressions = try await ExpressionComparison(connection).equal(policy, snapshot)
        snapshot.retirements = try await RetirementReader(connection).states(
            of: policy.roles.filter { $0.retirement != nil && snapshot.roles[$0.name] != nil }.map(\.name))
        let readsVerifiers: Bool = try server["reads_verifiers"]
        snapshot.passwords = try await readPasswords(policy, snapshot, passwords, canRead: readsVerifiers)
        return snapshot
    }

    private func readRoles(into snapshot: inout Snapshot) async throws -> RoleNames {
        var names = RoleNames()
        for row in try await connection.query(PackageResources.roles_sql) {
            let name: String = try row["name"]
            try refuseTwin(of: name, in: snapshot.roles.keys.contains(name), "role")
            snapshot.roles[name] = try RoleState(row)
            names.add(name, oid: try row["oid"])
        }
        return names
    }

    /// PostgreSQL compares names by bytes, Swift by what they mean: two names that differ only in how Unicode spells
    /// them would be one here.
    private func refuseTwin(of name: @autoclosure () -> String, in isThere: Bool, _ kind: String) throws {
        guard isThere else { return }
        throw PlainFailure(
            .malformed, "there are two of \(kind) \"\(name())\", which differ only in how Unicode spells the name",
            hint: "rename one of them")
    }

    private func readMemberships(into snapshot: inout Snapshot) async throws {
        for row in try await connection.query(PackageResources.memberships_sql) {
            snapshot.memberships.append(
                MembershipState(
                    role: try row["role"], member: try row["member"], grantor: try row["grantor"],
                    admin: try row["admin"], inherit: try row["inherit"], set: try row["set"],
                    isAutomatic: try row["is_automatic"]))
        }
    }

    private func readObjects(_ rows: Rows, into snapshot: inout Snapshot, _ names: RoleNames) throws {
        snapshot.objects.reserveCapacity(rows.count)
        // Each column is looked for once, since there may be a row for each of some ten thousand objects.
        let form = try rows.position(of: "form")
        let (owner, table) = (try rows.position(of: "owner"), try rows.position(of: "table"))
        let (isMember, isDefault) = (try rows.position(of: "is_member"), try rows.position(of: "is_default"))
        let (secured, forced) = (try rows.position(of: "secured"), try rows.position(of: "forced"))
        let columns = try ObjectColumns(rows, part: "arguments")
        for row in rows {
            let object = try object(row, columns)
            try refuseTwin(of: object.description, in: snapshot.objects.keys.contains(object), object.kind.rawValue)
            let word: String = try row[form]
            let name: String? = try row[table]
            snapshot.objects[object] = ObjectState(
                owner: names[try row[owner]], isExtensionMember: try row[isMember],
                hasDefaultPrivileges: try row[isDefault], form: ObjectForm(rawValue: word) ?? .plain,
                table: name.map { ObjectName(object.schema ?? "", $0) })
            let isSecured: Bool? = try row[secured]
            if let isSecured, case .table(let name) = object {
                snapshot.security[name] = SecurityState(isEnabled: isSecured, isForced: try row[forced])
            }
        }
    }

    private func object(_ row: Row, _ columns: ObjectColumns) throws -> ObjectID {
        let kind: String = try row[columns.kind]
        let name: String = try row[columns.name]
        let qualified = ObjectName(try row[columns.schema], name)
        let part: String? = try row[columns.part]
        switch ObjectKind(rawValue: kind) {
        case .sequence: return .sequence(qualified)
        case .column: return .column(qualified, part ?? "")
        case .function: return .function(qualified, part ?? "")
        case .type: return .type(qualified)
        case .largeObject: return .largeObject(UInt32(name) ?? 0)
        case .table, nil: return .table(qualified)
        case .some(let other): return ObjectID(other, named: name) ?? .table(qualified)
        }
    }

    private func readPrivileges(_ rows: Rows, into snapshot: inout Snapshot) throws {
        snapshot.privileges.reserveCapacity(rows.count)
        let columns = try ObjectColumns(rows, part: "part")
        let list = try rows.position(of: "items")
        for row in rows {
            let object = try object(row, columns)
            let items: [String] = try row[list]
            for text in items {
                guard let item = AccessItem(text) else {
                    throw PlainFailure(.internalError, "cannot read the privileges \(text) on \(object)")
                }
                guard !item.held.privileges.isEmpty else { continue }
                snapshot.privileges[Holding(object, item.grantee), default: []].append(item.held)
            }
        }
    }

    private func readDefaults(into snapshot: inout Snapshot, _ names: RoleNames) async throws {
        for row in try await connection.query(PackageResources.defaults_sql) {
            let kind: String = try row["kind"]
            let objects = FutureObjects(
                creator: names[try row["creator"]], kind: ObjectKind(rawValue: kind) ?? .table)
            let schema: String? = try row["schema"]
            guard let grantee: UInt32 = try row["grantee"] else {
                if schema == nil { snapshot.emptiedDefaults.insert(objects) }
                continue
            }
            if schema == nil { snapshot.changedDefaults.insert(objects) }
            let holding = DefaultHolding(
                creator: objects.creator, schema: schema, kind: objects.kind, grantee: names.grantee(grantee))
            snapshot.defaults[holding] = try held(row, names)
        }
    }

    private func held(_ row: Row, _ names: RoleNames) throws -> HeldPrivileges {
        let privileges: [String] = try row["privileges"]
        let grantable: [String] = try row["grantable"]
        func set(_ words: [String]) -> PrivilegeSet {
            words.reduce(into: []) { $0.formUnion(PrivilegeSet(named: $1) ?? []) }
        }
        return HeldPrivileges(grantor: names[try row["grantor"]], set(privileges), grantable: set(grantable))
    }

    private func readPolicies(into snapshot: inout Snapshot, _ names: RoleNames) async throws {
        for row in try await connection.query(PackageResources.policies_sql) {
            let command: String = try row["command"]
            let grantees: [UInt32] = try row["grantees"]
            snapshot.policies.append(
                PolicyState(
                    table: ObjectName(try row["schema"], try row["table"]), name: try row["name"],
                    grantees: grantees.map(names.grantee), command: PolicyCommand(rawValue: command) ?? .all,
                    isRestrictive: try row["is_restrictive"], using: try row["using"], check: try row["check"]))
        }
    }

    private func readPasswords(
        _ policy: Policy, _ snapshot: Snapshot, _ given: GivenPasswords, canRead: Bool
    ) async throws -> [String: PasswordState] {
        let names = policy.roles.filter { $0.password != nil }.map(\.name)
        guard !names.isEmpty else { return [:] }
        var stored: [String: String] = [:]
        if canRead {
            let rows = try await connection.query(
                """
                SELECT rolname, rolpassword FROM pg_catalog.pg_authid
                WHERE rolname = ANY (\(names)) AND rolpassword IS NOT NULL
                """)
            for row in rows {
                let name: String = try row[0]
                stored[name] = try row[1]
            }
        }
        var states: [String: PasswordState] = [:]
        for name in names {
            if let reason = given.missing[name] {
                states[name] = .unknown(reason)
            } else if !canRead, snapshot.roles[name] != nil {
                states[name] = .unknown("\(snapshot.server.user) may not read pg_authid; it was left as it is")
            } else if let verifier = stored[name], let password = given.secrets[name] {
                states[name] = ScramVerifier(verifier)?.isOf(password) == true ? .same : .different
            }
        }
        return states
    }
}

extension RoleState {
    /// - Parameter row: One of `roles.sql`.
    init(_ row: Row) throws {
        self.init()
        isSuperuser = try row["is_superuser"]
        login = try row["login"]
        createdb = try row["createdb"]
        createrole = try row["createrole"]
        inherit = try row["inherit"]
        replication = try row["replication"]
        bypassRls = try row["bypassrls"]
        connectionLimit = try row["connection_limit"]
        let microseconds: Int64? = try row["valid_until"]
        validUntil = microseconds.map { .at(Timestamp(microseconds: $0)) } ?? .never
        settings = Self.settings(try row["settings"])
        settingsInDatabase = Self.settings(try row["settings_in_database"])
    }

    private static func settings(_ list: [String]?) -> [String: String] {
        var settings: [String: String] = [:]
        for setting in list ?? [] {
            let parts = setting.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            settings[String(parts[0])] = parts.count > 1 ? String(parts[1]) : ""
        }
        return settings
    }
}

/// Where a result names an object.
private struct ObjectColumns {
    let kind: Int
    let schema: Int
    let name: Int
    let part: Int

    init(_ rows: Rows, part: String) throws {
        kind = try rows.position(of: "kind")
        schema = try rows.position(of: "schema")
        name = try rows.position(of: "name")
        self.part = try rows.position(of: part)
    }
}

/// Roles by OID, as the catalog refers to them.
struct RoleNames {
    private var names: [UInt32: String] = [:]

    mutating func add(_ name: String, oid: UInt32) {
        names[oid] = name
    }

    /// A role that was dropped meanwhile prints as its number, as PostgreSQL itself does.
    subscript(oid: UInt32) -> String { names[oid] ?? String(oid) }

    /// OID 0 is PUBLIC.
    func grantee(_ oid: UInt32) -> Grantee {
        oid == 0 ? .everyone : .role(self[oid])
    }
}
