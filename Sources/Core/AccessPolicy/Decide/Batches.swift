import PostgresClient

/// Objects that one statement can serve.
struct Batches {
    struct Key: Hashable {
        let kind: ObjectKind
        /// Columns of different tables never share a statement.
        let table: ObjectName?
        let privileges: PrivilegeSet
        let isAboutOption: Bool
        let grantor: String?
        /// In which round it can be granted, the owner's first: see `GrantOrder`.
        let depth: Int
        let grantee: Grantee
    }

    struct Batch {
        let key: Key
        let objects: [ObjectID]
    }

    private var groups: [Key: [ObjectID]] = [:]

    mutating func add(
        _ holding: Holding, _ privileges: PrivilegeSet, isAboutOption: Bool, by grantor: String?, depth: Int
    ) {
        let table: ObjectName? = if case .column(let table, _) = holding.object { table } else { nil }
        let key = Key(
            kind: holding.object.kind, table: table, privileges: privileges, isAboutOption: isAboutOption,
            grantor: grantor, depth: depth, grantee: holding.grantee)
        groups[key, default: []].append(holding.object)
    }

    /// An object may have been added for two reasons.
    private static func sorted(_ objects: [ObjectID]) -> [ObjectID] {
        var sorted = objects.sorted()
        var kept = 0
        for index in sorted.indices where kept == 0 || sorted[kept - 1] != sorted[index] {
            sorted[kept] = sorted[index]
            kept += 1
        }
        sorted.removeSubrange(kept...)
        return sorted
    }

    func sorted(delegatedFirst: Bool) -> [Batch] {
        groups.map { Batch(key: $0.key, objects: Self.sorted($0.value)) }.sorted { left, right in
            let (one, other) = (left.key, right.key)
            // Whoever acts in a schema must be able to use it.
            if one.kind.isContainer != other.kind.isContainer { return one.kind.isContainer != delegatedFirst }
            if one.depth != other.depth { return (one.depth > other.depth) == delegatedFirst }
            return (left.objects[0], one.grantee, one.privileges.rawValue, one.grantor ?? "", one.isAboutOption ? 1 : 0)
                < (
                    right.objects[0], other.grantee, other.privileges.rawValue, other.grantor ?? "",
                    other.isAboutOption ? 1 : 0
                )
        }
    }
}

extension Snapshot {
    /// 0 for a membership that no other rests under, 1 for one whose grantor was let in by such a one, and so on.
    func depth(of row: MembershipState?, limit: Int = 20) -> Int {
        guard let row, server.version >= 160_000, limit > 0 else { return 0 }
        let above = memberships.filter { $0.role == row.role && $0.member == row.grantor && $0.admin }
        return above.map { 1 + depth(of: $0, limit: limit - 1) }.max() ?? 0
    }

    /// PostgreSQL lets only the grantor take back what it granted, and only where it may still use the schema.
    func acting(as grantor: String, on objects: [ObjectID], _ statement: SQL) -> [SQL] {
        let statements: [SQL] = ["SET LOCAL ROLE \(identifier: grantor)", statement, "RESET ROLE"]
        guard objects.first?.kind.isContainer == false else { return statements }
        let closed = Set(objects.compactMap(\.schema)).filter { !mayUse(schema: $0, grantor) }.sorted()
        guard !closed.isEmpty else { return statements }
        let schemas = closed.map { ObjectID.schema($0) }
        return [GrantStatements.grant(.these(.usage), on: .these(schemas), to: [.role(grantor)])] + statements
            + [GrantStatements.revoke(.usage, on: schemas, from: [.role(grantor)])]
    }

    private func mayUse(schema: String, _ role: String) -> Bool {
        let object = ObjectID.schema(schema)
        let rows = [Grantee.everyone, .role(role)].flatMap { privileges[Holding(object, $0)] ?? [] }
        return objects[object]?.owner == role || rows.contains { $0.privileges.contains(.usage) }
    }
}
