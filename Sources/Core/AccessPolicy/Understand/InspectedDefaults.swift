/// Default privileges that one entry can say.
private struct Future: Hashable {
    let creators: [String]
    /// nil: everywhere.
    let schemas: [String]?
    let kind: ObjectKind
    let grantees: [Grantee]
    let privileges: PrivilegeSet
    let isGrantable: Bool

    var sortKey: [String] {
        [schemas.map { "1" + $0.joined(separator: "\0") } ?? "0", kind.rawValue, creators.joined(separator: "\0")]
            + [grantees.map(\.description).joined(separator: "\0"), privileges.description, isGrantable ? "1" : "0"]
    }

    func with(
        creators: [String]? = nil, schemas: [String]? = nil, grantees: [Grantee]? = nil
    ) -> Future {
        Future(
            creators: creators ?? self.creators, schemas: schemas ?? self.schemas, kind: kind,
            grantees: grantees ?? self.grantees, privileges: privileges, isGrantable: isGrantable)
    }
}

extension InspectedPolicy {
    /// What future objects will let whom do, where somebody has ever said anything about it.
    var inspectedDefaults: InspectedEntries {
        var futures: [Future] = []
        for (holding, held) in snapshot.defaults where isCovered(holding) && held.privileges != builtIn(holding) {
            for isGrantable in [false, true] {
                let privileges = isGrantable ? held.grantable : held.privileges.subtracting(held.grantable)
                if !privileges.isEmpty { futures.append(future(holding, privileges, isGrantable)) }
            }
        }
        for objects in snapshot.changedDefaults where !objects.kind.builtInForEveryone.isEmpty {
            let holding = DefaultHolding(
                creator: objects.creator, schema: nil, kind: objects.kind, grantee: .everyone)
            // The built-in right was taken away: that has to be said.
            if isCovered(holding), snapshot.defaults[holding] == nil { futures.append(future(holding, [], false)) }
        }
        var result = InspectedEntries()
        for future in joined(futures) {
            result.roles.formUnion(future.creators + future.grantees.compactMap(\.roleName))
            result.entries.append(.object(members(future)))
        }
        return result
    }

    private func isCovered(_ holding: DefaultHolding) -> Bool {
        isDeclarable(holding.grantee) && holding.grantee != .role(holding.creator)
            && !holding.creator.hasPrefix("pg_") && (schema == nil || holding.schema == schema)
    }

    private func builtIn(_ holding: DefaultHolding) -> PrivilegeSet? {
        holding.schema == nil && holding.grantee == .everyone ? holding.kind.builtInForEveryone : nil
    }

    private func future(_ holding: DefaultHolding, _ privileges: PrivilegeSet, _ isGrantable: Bool) -> Future {
        Future(
            creators: [holding.creator], schemas: holding.schema.map { [$0] }, kind: holding.kind,
            grantees: [holding.grantee], privileges: privileges, isGrantable: isGrantable)
    }

    /// Equal entries told once: for several grantees, then in several schemas, then of several creators.
    private func joined(_ futures: [Future]) -> [Future] {
        let byGrantee = fold(futures, part: { $0.grantees }, setting: { $0.with(grantees: $1.sorted()) })
        let bySchema = fold(
            byGrantee, part: { $0.schemas ?? [] },
            setting: { $0.schemas == nil ? $0 : $0.with(schemas: $1.sorted()) })
        let byCreator = fold(bySchema, part: { $0.creators }, setting: { $0.with(creators: $1.sorted()) })
        return byCreator.sorted { $0.sortKey.lexicographicallyPrecedes($1.sortKey) }
    }

    private func fold<Part>(
        _ futures: [Future], part: (Future) -> [Part], setting: (Future, [Part]) -> Future
    ) -> [Future] {
        var groups: [Future: [Part]] = [:]
        for future in futures { groups[setting(future, []), default: []] += part(future) }
        return groups.map { setting($0, $1) }
    }

    private func members(_ future: Future) -> [JSONText.Member] {
        var members: [JSONText.Member] = [.init("createdBy", .strings(future.creators))]
        if let schemas = future.schemas { members.append(.init("schemas", .strings(schemas))) }
        members += [
            .init("on", .string(future.kind.key)), .init("to", .strings(future.grantees.map(\.description))),
            .init("privileges", .strings(future.privileges.names)),
        ]
        if future.isGrantable { members.append(.init("withGrantOption", .bool(true))) }
        return members
    }
}
