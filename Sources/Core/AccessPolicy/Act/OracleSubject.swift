import PostgresClient

/// Some commands on one table by roles that the same policies hold for: what one EXPLAIN answers.
struct OracleSubject {
    let table: ObjectName
    /// Commands that the same policies hold for: their filter is the same.
    var commands: [String]
    let policies: [String]
    /// The permissive policies that are written as `true`.
    let open: [String]
    /// Roles that the same policies hold for.
    let roles: [String]
    let writable: String?
    let filled: [String]
    let weight: Int
    /// What the permissive policies ask of new rows: one of these must hold.
    let checks: [String]
    /// Those of them that are written as `true`, by the names of their policies.
    let openChecks: [String]
    /// What the restrictive ones ask of them: all of these must hold.
    let floors: [String]

    init(_ row: Row) throws {
        table = ObjectName(try row["schema"], try row["name"])
        commands = [try row["command"]]
        policies = try row["policies"]
        open = try row["open"]
        roles = try row["roles"]
        writable = try row["writable"]
        filled = try row["filled"]
        weight = try row["weight"]
        openChecks = try row["open_checks"]
        let (checks, floors): ([String?]?, [String?]?) = (try row["checks"], try row["floors"])
        self.checks = (checks ?? []).compactMap(\.self)
        self.floors = (floors ?? []).compactMap(\.self)
    }

    /// All that is asked of a new row, as one expression; nil where nothing lets one in.
    var newRows: SQL? {
        guard !checks.isEmpty else { return nil }
        let any = checks.map { SQL(raw: "(\($0))") }.joined(separator: " OR ")
        return (["(\(any))"] + floors.map { SQL(raw: "(\($0))") }).joined(separator: " AND ")
    }

    /// The least change of this kind: without WHERE and RETURNING only the policies for its command take part.
    var change: SQL? {
        let name = GrantStatements.qualified(table)
        return switch commands[0] {
        case "UPDATE": writable.map { "UPDATE \(name) SET \(identifier: $0) = NULL" }
        case "DELETE": "DELETE FROM \(name)"
        default: nil
        }
    }
}

/// What two commands must have in common to be answered together.
private struct SharedPolicies: Hashable {
    let table: ObjectName
    let policies: [String]
    let roles: [String]
}

extension [OracleSubject] {
    /// One for the commands that the same policies hold for, led by the simplest to ask about: SELECT.
    func mergingCommands() -> [OracleSubject] {
        var merged: [OracleSubject] = []
        var places: [SharedPolicies: Int] = [:]
        for subject in filter({ $0.commands == ["SELECT"] }) + filter({ $0.commands != ["SELECT"] })
        where subject.commands != ["INSERT"] {
            let key = SharedPolicies(table: subject.table, policies: subject.policies, roles: subject.roles)
            if let place = places[key] {
                merged[place].commands += subject.commands
            } else {
                places[key] = merged.count
                merged.append(subject)
            }
        }
        return merged
    }
}
