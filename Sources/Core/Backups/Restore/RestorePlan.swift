package import Platform

/// What a restore is going to do, decided before anything is changed.
package struct RestorePlan: Sendable {
    package let backup: String
    /// The key id of whoever signed the backup.
    package let signer: String
    /// The instant that the backup shows.
    package let snapshot: Timestamp
    /// `PostgreSQL 15.18`, as the server says it.
    package let server: String
    /// The account in the database that code in the backup will run as.
    package let user: String
    /// The pg_restore that is used, and its version.
    package let program: String
    package let jobs: Int
    /// What killed restores have left, and this one removes.
    package let leftovers: [String]
    /// Roles that will be made, since they are missing.
    package let rolesToMake: [String]
    package let roleMap: [String: String]
    /// Tablespaces that the target lacks: everything then goes into the default one.
    package let missingTablespaces: [String]
    package let databases: [DatabasePlan]
    package let warnings: [String]

    package var steps: [String] {
        var steps = leftovers.map { "drop \"\($0)\", which a restore that was killed has left" }
        if !rolesToMake.isEmpty {
            steps.append(
                "make the roles \(Self.list(rolesToMake)) with their attributes, passwords and memberships; those that are "
                    + "there stay as they are")
        }
        if !roleMap.isEmpty {
            let pairs = roleMap.sorted { $0.key < $1.key }.map { "to \"\($0.value)\" what was of \"\($0.key)\"" }
            steps.append("give \(pairs.joined(separator: ", "))")
        }
        if !missingTablespaces.isEmpty {
            steps.append("put into the default tablespace what was in \(Self.list(missingTablespaces))")
        }
        return steps + databases.flatMap { $0.steps(jobs: jobs) }
    }

    static func list(_ names: [String]) -> String { names.map { "\"\($0)\"" }.joined(separator: ", ") }
}

/// What a restore is going to do with one database.
package struct DatabasePlan: Sendable {
    package let database: String
    package let target: String
    package let way: Way
    package let owner: String?
    /// Encoding and locale: `UTF8, C.UTF-8`.
    package let locale: String
    package let settings: Int
    package let privileges: Int
    package let extensions: [String]
    package let tables: Int
    package let rows: Int
    /// Before compression and encryption.
    package let bytes: Int
    package let storedBytes: Int
    package let streams: Int
    package let indexesAndConstraints: Int
    /// What of the database is restored; empty: everything.
    package let selection: [String]
    /// What it needs and finds there.
    package let used: [String]
    package let withoutRows: [String]
    package let leftOut: [String]
    package let notCovered: [Manifest.Gap]
    package let compares: Bool

    package enum Way: Sendable, Equatable {
        /// There is none of that name.
        case new
        /// There is an empty one, which is filled.
        case fill
        /// There is one with content, which a part is added to.
        case add
        /// There is one, which is renamed.
        case replace(keptAs: String, sessions: Int)
    }

    /// A database that is there already gets all of it or nothing.
    var isInOneTransaction: Bool { way == .fill || way == .add }

    func steps(jobs: Int) -> [String] {
        var steps: [String] = []
        switch way {
        case .fill, .add: break
        case .new, .replace:
            var traits = [locale]
            if let owner { traits.append("owner \"\(owner)\"") }
            if settings > 0 { traits.append("\(settings) of its settings") }
            if privileges > 0 { traits.append("\(privileges) of its privileges") }
            steps.append("make a database under a temporary name: \(traits.joined(separator: ", "))")
        }
        let part = selection.isEmpty ? "" : " (only \(selection.joined(separator: ", ")), and what belongs to it)"
        let manner =
            isInOneTransaction
            ? "in one transaction"
            : "rows by \(Self.plural(min(jobs, streams), "session")), then \(indexesAndConstraints) indexes, constraints and "
                + "the like by \(jobs)"
        steps.append(
            "load \(Self.plural(tables, "table")) with \(Self.plural(rows, "row")) from \"\(database)\"\(part), \(manner)"
        )
        if !used.isEmpty { steps.append("using what is there: \(used.joined(separator: ", "))") }
        if !extensions.isEmpty { steps.append("which makes the extensions \(extensions.joined(separator: ", "))") }
        if way == .fill { steps.append("give \"\(target)\" the recorded owner, settings, privileges and comment") }
        if compares {
            let again = way == .add ? "that part" : "it"
            steps.append("dump \(again) again and compare the digest of every table with the backup's index")
        }
        switch way {
        case .fill, .add: break
        case .new: steps.append("rename it to \"\(target)\"")
        case .replace(let kept, let sessions):
            steps.append(
                "end the sessions in \"\(target)\" (now \(sessions)), rename it to \"\(kept)\" and the restored one to "
                    + "\"\(target)\", in one transaction")
        }
        return steps
    }

    private static func plural(_ number: Int, _ noun: String) -> String { "\(number) \(noun)\(number == 1 ? "" : "s")" }
}
