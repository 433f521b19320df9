package import Platform
package import PostgresClient

/// A question about one object, asked in the words of a policy: `public.orders`, `public.total(int)`, `public.users.email`.
package struct AccessQuestion: Sendable {
    package let access: EffectiveAccess
    package let object: ObjectID

    /// Reads who may do what, and finds the object that `text` names.
    ///
    /// - Throws: with status 66 when there is no such object, 64 when there are several and `kind` does not tell.
    package static func ask(
        about text: String, kind: ObjectKind?, on connection: Connection
    ) async throws -> AccessQuestion {
        let name = try ObjectText(text, kind: kind)
        do {
            let snapshot = try await connection.transaction(.reading) {
                try await CatalogReader(connection).snapshot(for: name.policy, passwords: GivenPasswords())
            }
            return AccessQuestion(
                access: EffectiveAccess(snapshot), object: try name.object(in: snapshot))
        } catch let problem as PolicyProblem {
            throw PlainFailure(.inputMissing, problem.problem)
        }
    }

    package func checkRole(_ role: String) throws(PlainFailure) {
        guard access.snapshot.roles[role] == nil else { return }
        throw PlainFailure(.inputMissing, unknown("role", role, among: access.snapshot.roles.keys))
    }

    /// The privilege of that name, when this kind of object has it.
    package func privilege(_ word: String) throws(PlainFailure) -> PrivilegeSet {
        let known = object.kind.privileges(onVersion: access.snapshot.server.version)
        guard let privilege = PrivilegeSet(named: word), known.contains(privilege) else {
            throw PlainFailure(
                .usage, unknown("privilege", word, among: known.names),
                hint: "a \(object.kind.rawValue) has \(known)")
        }
        return privilege
    }
}

/// The name of an object as somebody typed it.
private struct ObjectText {
    private let text: String
    private let kind: ObjectKind?
    private let parts: [String]
    private let signature: RoutineSignature?

    init(_ text: String, kind: ObjectKind?) throws(PlainFailure) {
        self.text = text
        self.kind = kind
        do throws(NameParser.Problem) {
            let isRoutine = text.last == ")" && kind.map { $0 == .function } ?? true
            if isRoutine, case .one(let found) = try NameParser.routine(text) {
                signature = found
                parts = []
            } else {
                signature = nil
                parts = try NameParser.path(text)
            }
        } catch {
            throw PlainFailure(.usage, error.sentence)
        }
    }

    /// Only the server knows what argument types mean and which columns there are: a policy that names them asks it.
    var policy: Policy {
        if let signature { return Policy(grants: [grant(on: .functions([.one(signature)]))]) }
        if kind == .largeObject, let number = UInt32(text) {
            return Policy(grants: [grant(on: .largeObjects([number]))])
        }
        guard let table = columnTable else { return Policy() }
        return Policy(grants: [grant(on: .columns([.init(table: table, columns: [parts[2]])]))])
    }

    private func grant(on target: GrantDeclaration.Target) -> GrantDeclaration {
        GrantDeclaration(to: [], on: target, .all)
    }

    private var columnTable: ObjectName? {
        parts.count == 3 && (kind ?? .column) == .column ? ObjectName(parts[0], parts[1]) : nil
    }

    func object(in snapshot: Snapshot) throws(PlainFailure) -> ObjectID {
        if let signature {
            guard let found = snapshot.signatures[signature], snapshot.objects[found] != nil else {
                throw missing("function", text, snapshot.objects.keys.filter { $0.kind == .function })
            }
            return found
        }
        if let table = columnTable {
            guard snapshot.objects[.table(table)] != nil else {
                throw missing("table", table.description, snapshot.objects.keys.filter { $0.kind == .table })
            }
            let columns = snapshot.columns[table] ?? []
            guard columns.contains(parts[2]) else {
                throw PlainFailure(
                    .inputMissing, "\(unknown("column", parts[2], among: columns)) of table \(table)")
            }
            return .column(table, parts[2])
        }
        return try only(among: snapshot)
    }

    private func only(among snapshot: Snapshot) throws(PlainFailure) -> ObjectID {
        let candidates = snapshot.objects.keys.filter { kind == nil || $0.kind == kind }
        let name = parts.map(spelled).joined(separator: ".")
        var found = candidates.filter { $0.description == name }
        if found.isEmpty { found = candidates.filter { $0.kind == .function && $0.description.hasPrefix(name + "(") } }
        guard let first = found.first else { throw missing(kind?.rawValue ?? "object", name, candidates) }
        guard found.count == 1 else {
            let choices = found.sorted().map { "\($0.kind.rawValue) \($0)" }
            throw PlainFailure(
                .usage, "\"\(text)\" may be \(choices.joined(separator: " or "))",
                hint: "say which with --kind, and of functions with the types of their arguments")
        }
        return first
    }

    private func missing(_ noun: String, _ name: String, _ known: [ObjectID]) -> PlainFailure {
        PlainFailure(
            .inputMissing, unknown(noun, name, among: known.map(\.description)),
            hint: text.contains(".")
                ? nil : "tables and what else is in a schema are named with it, as in public.\(text)")
    }
}
