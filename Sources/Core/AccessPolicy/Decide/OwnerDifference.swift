import Platform
import PostgresClient

/// The owner that a declaration asks for.
struct WantedOwner {
    let owner: String
    /// The declaration, as an index into `owners`.
    let source: Int
}

extension Planner {
    /// The objects that shall have another owner than they have.
    ///
    /// An object that is named has the owner declared for it, whatever is declared for its whole schema.
    func wantedOwners() -> [ObjectID: WantedOwner] {
        var wanted: [ObjectID: WantedOwner] = [:]
        for (source, declared) in policy.owners.enumerated() {
            for object in snapshot.inWholeSchemas(of: declared.target) {
                wanted[object] = WantedOwner(owner: declared.owner, source: source)
            }
        }
        for (source, declared) in policy.owners.enumerated() {
            for object in snapshot.named(by: declared.target) {
                wanted[object] = WantedOwner(owner: declared.owner, source: source)
            }
        }
        return wanted.filter { object, wanted in
            guard let state = snapshot.objects[object], state.table == nil else { return false }
            return state.owner != wanted.owner
        }
    }

    mutating func planOwners(_ owners: [ObjectID: WantedOwner]) throws {
        for (source, declared) in policy.owners.enumerated() {
            let objects = owners.filter { $0.value.source == source }.keys.sorted()
            guard let first = objects.first else { continue }
            let place = "owners[\(source)]"
            if let problem = problem(withOwner: declared.owner) { throw PolicyProblem("\(place).owner", problem) }
            let noun = objects.count == 1 ? first.kind.rawValue : first.kind.plural
            try plan.changes.append(
                Change(
                    .alterOwner, .changes,
                    objects.map {
                        OwnerStatements.alter($0, snapshot.objects[$0]?.form ?? .plain, owner: declared.owner)
                    },
                    reason: "\(place): the owner of \(noun) \(objects.map(\.description).brief()) is another",
                    locking: objects.compactMap(\.table),
                    requires: Set(objects.map { .own($0) }).union([.become(declared.owner)])))
        }
    }

    /// A superuser's functions and views act with its rights, so that none is ever given to one.
    private func problem(withOwner name: String) -> String? {
        if name.hasPrefix("pg_") { return "role \"\(name)\" is PostgreSQL's own, and is given nothing" }
        if snapshot.roles[name]?.isSuperuser == true { return "role \"\(name)\" is a superuser, and is given nothing" }
        return nil
    }
}

extension ObjectID {
    fileprivate var table: ObjectName? {
        if case .table(let name) = self { name } else { nil }
    }
}

extension Snapshot {
    /// Gives objects to other owners, as PostgreSQL does: what the old owner held and granted, the new one then holds and
    /// has granted, and the sequences of a table's columns follow it.
    mutating func transfer(_ owners: [ObjectID: String]) {
        guard !owners.isEmpty else { return }
        var moves: [ObjectID: (old: String, new: String)] = [:]
        for (object, state) in objects {
            guard let new = owners[object] ?? state.table.flatMap({ owners[.table($0)] }), new != state.owner
            else { continue }
            moves[object] = (state.owner, new)
        }
        for (object, move) in moves { objects[object]?.owner = move.new }
        for (holding, rows) in privileges {
            guard let move = moves[holding.object.owned] else { continue }
            privileges[holding] = nil
            let isOld = holding.grantee == .role(move.old)
            let other = Holding(holding.object, isOld ? .role(move.new) : holding.grantee)
            for row in rows {
                var row = row
                if row.grantor == move.old { row.grantor = move.new }
                add(row, to: other)
            }
        }
    }

    private mutating func add(_ row: HeldPrivileges, to holding: Holding) {
        guard let index = privileges[holding]?.firstIndex(where: { $0.grantor == row.grantor }) else {
            privileges[holding, default: []].append(row)
            return
        }
        privileges[holding]?[index].privileges.formUnion(row.privileges)
        privileges[holding]?[index].grantable.formUnion(row.grantable)
    }
}

/// The statements that change owners; the same for a plan and for an offline script.
enum OwnerStatements {
    /// - Parameter form: nil where no server was asked: then the noun is one that stands for all forms.
    static func alter(_ object: ObjectID, _ form: ObjectForm?, owner: String) -> SQL {
        let name = GrantStatements.object(object, isProcedure: form == nil || form == .procedure)
        return "ALTER \(noun(object.kind, form)) \(name) OWNER TO \(identifier: owner)"
    }

    /// The word behind ALTER.
    private static func noun(_ kind: ObjectKind, _ form: ObjectForm?) -> SQL {
        switch (kind, form) {
        case (_, .view?): "VIEW"
        case (_, .materializedView?): "MATERIALIZED VIEW"
        case (_, .foreignTable?): "FOREIGN TABLE"
        case (_, .procedure?): "PROCEDURE"
        case (_, .domain?): "DOMAIN"
        // ALTER AGGREGATE wants a star where there are no arguments; ALTER ROUTINE takes all as they are.
        case (.function, .aggregate?), (.function, nil): "ROUTINE"
        case (.function, _): "FUNCTION"
        case (.foreignServer, _): "SERVER"
        default: GrantStatements.noun(kind)
        }
    }
}
