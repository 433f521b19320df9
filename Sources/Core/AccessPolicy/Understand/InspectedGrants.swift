/// Objects as a policy names them: one by one, or a whole schema.
private enum Selection: Hashable, Comparable {
    case whole(schema: String)
    case one(ObjectID)
}

/// One entry of the document before it is words.
private struct Entry: Hashable {
    let kind: ObjectKind
    let selections: [Selection]
    let privileges: PrivilegeSet
    let isGrantable: Bool
}

/// A list of entries, and the roles that they speak of.
struct InspectedEntries {
    var entries: [JSONText] = []
    var roles: Set<String> = []
}

extension InspectedPolicy {
    /// All that is held, besides what owners hold: equal privileges of equal objects in one entry.
    var inspectedGrants: InspectedEntries {
        var grouped: [Entry: Set<Grantee>] = [:]
        for (grantee, holdings) in holdingsByGrantee {
            for isGrantable in [false, true] {
                for (kind, objects) in Dictionary(grouping: holdings.keys, by: \.kind) {
                    let held = objects.reduce(into: [ObjectID: PrivilegeSet]()) { held, object in
                        held[object] = holdings[object]?.set(isGrantable)
                    }
                    for (privileges, selections) in selections(held, kind, of: grantee, isGrantable) {
                        let entry = Entry(
                            kind: kind, selections: selections.sorted(), privileges: privileges,
                            isGrantable: isGrantable)
                        grouped[entry, default: []].insert(grantee)
                    }
                }
            }
        }
        var result = InspectedEntries()
        let order = grouped.sorted { $0.key < $1.key }
        for (entry, grantees) in order {
            result.roles.formUnion(grantees.compactMap(\.roleName))
            var members: [JSONText.Member] = [
                .init("to", .strings(grantees.sorted().map(\.description))),
                .init("on", on(entry.kind, entry.selections)), .init("privileges", .strings(entry.privileges.names)),
            ]
            if entry.isGrantable { members.append(.init("withGrantOption", .bool(true))) }
            result.entries.append(.object(members))
        }
        return result
    }

    /// Who owns what, where that is somebody whom a policy may name.
    var inspectedOwners: InspectedEntries {
        struct Owned: Hashable, Comparable {
            let owner: String
            let kind: ObjectKind

            static func < (left: Owned, right: Owned) -> Bool {
                (left.owner, left.kind.position) < (right.owner, right.kind.position)
            }
        }
        var owned: [Owned: [ObjectID: PrivilegeSet]] = [:]
        for (object, state) in snapshot.objects where isCovered(object) && isDeclarable(state.owner) {
            // The sequence of a column follows its table; the two others have no owner that a policy could choose.
            guard state.table == nil, ![.parameter, .foreignDataWrapper].contains(object.kind) else { continue }
            owned[Owned(owner: state.owner, kind: object.kind), default: [:]][object] = .create
        }
        var result = InspectedEntries()
        for (key, objects) in owned.sorted(by: { $0.key < $1.key }) {
            let whole = whole(key.kind).filter { $0.value.allSatisfy { snapshot.objects[$0]?.owner == key.owner } }
            let rest = objects.keys.filter { whole[$0.schema ?? ""] == nil }
            let selections = whole.keys.map { Selection.whole(schema: $0) } + rest.map { .one($0) }
            result.entries.append(
                .object([.init("owner", .string(key.owner)), .init("on", on(key.kind, selections.sorted()))]))
            result.roles.insert(key.owner)
        }
        return result
    }

    private struct Held {
        var privileges: PrivilegeSet = []
        var grantable: PrivilegeSet = []

        func set(_ isGrantable: Bool) -> PrivilegeSet { isGrantable ? grantable : privileges.subtracting(grantable) }
    }

    private var holdingsByGrantee: [Grantee: [ObjectID: Held]] {
        var holdings: [Grantee: [ObjectID: Held]] = [:]
        for (holding, rows) in snapshot.privileges {
            guard isCovered(holding.object), isDeclarable(holding.grantee), !isOwner(holding.grantee, holding.object),
                snapshot.objects[holding.object]?.form != .untrustedLanguage
            else { continue }
            for row in rows {
                holdings[holding.grantee, default: [:]][holding.object, default: Held()].privileges.formUnion(
                    row.privileges)
                holdings[holding.grantee, default: [:]][holding.object, default: Held()].grantable.formUnion(
                    row.grantable)
            }
        }
        return holdings
    }

    private func isOwner(_ grantee: Grantee, _ object: ObjectID) -> Bool {
        grantee == (snapshot.objects[object.owned]?.owner).map(Grantee.role)
    }

    /// `schema.*` for what is held on every object of a schema, and the rest object by object.
    private func selections(
        _ held: [ObjectID: PrivilegeSet], _ kind: ObjectKind, of grantee: Grantee, _ isGrantable: Bool
    ) -> [PrivilegeSet: [Selection]] {
        var selections: [PrivilegeSet: [Selection]] = [:]
        var rest = held
        for (schema, objects) in whole(kind) {
            let common = objects.reduce(kind.privileges) { common, object in
                common.intersection(held[object] ?? ownRights(grantee, object, isGrantable))
            }
            guard !common.isEmpty, objects.contains(where: { held[$0] != nil }) else { continue }
            selections[common, default: []].append(.whole(schema: schema))
            for object in objects { rest[object]?.subtract(common) }
        }
        for (object, privileges) in rest where !privileges.isEmpty {
            selections[privileges, default: []].append(.one(object))
        }
        return selections
    }

    /// What an owner holds of its own object, so that it does not stand in the way of `schema.*`.
    private func ownRights(_ grantee: Grantee, _ object: ObjectID, _ isGrantable: Bool) -> PrivilegeSet {
        guard isOwner(grantee, object), !isGrantable, let state = snapshot.objects[object] else { return [] }
        if state.hasDefaultPrivileges { return object.kind.privileges(onVersion: snapshot.server.version) }
        return (snapshot.privileges[Holding(object, grantee)] ?? []).reduce(into: []) { $0.formUnion($1.privileges) }
    }

    /// The schemas in which there are several objects of a kind, and those.
    private func whole(_ kind: ObjectKind) -> [String: [ObjectID]] {
        guard [.table, .sequence, .function, .type].contains(kind) else { return [:] }
        return schemas[kind] ?? [:]
    }

    private func on(_ kind: ObjectKind, _ selections: [Selection]) -> JSONText {
        .object([.init(kind.key, value(kind, selections))])
    }

    private func value(_ kind: ObjectKind, _ selections: [Selection]) -> JSONText {
        if kind == .database { return .bool(true) }
        if kind == .column {
            var columns: [ObjectName: [String]] = [:]
            for case .one(.column(let table, let name)) in selections { columns[table, default: []].append(name) }
            return .object(columns.sorted { $0.key < $1.key }.map { .init($0.key.description, .strings($0.value)) })
        }
        return .array(
            selections.map { selection in
                switch selection {
                case .whole(let schema): .string("\(spelled(schema)).*")
                case .one(let object): object.written
                }
            })
    }
}

extension ObjectID {
    /// As a document names it: what no schema holds stands there as it is, the rest is spelled.
    fileprivate var written: JSONText {
        switch self {
        case .schema(let name), .language(let name), .foreignDataWrapper(let name), .foreignServer(let name),
            .tablespace(let name), .parameter(let name):
            .string(name)
        case .largeObject(let number): .number(Int(number))
        default: .string(description)
        }
    }
}

extension Entry: Comparable {
    static func < (left: Entry, right: Entry) -> Bool {
        if left.kind != right.kind { return left.kind.position < right.kind.position }
        if left.selections != right.selections { return left.selections.lexicographicallyPrecedes(right.selections) }
        return (left.privileges.rawValue, left.isGrantable ? 1 : 0) < (
            right.privileges.rawValue, right.isGrantable ? 1 : 0
        )
    }
}
