import Platform
package import PostgresClient

/// The way back to plaintext, from every phase.
package struct ColumnRevert: Sendable {
    private let connection: Connection

    package init(_ connection: Connection) {
        self.connection = connection
    }

    /// Makes the plaintext column count again, where it does not any more; its values are then written by a job.
    ///
    /// - Returns: nil when the plaintext still counts, so that nothing has to be written.
    package func begin(_ column: ColumnDeclaration) async throws -> ColumnDeclaration? {
        switch column.phase {
        case .started, .backfilled, .gated: return nil
        case .reverting: return column
        case .checked, .finished: break
        }
        let table: SQL = "ALTER TABLE \(identifier: column.path)"
        let triggers = ColumnTriggers(column, try await ColumnTriggers.watch(column, on: connection))
        let catalog = ColumnCatalog(connection)
        try await connection.transaction(.changing) {
            if column.phase == .finished {
                try await connection.script(
                    "\(table) ADD COLUMN \(identifier: column.column) \(raw: column.type)")
                let grants = try await ColumnPrivileges.copying(
                    column.twin, to: [column.column], of: column.path, on: connection)
                for grant in grants { try await connection.script(grant) }
                if column.isNotNull {
                    try await connection.script("\(table) ALTER COLUMN \(identifier: column.twin) DROP NOT NULL")
                }
            }
            try await connection.script("\(table) DROP CONSTRAINT IF EXISTS \(identifier: column.constraint)")
            for statement in triggers.drop() + triggers.backward() { try await connection.script(statement) }
            try await triggers.enable(on: connection)
            try await catalog.set(.reverting, of: column)
        }
        var reverting = column
        reverting.phase = .reverting
        return reverting
    }

    /// What `end` would run.
    package func statements(_ column: ColumnDeclaration) throws -> [String] {
        try drops(column).map { try $0.text() }
    }

    /// Takes everything away that `start` made; the plaintext must be complete.
    package func end(_ column: ColumnDeclaration) async throws {
        guard [.started, .backfilled, .gated, .reverting].contains(column.phase) else {
            throw wrongPhase(column, "revert --drop-twin", "the plaintext back: dbpii column revert, without it, first")
        }
        let missing: Int = try await connection.query(
            """
            SELECT count(*) FROM \(identifier: column.path)
            WHERE \(identifier: column.twin) IS NOT NULL AND \(identifier: column.column) IS NULL
            """
        ).one()[0]
        guard missing == 0 else {
            throw PlainFailure(
                .negative, "\(missing) rows of \(column.name) have ciphertext and no plaintext",
                hint: "dbpii column revert writes it")
        }
        let catalog = ColumnCatalog(connection)
        try await connection.transaction(.changing) {
            for statement in drops(column) { try await connection.script(statement) }
            try await catalog.remove(column)
        }
    }

    private func drops(_ column: ColumnDeclaration) -> [SQL] {
        let table: SQL = "ALTER TABLE \(identifier: column.path)"
        var statements = ColumnTriggers(column).drop()
        statements.append("\(table) DROP CONSTRAINT IF EXISTS \(identifier: column.constraint)")
        for name in [column.twin] + column.indexes.map(\.column) {
            statements.append("\(table) DROP COLUMN IF EXISTS \(identifier: name)")
        }
        if column.isNotNull, column.phase == .reverting {
            statements.append("\(table) ALTER COLUMN \(identifier: column.column) SET NOT NULL")
        }
        return statements
    }
}
