import FoundationEssentials
import Platform
package import PostgresClient

/// What is to be done about the columns that a scan has found: a document to edit and hand on.
///
/// Masking reads it, and whoever encrypts the columns does so by it.
package struct DiscoveryPlan: Sendable, Codable {
    package var version = 1
    package var database: String
    package var columns: [Column]
    package var grants: [Grant]

    package struct Column: Sendable, Codable {
        package var schema: String
        package var table: String
        package var column: String
        /// Inside of a JSON column; then the key's values are masked, and the whole column is what can be encrypted.
        package var path: [String]?
        package var kind: PersonalKind
        package var confidence: Double?
        /// Whether to encrypt it.
        package var encrypt: Bool
        /// The name that the column's key is derived from; it stays when table or column are renamed.
        package var context: String
        /// `column`, or `row:` and the column with the row's unchangeable uuid.
        package var binding: String
        package var index: Index?
        /// How `dbpii mask` replaces it: the name of a rule.
        package var mask: String
    }

    /// A blind index, so that what was searched before can be searched still.
    package struct Index: Sendable, Codable {
        /// `unique`: full length, where UNIQUE or a join needs it; `search`: truncated.
        package var purpose: String
        package var transform: String?
    }

    /// Somebody who may read a found column, and how to take that away.
    package struct Grant: Sendable, Codable {
        package var table: String
        package var grantee: String
        package var columns: [String]
        /// What narrows it, to be read before it is run.
        package var narrow: String
    }

    /// - Throws: `DocumentFailure` (65) naming the line.
    package init(reading bytes: [UInt8], named name: String) throws {
        let document = try CommentedJSON(bytes, named: name)
        self = try document.decode(DiscoveryPlan.self)
        guard version == 1 else {
            throw document.failure(at: "version", "this program knows version 1 of a plan, not \(version)")
        }
    }

    private enum Keys: String, CodingKey, CaseIterable {
        case version, database, columns, grants
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.strict(Keys.self)
        version = try container.decode(Int.self, forKey: .version)
        database = try container.decodeIfPresent(String.self, forKey: .database) ?? ""
        columns = try container.decode([Column].self, forKey: .columns)
        grants = try container.decodeIfPresent([Grant].self, forKey: .grants) ?? []
    }

    /// Makes a plan of findings: contexts, bindings, indexes where there are some today, and who can read them.
    package init(_ outcome: ScanOutcome, _ connection: Connection) async throws {
        database = try await connection.query("SELECT pg_catalog.current_database()").one()[0]
        let tables = Dictionary(outcome.tables.map { ($0.place, $0) }) { first, _ in first }
        columns = outcome.findings.map { finding in
            Self.column(finding, tables["\(finding.schema).\(finding.table)"])
        }
        grants = try await Self.grants(columns, connection)
    }

    private static func column(_ finding: ColumnFinding, _ table: ScanTable?) -> Column {
        let column = table?.columns.first { $0.name == finding.column }
        let prefix = finding.schema == "public" ? "" : "\(finding.schema)."
        let isMade = table?.isDerived == true || column?.isGenerated == true
        // What is searched by today will be searched by tomorrow.
        var index: Index?
        if let column, finding.path == nil, column.isIndexed || column.isUnique {
            index = Index(purpose: column.isUnique ? "unique" : "search", transform: finding.kind.transform)
        }
        return Column(
            schema: finding.schema, table: finding.table, column: finding.column, path: finding.path,
            kind: finding.kind, confidence: finding.confidence,
            // A password hash is not to be read back, and what is made of other columns follows them.
            encrypt: finding.kind != .secret && table?.isDerived != true && column?.isGenerated != true
                && finding.path == nil,
            context: "\(prefix)\(finding.table).\(finding.column)",
            binding: table?.uuidKey.map { "row:\($0)" } ?? "column", index: index,
            mask: (isMade ? MaskRule.keep : .suggested(for: finding.kind, type: finding.type)).name)
    }

    private static func grants(_ columns: [Column], _ connection: Connection) async throws -> [Grant] {
        let found = Dictionary(grouping: columns) { "\($0.schema).\($0.table)" }
        var grants: [Grant] = []
        for row in try await connection.query(
            SQL(raw: String(decoding: PackageResources.scan_grants_sql, as: UTF8.self)))
        {
            let (schema, table): (String, String) = (try row["schema"], try row["table_name"])
            let (column, grantee): (String?, String) = (try row["column_name"], try row["grantee"])
            let names = Array(Set((found["\(schema).\(table)"] ?? []).map(\.column))).sorted()
            guard !names.isEmpty, column.map(names.contains) ?? true else { continue }
            let role: SQL = grantee == "PUBLIC" ? "PUBLIC" : "\(identifier: grantee)"
            let what: SQL = column.map { " (\(identifier: $0))" } ?? ""
            let rest: SQL =
                column == nil
                ? "; GRANT SELECT (/* the columns it needs, without \(raw: names.joined(separator: ", ").filter { $0 != "/" }) */) ON \(identifier: [schema, table]) TO \(role);"
                : ";"
            grants.append(
                Grant(
                    table: "\(schema).\(table)", grantee: grantee, columns: column.map { [$0] } ?? names,
                    narrow: try ("REVOKE SELECT\(what) ON \(identifier: [schema, table]) FROM \(role)" + rest).text()))
        }
        return grants
    }

    package func encoded() throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return Array(try encoder.encode(self)) + [0x0A]
    }
}
