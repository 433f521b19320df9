package import Cryptography
import Platform
import PostgresClient

/// A subject's fields in the tables that were linked; in batches, so that memory stays flat however many there are.
extension SubjectStore {
    /// One value of a subject, decrypted.
    package struct Value: Sendable {
        package let column: String
        package let text: String
    }

    /// What was gone through.
    package struct Count: Sendable, Equatable {
        package var fields = 0
        package var columns = 0
    }

    /// Puts the subject's fields, which are under ring keys, under its own; tells how many.
    ///
    /// By compare-and-set, so that a value the application writes meanwhile is not written over, but taken again.
    package func adopt(_ key: SubjectKey, _ keyring: Keyring) async throws -> Int {
        var count = 0
        for (table, column) in try await linkedColumns() {
            let (ring, own) = (ColumnKeys(column.context, in: keyring), key.column(column.context))
            let isRings: SQL = "pg_catalog.substring(\(identifier: column.twin), 1, 1) = '\\x01'"
            // Somebody who writes all the time is not waited for: what is left is told when the subject is erased.
            for _ in 0..<8 {
                var written = 0
                var missed = 0
                try await forEachField(of: key.subject, table, column, isRings, isHeld: true) { found in
                    let binding = try Self.binding(found.row, column)
                    var plaintext = try ring.open(found.field.span, binding)
                    defer { wipe(&plaintext) }
                    let sealed = own.seal(plaintext.span, binding, padding: column.padding)
                    let changed = try await connection.execute(
                        """
                        UPDATE \(identifier: [table.schema, table.name]) SET \(identifier: column.twin) = \(sealed)
                        WHERE ctid = \(found.address)::pg_catalog.tid AND tableoid = \(found.relation)::text::pg_catalog.oid
                            AND \(identifier: table.column)::text = \(key.subject)
                            AND \(identifier: column.twin) = \(found.field)
                        """)
                    if changed == 0 { missed += 1 } else { written += 1 }
                }
                count += written
                if missed == 0 { break }
            }
        }
        return count
    }

    /// Hands everything that the declared columns hold of a subject, decrypted and as of one moment, to `give`, one by one.
    package nonisolated(nonsending) func export(
        _ subject: String, _ keyring: Keyring, _ give: (Value) throws -> Void
    ) async throws -> Count {
        let key = try await key(subject, keyring)
        var count = Count()
        // What was handed out is not taken back: nothing is tried again.
        try await connection.transaction(TransactionOptions(isolation: .repeatableRead, isReadOnly: true, retries: 0)) {
            for (table, column) in try await linkedColumns() {
                let (ring, own) = (ColumnKeys(column.context, in: keyring), key.column(column.context))
                let name = "\(table.schema).\(table.name).\(column.column)"
                let before = count.fields
                try await forEachField(of: subject, table, column, "true", isHeld: false) { found in
                    let binding = try Self.binding(found.row, column)
                    let bytes =
                        found.field.first == SubjectKey.version
                        ? try own.open(found.field.span, binding) : try ring.open(found.field.span, binding)
                    try give(
                        Value(
                            column: name, text: String(validating: bytes, as: UTF8.self) ?? "\\x" + Hex.encode(bytes)))
                    count.fields += 1
                }
                if count.fields > before { count.columns += 1 }
            }
        }
        return count
    }

    /// The columns whose tables are linked, with their tables.
    ///
    /// - Throws: status 66 for a linked table that is not there: what it holds of a person would be passed over in silence.
    func linkedColumns() async throws -> [(table: Table, column: ColumnDeclaration)] {
        for table in try await tables()
        where try await ColumnFacts.relation([table.schema, table.name], on: connection) == nil {
            throw PlainFailure(
                .inputMissing, "the table \(table.schema).\(table.name) is linked to subjects, and is not there",
                hint: "a renamed one is found by dbpii column rotate; a dropped one: dbpii subject link --remove")
        }
        let columns = try await ColumnCatalog(connection).columns()
        return try await tables().flatMap { table in
            columns.filter { $0.schema == table.schema && $0.table == table.name }.map { (table, $0) }
        }
    }

    private struct StoredField {
        let relation: String
        let address: String
        let field: [UInt8]
        let row: String?
    }

    /// Fetches from a cursor, as many rows at a time as have some megabytes.
    ///
    /// - Parameter isHeld: whether the cursor is of the session, so that `body` may change rows in transactions of its own.
    private nonisolated(nonsending) func forEachField(
        of subject: String, _ table: Table, _ column: ColumnDeclaration, _ condition: SQL, isHeld: Bool,
        _ body: nonisolated(nonsending) (StoredField) async throws -> Void
    ) async throws {
        let row: SQL = column.rowColumn.map { "\(identifier: $0)::text" } ?? "NULL::text"
        let hold: SQL = isHeld ? " WITH HOLD" : ""
        try await connection.execute(
            """
            DECLARE dbpii_fields NO SCROLL CURSOR\(hold) FOR
            SELECT tableoid::text, ctid::text, \(identifier: column.twin), \(row)
            FROM \(identifier: [table.schema, table.name])
            WHERE \(identifier: table.column)::text = \(literal: subject)
                AND \(identifier: column.twin) IS NOT NULL AND (\(condition))
            """)
        var size = 64
        while true {
            let rows = try await connection.query(
                "FETCH FORWARD \(raw: String(size)) FROM dbpii_fields", format: .binary)
            var bytes = 0
            for row in rows {
                let found = StoredField(relation: try row[0], address: try row[1], field: try row[2], row: try row[3])
                bytes += found.field.count
                try await body(found)
            }
            if rows.count < size { break }
            size = bytes > 4 << 20 ? max(1, size / 2) : min(1024, size * 2)
        }
        try await connection.execute("CLOSE dbpii_fields")
    }

    private static func binding(_ row: String?, _ column: ColumnDeclaration) throws -> FieldBinding {
        guard column.rowColumn != nil else { return .column }
        guard let id = row.flatMap({ RowID($0) }) else {
            throw FieldError(.malformed, "a row of \(column.name) has no uuid")
        }
        return .row(id)
    }
}
