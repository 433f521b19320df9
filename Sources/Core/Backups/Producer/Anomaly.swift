/// Something of which there is suspiciously less than there was at the last backup.
package struct Anomaly: Sendable, Hashable, Encodable {
    package enum Kind: String, Sendable, Encodable {
        case databaseGone = "database gone"
        case tableGone = "table gone"
        case rowsLost = "rows lost"
        case shrunk
    }

    package let kind: Kind
    package let database: String
    /// As `public.orders`.
    package let table: String?
    /// Rows of a table, bytes of a database.
    package let before: Int
    package let after: Int
    /// The backup that it was compared with.
    package let comparedWith: String

    /// In one sentence.
    package var sentence: String {
        switch kind {
        case .databaseGone: "database \(database) was in \(comparedWith) and is on the server no more"
        case .tableGone: "table \(table ?? "") of \(database) had \(before) rows in \(comparedWith) and is gone"
        case .rowsLost: "table \(table ?? "") of \(database) has \(after) rows, and had \(before) in \(comparedWith)"
        case .shrunk: "database \(database) holds \(after) bytes, and held \(before) in \(comparedWith)"
        }
    }
}

/// How much may be lost from one backup to the next before somebody should know.
package struct AnomalyLimits: Sendable, Hashable {
    /// Percent of a table's rows, and of a database's bytes.
    package var maxLoss = 50
    /// Tables that may lose what they want, as `public.sessions` or `*.queue`.
    package var ignored: [NamePattern] = []
    /// Whether a run with anomalies ends with 1.
    package var fail = false

    package init() {}

    /// A table this small empties and fills without meaning anything.
    fileprivate static let smallestTable = 100
    fileprivate static let smallestDatabase = 1 << 20

    fileprivate func isTooLittle(_ after: Int, of before: Int) -> Bool {
        Double(after) < Double(before) * Double(100 - maxLoss) / 100
    }
}

extension LastContent {
    /// What is missing or much smaller in a new backup, database by database.
    ///
    /// - Parameter present: The databases that the server has.
    func anomalies(in index: IndexDocument, present: Set<String>, _ limits: AnomalyLimits) -> [Anomaly] {
        databases.sorted { $0.key < $1.key }.flatMap { name, last -> [Anomaly] in
            if !present.contains(name) {
                return [last.anomaly(.databaseGone, name, before: last.bytes)]
            }
            guard let content = index.database(name)?.content else { return [] }
            return last.anomalies(name, in: content, limits)
        }
    }
}

extension LastContent.Database {
    fileprivate func anomalies(_ name: String, in content: ContentIndex, _ limits: AnomalyLimits) -> [Anomaly] {
        let now = Dictionary(content.tables.map { ($0.name.description, $0.rows) }, uniquingKeysWith: { $0 + $1 })
        var found = rows.sorted { $0.key < $1.key }.compactMap { table, before -> Anomaly? in
            guard !limits.ignored.contains(where: { $0.matches(table) }) else { return nil }
            guard let after = now[table] else { return anomaly(.tableGone, name, table, before: before) }
            guard before >= AnomalyLimits.smallestTable, limits.isTooLittle(after, of: before) else { return nil }
            return anomaly(.rowsLost, name, table, before: before, after: after)
        }
        if bytes >= AnomalyLimits.smallestDatabase, limits.isTooLittle(content.bytes, of: bytes) {
            found.append(anomaly(.shrunk, name, before: bytes, after: content.bytes))
        }
        return found
    }

    fileprivate func anomaly(
        _ kind: Anomaly.Kind, _ database: String, _ table: String? = nil, before: Int, after: Int = 0
    ) -> Anomaly {
        Anomaly(kind: kind, database: database, table: table, before: before, after: after, comparedWith: label)
    }
}
