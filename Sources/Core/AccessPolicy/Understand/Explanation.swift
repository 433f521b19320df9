/// What one role may do with one object, and why.
package struct Explanation: Sendable {
    package struct Answer: Sendable {
        package let privilege: PrivilegeSet
        package let ways: [Way]
        /// The role may grant it to others.
        package let isGrantable: Bool
        /// Of a table without the privilege as a whole: the columns that have it.
        package let columns: [String: [Way]]

        package var isAllowed: Bool { ways.contains(where: \.path.isUsable) }
        package var isAllowedOnColumns: Bool { columns.values.contains { $0.contains(where: \.path.isUsable) } }
    }

    /// A path, and the rows that are left at its end.
    package struct Way: Sendable {
        package let path: AccessPath
        package let rows: RowFilter?

        /// `app_user -> ... -> granted SELECT by postgres; rows where ...`.
        package func text(_ privilege: PrivilegeSet) -> String {
            var text = path.text(privilege)
            if let rows { text += "; \(rows.text)" }
            if let missing = path.missing { text += "; but \(missing)" }
            return text
        }
    }

    package let role: String
    package let object: ObjectID
    package let answers: [Answer]
    /// Why the role cannot open a session itself; nil when it can.
    package let cannotConnect: String?
    /// What the privileges alone do not tell; nil when they tell it all.
    package let remark: String?
}

extension EffectiveAccess {
    /// Every privilege that this kind of object has, or one of them.
    package func explain(_ role: String, on object: ObjectID, only privilege: PrivilegeSet? = nil) -> Explanation {
        let all = privilege ?? object.kind.privileges(onVersion: snapshot.server.version)
        let mayGrant = grantable(of: role, on: object)
        let answers = all.single.map { one in
            let ways = ways(of: role, to: one, on: object)
            return Explanation.Answer(
                privilege: one, ways: ways, isGrantable: mayGrant.contains(one),
                columns: ways.isEmpty ? columns(of: role, one, on: object) : [:])
        }
        return Explanation(
            role: role, object: object, answers: answers, cannotConnect: reasonNotToConnect(role),
            remark: remark(on: object))
    }

    private func remark(on object: ObjectID) -> String? {
        let owner = spelled(owner(of: object) ?? "")
        return switch snapshot.objects[object]?.form {
        case .view: "a view shows what its owner \(owner) may see, unless it was made with security_invoker"
        case .materializedView: "it holds what its owner \(owner) saw when it was refreshed, and has no row security"
        case .foreignTable: "what is seen there is for the foreign server to say; it has no row security"
        default: nil
        }
    }

    package func ways(of role: String, to privilege: PrivilegeSet, on object: ObjectID) -> [Explanation.Way] {
        paths(of: role, to: privilege, on: object).map { path in
            Explanation.Way(path: path, rows: rows(of: path.acting, to: privilege, on: object))
        }
    }

    /// What row security leaves for a privilege; nil where it does not apply.
    func rows(of acting: String, to privilege: PrivilegeSet, on object: ObjectID) -> RowFilter? {
        guard let command = privilege.command else { return nil }
        switch object.owned {
        case .table(let table): return rows(of: acting, for: command, on: table)
        default: return nil
        }
    }

    private func columns(
        of role: String, _ privilege: PrivilegeSet, on object: ObjectID
    ) -> [String: [Explanation.Way]] {
        guard case .table(let table) = object, ObjectKind.column.privileges.contains(privilege) else { return [:] }
        var columns: [String: [Explanation.Way]] = [:]
        for case .column(table, let name) in grantedColumns {
            let ways = ways(of: role, to: privilege, on: .column(table, name))
            if !ways.isEmpty { columns[name] = ways }
        }
        return columns
    }

    private func reasonNotToConnect(_ role: String) -> String? {
        guard snapshot.roles[role]?.login == true else { return "\(spelled(role)) cannot log in itself" }
        return canConnect(role)
            ? nil : "\(spelled(role)) has no CONNECT on database \(spelled(snapshot.server.database))"
    }
}

extension PrivilegeSet {
    /// Its members, one by one.
    var single: [PrivilegeSet] { names.compactMap(PrivilegeSet.init(named:)) }

    /// The command whose policies row security asks for this privilege.
    var command: PolicyCommand? {
        switch self {
        case .select: .select
        case .insert: .insert
        case .update: .update
        case .delete: .delete
        default: nil
        }
    }
}
