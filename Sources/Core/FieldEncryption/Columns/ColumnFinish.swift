import Platform
package import PostgresClient

/// The last steps: a constraint that refuses plaintext without ciphertext, then the drop of the plaintext.
package struct ColumnFinish: Sendable {
    private let connection: Connection

    package init(_ connection: Connection) {
        self.connection = connection
    }

    /// What the step would run.
    package func statements(_ column: ColumnDeclaration, dropping: Bool) throws -> [String] {
        try (dropping ? drops(column) : checks(column)).map { try $0.text() }
    }

    /// From then on the twin is what counts, and the application may stop writing the plaintext.
    package func check(_ column: ColumnDeclaration) async throws {
        guard column.phase == .gated else { throw wrongPhase(column, "finish", "gated") }
        let left = try await ColumnGate.left(column, on: connection)
        guard left == 0 else {
            throw PlainFailure(
                .negative, "\(left) rows of \(column.name) have plaintext and no ciphertext",
                hint: "dbpii column backfill, then gate again: somebody writes without the twin")
        }
        let statements = checks(column)
        try await retryingLocks {
            try await connection.transaction(.changing) {
                for statement in statements.dropLast() { try await connection.script(statement) }
            }
        }
        // Reads the table under a lock that lets writers through.
        if let validate = statements.last { try await connection.execute(validate) }
        try await ColumnCatalog(connection).set(.checked, of: column)
    }

    /// Drops the plaintext column; what depends on it must be gone.
    package func drop(_ column: ColumnDeclaration) async throws {
        guard column.phase == .checked else { throw wrongPhase(column, "finish --drop-plaintext", "checked") }
        let facts = try await ColumnFacts.read(column.path, column.column, on: connection)
        let blocking = try await Dependency.read(facts, on: connection).filter(\.blocksDrop)
        guard blocking.isEmpty else {
            throw PlainFailure(
                .negative,
                "\(column.name) cannot be dropped: "
                    + blocking.map { "\($0.kind) \($0.name)" }.joined(separator: ", "),
                hint: "dbpii column start --dry-run, or status, says what to do about each")
        }
        let statements = drops(column)
        try await retryingLocks {
            try await connection.transaction(.changing) {
                for statement in statements { try await connection.script(statement) }
                try await ColumnCatalog(connection).set(.finished, of: column)
            }
        }
    }

    private func checks(_ column: ColumnDeclaration) -> [SQL] {
        let twin: SQL = "\(identifier: column.twin) IS NOT NULL"
        let condition: SQL = column.isNotNull ? twin : "\(identifier: column.column) IS NULL OR \(twin)"
        let table: SQL = "ALTER TABLE \(identifier: column.path)"
        var statements: [SQL] = [
            "\(table) DROP CONSTRAINT IF EXISTS \(identifier: column.constraint)",
            "\(table) ADD CONSTRAINT \(identifier: column.constraint) CHECK (\(condition)) NOT VALID",
        ]
        if column.isNotNull { statements.append("\(table) ALTER COLUMN \(identifier: column.column) DROP NOT NULL") }
        return statements + ["\(table) VALIDATE CONSTRAINT \(identifier: column.constraint)"]
    }

    private func drops(_ column: ColumnDeclaration) -> [SQL] {
        let table: SQL = "ALTER TABLE \(identifier: column.path)"
        var statements = ColumnTriggers(column).drop()
        if column.isNotNull {
            // The valid constraint spares the scan of the table.
            statements.append("\(table) ALTER COLUMN \(identifier: column.twin) SET NOT NULL")
        }
        statements.append("\(table) DROP CONSTRAINT IF EXISTS \(identifier: column.constraint)")
        statements.append("\(table) DROP COLUMN \(identifier: column.column)")
        return statements
    }

    /// A table under load is locked for a moment only: several short tries instead of a long queue behind us.
    private func retryingLocks(_ body: () async throws -> Void) async throws {
        var attempt = 0
        while true {
            do {
                return try await body()
            } catch let error as PostgresError where ["55P03", "40P01"].contains(error.code) && attempt < 10 {
                attempt += 1
                try await Task.sleep(for: .milliseconds(200 * attempt))
            }
        }
    }
}
