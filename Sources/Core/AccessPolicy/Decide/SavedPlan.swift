package import Platform

/// A plan as it was reviewed: what would be done, why, and everything that the decision rested on.
///
/// It is applied only where the same policy, on the same database in the same state, leads to the same statements.
package struct SavedPlan: Sendable, Codable {
    package static let format = "dbsec plan 1"

    /// Which database on which server, and as whom.
    package struct Place: Sendable, Codable, Equatable {
        package let database: String
        /// The cluster's system identifier; nil where the connected role may not read it.
        package let system: String?
        package let role: String
        /// As `server_version_num`.
        package let version: Int

        package init(database: String, system: String?, role: String, version: Int) {
            self.database = database
            self.system = system
            self.role = role
            self.version = version
        }
    }

    package let format: String
    package let madeAt: Timestamp
    /// SHA-256 of the policy's bytes.
    package let policy: String
    package let place: Place
    package let changes: [Change]
    package let undeclared: [String]
    package let notes: [String]
    /// SHA-256 over `state` and the statements: what was seen, and what follows from it.
    package let fingerprint: String
    /// What was seen, so that a refusal can say what has moved.
    package let state: [String: String]
    /// The rights that the connected role lacked, which a file need not keep.
    private var lacking: [String] = []

    private enum CodingKeys: String, CodingKey {
        case format, madeAt, policy, place, changes, undeclared, notes, fingerprint, state
    }

    package init(_ plan: Plan, policy: String, place: Place, seen: StateFacts, madeAt: Timestamp) {
        format = Self.format
        self.madeAt = madeAt
        self.policy = policy
        self.place = place
        changes = plan.changes
        undeclared = plan.undeclared
        notes = plan.notes
        state = seen.values
        lacking = plan.lacking
        fingerprint = Self.fingerprint(seen, plan.changes, plan.undeclared)
    }

    /// What has moved since this plan was made, one sentence each; nothing when it still fits.
    package func moved(in now: SavedPlan) -> [String] {
        var moved: [String] = []
        if now.policy != policy {
            moved.append("the policy is another one: its SHA-256 is \(now.policy), and \(policy) was planned")
        }
        if let old = place.system, let new = now.place.system, old != new {
            moved.append("the server is another one: its system identifier is \(new), and \(old) was planned")
        }
        for (what, old, new) in [
            ("database", place.database, now.place.database), ("connected role", place.role, now.place.role),
            ("server's version", String(place.version), String(now.place.version)),
        ] where old != new {
            moved.append("the \(what) is \(new), and the plan was made for \(old)")
        }
        guard moved.isEmpty, now.fingerprint != fingerprint else { return moved }
        moved += StateFacts(values: now.state).moved(since: StateFacts(values: state))
        // What moved outside of the lines above still shows in what would be done: a deadline that has passed, a new object.
        let (old, new) = (changes.map(\.script), now.changes.map(\.script))
        moved += old.filter { !new.contains($0) }.map { "no longer to be done: \($0)" }
        moved += new.filter { !old.contains($0) }.map { "now to be done too: \($0)" }
        moved += Set(undeclared).symmetricDifference(now.undeclared).sorted().map { what in
            now.undeclared.contains(what) ? "not declared, and new: \(what)" : "not declared, and gone: \(what)"
        }
        return moved.isEmpty ? ["the order of the statements"] : moved
    }

    /// The statements among these that were not reviewed.
    ///
    /// Where a plan is carried out in stages, a new role is made without what its one reviewed statement gives it, and gets
    /// that at the end.
    func exceeded(by part: [Change]) -> [String] {
        let reviewed = Set(changes.map(\.script))
        let created = Set(changes.flatMap(\.sql).filter { $0.hasPrefix("CREATE ROLE ") })
        return part.filter { change in
            if reviewed.contains(change.script) { return false }
            switch change.kind {
            case .createRole: return !created.contains { $0.hasPrefix(change.script) }
            case .alterRole:
                let name = change.script.dropFirst("ALTER ROLE ".count)
                let head = name.prefix(upTo: name.firstRange(of: " WITH ")?.lowerBound ?? name.endIndex)
                return !created.contains { $0.hasPrefix("CREATE ROLE \(head)") }
            default: return true
            }
        }.map { "to be done, and not reviewed: \($0.script)" }
    }

    static func fingerprint(_ seen: StateFacts, _ changes: [Change], _ undeclared: [String]) -> String {
        var all = seen.values
        for (index, change) in changes.enumerated() { all["change \(index)"] = change.script }
        for (index, what) in undeclared.enumerated() { all["undeclared \(index)"] = what }
        return StateFacts(values: all).fingerprint
    }
}

extension Change {
    /// Its statements as one text.
    fileprivate var script: String { sql.joined(separator: "; ") }
}

extension SavedPlan {
    /// The plan as it would be shown.
    package var plan: Plan {
        var plan = Plan()
        plan.changes = changes
        plan.undeclared = undeclared
        plan.notes = notes
        plan.lacking = lacking
        return plan
    }
}

/// The plans of all databases that a policy is for, as they were reviewed together.
package struct SavedPlans: Sendable {
    package let plans: [SavedPlan]

    package init(_ plans: [SavedPlan]) {
        self.plans = plans
    }

    /// The plan of this database; where there is none, another one, which fits nowhere but in its own.
    package func plan(for database: String) -> SavedPlan? {
        plans.first { $0.place.database == database } ?? plans.first
    }

    /// What has moved in which database since these plans were made; nothing when all of them still fit.
    package func moved(in now: [SavedPlan]) -> [(database: String, what: [String])] {
        let names = now.map(\.place.database)
        let gone = plans.count == 1 ? [] : plans.map(\.place.database).filter { !names.contains($0) }
        let moved = now.map { draft in
            let name = draft.place.database
            let isNew = plans.count > 1 && !plans.contains { $0.place.database == name }
            let what = isNew ? ["no plan was made of it"] : plan(for: name)?.moved(in: draft) ?? []
            return (name, what)
        }
        return (moved + gone.map { ($0, ["it was planned, and the policy is no longer for it"]) })
            .filter { !$0.1.isEmpty }.map { (database: $0.0, what: $0.1) }
    }
}
