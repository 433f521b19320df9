import Platform
import PostgresClient

/// A name as people write it, where `*` stands for any characters and `?` for one; a backslash takes that meaning away.
package struct NamePattern: Hashable, Sendable {
    package let text: String
    private let parts: [Part]

    private enum Part: Hashable, Sendable {
        case anything
        case one
        case exactly(Character)
    }

    package init(_ text: String) {
        self.text = text
        var parts: [Part] = []
        var isEscaped = false
        for character in text {
            switch character {
            case _ where isEscaped: parts.append(.exactly(character))
            case "\\":
                isEscaped = true
                continue
            case "*": parts.append(.anything)
            case "?": parts.append(.one)
            default: parts.append(.exactly(character))
            }
            isEscaped = false
        }
        if isEscaped { parts.append(.exactly("\\")) }
        self.parts = parts
    }

    /// Whether it can fit one name only.
    package var isExact: Bool { !parts.contains(.anything) && !parts.contains(.one) }

    /// Whether it fits; a name that is written out letter by letter always does.
    package func matches(_ name: String) -> Bool {
        text == name || fits(Array(name))
    }

    /// Goes on behind the last `*`, one character further each time, so that no pattern takes exponential time.
    private func fits(_ name: [Character]) -> Bool {
        var (position, part) = (0, 0)
        var last: (part: Int, position: Int)?
        while position < name.count {
            if part < parts.count, parts[part] == .anything {
                last = (part, position)
                part += 1
            } else if part < parts.count, parts[part] == .one || parts[part] == .exactly(name[position]) {
                (position, part) = (position + 1, part + 1)
            } else if let star = last {
                last = (star.part, star.position + 1)
                (position, part) = (star.position + 1, star.part + 1)
            } else {
                return false
            }
        }
        return parts[part...].allSatisfy { $0 == .anything }
    }
}

/// A database as the server lists it.
struct ServerDatabase: Hashable, Sendable {
    let name: String
    var isTemplate = false
    var takesConnections = true
    /// Its DROP DATABASE was interrupted: nothing but another DROP DATABASE is left to do.
    var isInvalid = false
    /// What it takes on disk; nil where this role may not ask.
    var size: Int?

    func isLarge(_ limit: Int?) -> Bool { limit.map { (size ?? 0) >= $0 } ?? false }

    var isOrdinary: Bool { !isTemplate && takesConnections && !isInvalid }

    static func all(_ connection: Connection) async throws -> [ServerDatabase] {
        try await connection.query(SQL(embedded: PackageResources.databases_sql)).map { row in
            ServerDatabase(
                name: try row["name"], isTemplate: try row["template"], takesConnections: try row["connectable"],
                isInvalid: try row["invalid"], size: try row["size"])
        }
    }
}

/// Which databases a run is about.
package struct DatabaseSelection: Hashable, Sendable {
    /// None: every database that takes connections and is no template.
    package var included: [NamePattern]
    package var excluded: [NamePattern]

    package init(_ included: [String] = [], except excluded: [String] = []) {
        self.included = included.map(NamePattern.init)
        self.excluded = excluded.map(NamePattern.init)
    }

    /// The databases that are named letter by letter.
    package var exact: [String] { included.filter(\.isExact).map(\.text) }

    /// Chooses; a template is only taken by its exact name.
    ///
    /// - Throws: status 66 for a name or pattern that fits nothing, and when nothing is left.
    func choose(from present: [ServerDatabase]) throws -> [ServerDatabase] {
        var wanted: Set<ServerDatabase> = included.isEmpty ? Set(present.filter(\.isOrdinary)) : []
        for pattern in included { wanted.formUnion(try matches(of: pattern, among: present)) }
        let chosen = present.filter { database in
            wanted.contains(database) && !excluded.contains { $0.matches(database.name) }
        }
        guard !chosen.isEmpty else {
            throw PlainFailure(
                .inputMissing, "no database is left to back up",
                hint: "the server has \(present.filter(\.isOrdinary).map(\.name).joined(separator: ", "))")
        }
        return chosen
    }

    private func matches(of pattern: NamePattern, among present: [ServerDatabase]) throws -> [ServerDatabase] {
        let fitting = present.filter { pattern.matches($0.name) }
        let found = pattern.isExact ? fitting : fitting.filter { $0.isOrdinary || $0.name == pattern.text }
        for database in found {
            guard let obstacle = database.obstacle else { continue }
            throw PlainFailure(
                .inputMissing, "database \"\(database.name)\" cannot be backed up: \(obstacle)",
                hint: database.isInvalid
                    ? "DROP DATABASE ends what was begun" : "ALTER DATABASE ... ALLOW_CONNECTIONS true")
        }
        guard !found.isEmpty else {
            let names = present.filter(\.isOrdinary).map(\.name)
            throw PlainFailure(
                .inputMissing,
                pattern.isExact
                    ? "there is no database \"\(pattern.text)\" that takes connections"
                    : "no database that takes connections fits \"\(pattern.text)\"",
                hint: Suggestion.nearest(to: pattern.text, among: names).map { "did you mean \"\($0)\"?" })
        }
        return found
    }

    /// What a run of everything leaves out by itself, and why.
    func gaps(among present: [ServerDatabase]) -> [Manifest.Gap] {
        guard included.isEmpty else { return [] }
        let left = present.filter { database in !excluded.contains { $0.matches(database.name) } }
        // Those two are in every cluster.
        let templates = left.filter { $0.isTemplate && !["template0", "template1"].contains($0.name) }
        let closed = Dictionary(grouping: left.filter { !$0.isTemplate }) { $0.obstacle }
        let found =
            [("template database", templates.count, "a template is backed up only by its exact name")]
            + closed.compactMap { obstacle, databases in obstacle.map { ("database", databases.count, $0) } }
            .sorted { $0.2 < $1.2 }
        return found.filter { $0.1 > 0 }.map { Manifest.Gap(database: nil, what: $0.0, count: $0.1, reason: $0.2) }
    }
}

extension ServerDatabase {
    /// Why nobody can connect to it.
    fileprivate var obstacle: String? {
        isInvalid ? "an interrupted DROP DATABASE left it" : takesConnections ? nil : "it takes no connections"
    }
}
