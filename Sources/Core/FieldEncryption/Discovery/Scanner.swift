package import Platform
package import PostgresClient

/// Looks through a database for columns that hold personal data.
///
/// Reads a random sample of every table, and asks for more where NULLs left too little of a column. Writes nothing, and no
/// value leaves it but as its shape.
package struct Scanner: Sendable {
    package struct Options: Sendable {
        /// Only these; empty for all.
        package var schemas: Set<String> = []
        /// How many values of each column are looked at.
        package var sampleSize = 300
        /// Findings below are left out.
        package var minimumConfidence = 0.5

        package init() {}
    }

    private let connection: Connection
    private let options: Options
    private let progress: ProgressHandler?

    package init(_ connection: Connection, options: Options = Options(), progress: ProgressHandler? = nil) {
        self.connection = connection
        self.options = options
        self.progress = progress
    }

    /// - Throws: status 66 for a schema that is not there.
    package func scan() async throws -> ScanOutcome {
        let tables = try await ScanCatalog.tables(connection)
        for schema in options.schemas.sorted() where !tables.contains(where: { $0.schema == schema }) {
            let known = Set(tables.map(\.schema))
            throw PlainFailure(
                .inputMissing,
                "there is no schema \"\(schema)\" with tables" + Suggestion.phrase(for: schema, among: known))
        }
        let wanted = tables.filter { options.schemas.isEmpty || options.schemas.contains($0.schema) }
        var outcome = ScanOutcome(tables: wanted)
        for (index, table) in wanted.enumerated() {
            progress?(Progress("scanning \(table.schema).\(table.name) (\(index + 1) of \(wanted.count))"))
            let readable = table.columns.filter(\.isReadable)
            for column in table.columns where !column.isReadable {
                outcome.skipped.append(Skipped("\(table.place).\(column.name)", "this role may not read it"))
            }
            do {
                let samples = try await TableSampler(connection, table, readable, size: options.sampleSize).samples()
                outcome.columns += readable.count
                let judge = ColumnJudge()
                let findings = try mapInParallel(samples) { judge.judge($0) }.compactMap(\.self)
                outcome.findings += findings.filter { $0.confidence >= options.minimumConfidence }
            } catch let error as PostgresError where Self.isPassedOver(error) {
                outcome.skipped.append(Skipped(table.place, error.message))
            }
        }
        return outcome
    }

    /// A table that is locked, slow or gone does not end the scan.
    private static func isPassedOver(_ error: PostgresError) -> Bool {
        ["55P03", "57014", "42P01", "42501"].contains(error.code) && !Task.isCancelled
    }
}

/// Something that a scan did not look at, and why.
package struct Skipped: Sendable, Encodable {
    package let what: String
    package let why: String

    package init(_ what: String, _ why: String) {
        (self.what, self.why) = (what, why)
    }
}

/// What a scan found.
package struct ScanOutcome: Sendable {
    package let tables: [ScanTable]
    /// How many columns were looked at.
    package var columns = 0
    package var findings: [ColumnFinding] = []
    package var skipped: [Skipped] = []

    /// The same scan with some of its findings.
    package func with(_ findings: [ColumnFinding]) -> ScanOutcome {
        var outcome = self
        outcome.findings = findings
        return outcome
    }
}

/// A table as a scan sees it.
package struct ScanTable: Sendable {
    package let schema: String
    package let name: String
    package let oid: UInt32
    /// A materialized view, which is made of other tables' rows.
    package let isDerived: Bool
    /// The only column of its primary key, where that is a uuid.
    package let uuidKey: String?
    package var columns: [ScanColumn] = []

    package var place: String { "\(schema).\(name)" }
}

package struct ScanColumn: Sendable {
    package let name: String
    package let type: String
    package let isArray: Bool
    package let isGenerated: Bool
    package let isReadable: Bool
    package let isIndexed: Bool
    package let isUnique: Bool
}

/// The catalog's part of a scan.
enum ScanCatalog {
    static func tables(_ connection: Connection) async throws -> [ScanTable] {
        var tables: [ScanTable] = []
        for row in try await connection.query(
            SQL(raw: String(decoding: PackageResources.scan_columns_sql, as: UTF8.self)))
        {
            let oid: UInt32 = try row["table_oid"]
            if tables.last?.oid != oid {
                tables.append(
                    ScanTable(
                        schema: try row["schema"], name: try row["table_name"], oid: oid,
                        isDerived: try row["kind"] as String == "m", uuidKey: try row["uuid_key"]))
            }
            tables[tables.count - 1].columns.append(
                ScanColumn(
                    name: try row["column_name"], type: try row["type"], isArray: try row["is_array"],
                    isGenerated: try row["is_generated"], isReadable: try row["readable"],
                    isIndexed: try row["is_indexed"], isUnique: try row["is_unique"]))
        }
        return tables
    }
}

/// Takes a sample of one table, all its columns at once.
struct TableSampler {
    private let connection: Connection
    private let table: ScanTable
    private let columns: [ScanColumn]
    private let size: Int

    /// Above so many pages only some of them are read.
    private static let pages = 200

    init(_ connection: Connection, _ table: ScanTable, _ columns: [ScanColumn], size: Int) {
        self.connection = connection
        self.table = table
        self.columns = columns
        self.size = size
    }

    func samples() async throws -> [ColumnSample] {
        guard !columns.isEmpty else { return [] }
        return try await connection.transaction(
            TransactionOptions(isReadOnly: true, lockTimeout: .seconds(5), statementTimeout: .seconds(30))
        ) {
            // Asking for the size waits for a lock as reading does, and so it is asked for here, where that has an end.
            let pages: Int = try await connection.query(
                """
                SELECT COALESCE(pg_catalog.sum(pg_catalog.pg_relation_size(p.relid)), 0)::int8 / 8192
                FROM (SELECT relid FROM pg_catalog.pg_partition_tree(\(table.oid)) WHERE isleaf
                      UNION SELECT \(table.oid)) p
                """
            ).one()[0]
            var values = [[String]](repeating: [], count: columns.count)
            let rows = try await connection.query(query(of: pages))
            for row in rows {
                for index in columns.indices {
                    if let text: String = try row[index], !text.isEmpty { values[index].append(text) }
                }
            }
            // A column that is mostly NULL left little in the sample of rows; where that was the whole table, it is all.
            let poor = columns.indices.filter { values[$0].count < size / 3 }
            if rows.count >= size, !poor.isEmpty { try await enrich(poor, of: pages, &values) }
            return zip(columns, values).flatMap(samples)
        }
    }

    private func samples(_ column: ScanColumn, _ values: [String]) -> [ColumnSample] {
        let parts = column.isArray ? values.flatMap { $0.split(separator: "\n").map(String.init) } : values
        let sample = ColumnSample(
            schema: table.schema, table: table.name, column: column.name, type: column.type, values: parts)
        guard column.type == "json" || column.type == "jsonb" else { return [sample] }
        return JSONLeaves.collect(parts).map { path, values in
            ColumnSample(
                schema: table.schema, table: table.name, column: column.name, path: path, type: column.type,
                values: values)
        }
    }

    private var name: SQL { "\(identifier: [table.schema, table.name])" }

    /// Some pages of a large table, chosen by chance.
    private func chosen(_ wanted: Int, of pages: Int) -> SQL {
        guard pages > wanted else { return "" }
        let percent = max(0.001, min(100, 100 * Double(wanted) / Double(pages)))
        return " TABLESAMPLE SYSTEM (\(raw: String(percent)))"
    }

    /// The rows are chosen before their values are made, so that only chosen ones are unpacked.
    private func query(of pages: Int) -> SQL {
        let texts = columns.enumerated().map { index, column in Self.text(column, of: "c\(index)") }
        let picked = columns.enumerated().map { index, column -> SQL in
            "\(identifier: column.name) AS \(identifier: "c\(index)")"
        }
        return """
            SELECT \(texts.joined()) FROM (
              SELECT \(picked.joined()) FROM \(name)\(chosen(Self.pages, of: pages)) ORDER BY pg_catalog.random() LIMIT \(raw: String(size))
            ) s
            """
    }

    private static func text(_ column: ScanColumn, of name: String) -> SQL {
        if column.isArray {
            return "pg_catalog.left(pg_catalog.array_to_string(\(identifier: name), E'\\n'), 2000)"
        }
        let length = column.type.hasPrefix("json") ? 8000 : 500
        // What cannot be judged is not fetched.
        if column.type == "bytea" { return "NULL::text" }
        return "pg_catalog.left(\(identifier: name)::text, \(raw: String(length)))"
    }

    private func enrich(_ poor: [Int], of pages: Int, _ values: inout [[String]]) async throws {
        for start in stride(from: 0, to: poor.count, by: 50) {
            let part = poor[start..<min(start + 50, poor.count)]
            let queries = part.map { index -> SQL in
                let column = columns[index]
                return """
                    (SELECT \(raw: String(index))::int4, \(Self.text(column, of: column.name)) FROM \(name)\(chosen(20 * Self.pages, of: pages))
                     WHERE \(identifier: column.name) IS NOT NULL LIMIT \(raw: String(size)))
                    """
            }
            do {
                try await connection.savepoint {
                    for index in part { values[index] = [] }
                    for row in try await connection.query(queries.joined(separator: " UNION ALL ")) {
                        let index: Int = try row[0]
                        if let text: String = try row[1], !text.isEmpty { values[index].append(text) }
                    }
                }
            } catch let error as PostgresError where error.code == "57014" && !Task.isCancelled {
                // A column of almost nothing in a huge table: what the first sample gave has to do.
                continue
            }
        }
    }
}
