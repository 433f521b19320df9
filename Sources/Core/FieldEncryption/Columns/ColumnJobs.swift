package import Cryptography
package import Platform
package import PostgresClient

/// The long acts on a column: each online, in short transactions, one at a time for a column, resumable after any end.
package struct ColumnJobs: Sendable {
    private let connection: Connection
    private let keyring: Keyring
    private let options: JobOptions
    private let progress: ProgressHandler?

    package init(
        _ connection: Connection, _ keyring: Keyring, options: JobOptions = JobOptions(),
        progress: ProgressHandler? = nil
    ) {
        self.connection = connection
        self.keyring = keyring
        self.options = options
        self.progress = progress
    }

    /// How many rows a job would write.
    package func expected(_ job: Job, of column: ColumnDeclaration) async throws -> Int {
        try await batchJob(job, column).left()
    }

    package enum Job: Sendable {
        case backfill
        case rotate
        case reindex
        case revert(comparingAll: Bool)
    }

    /// Encrypts every value that has no ciphertext yet.
    package func backfill(_ column: ColumnDeclaration) async throws -> JobResult {
        guard column.hasPlaintext, column.phase != .reverting else {
            throw wrongPhase(column, "backfill", "started, backfilled, gated or checked")
        }
        return try await alone(column) {
            try await noteActiveKey(column)
            let result = try await batchJob(.backfill, column).run()
            try await makeIndexes(column)
            if result.left == 0, column.phase == .started {
                try await ColumnCatalog(connection).set(.backfilled, of: column)
            }
            return result
        }
    }

    /// Encrypts anew what is not under the active key.
    package func rotate(_ column: ColumnDeclaration) async throws -> JobResult {
        guard column.phase != .reverting else {
            throw wrongPhase(column, "rotate", "any phase but reverting")
        }
        return try await alone(column) {
            try await noteActiveKey(column)
            return try await batchJob(.rotate, column).run()
        }
    }

    /// Fills index columns that have no value.
    package func reindex(_ column: ColumnDeclaration) async throws -> JobResult {
        guard !column.indexes.isEmpty else {
            throw PlainFailure(
                .negative, "\(column.name) has no blind index", hint: "dbpii column reindex --index adds one")
        }
        return try await alone(column) {
            let result = try await batchJob(.reindex, column).run()
            try await makeIndexes(column)
            return result
        }
    }

    /// Adds a blind index; its values are then filled by `reindex`.
    package func add(_ index: IndexDeclaration, to column: ColumnDeclaration) async throws -> ColumnDeclaration {
        guard !column.indexes.contains(where: { $0.name == index.name }) else {
            throw PlainFailure(
                .cannotCreate, "\(column.name) has an index \"\(index.name)\" already",
                hint: "give the new one another name, let the application write both, then --drop-index the old one")
        }
        var changed = column
        changed.indexes.append(index)
        let declaration = changed
        try await connection.transaction(.changing) {
            if try await !ColumnFacts.exists(column.path, index.column, on: connection) {
                try await connection.script(
                    "ALTER TABLE \(identifier: column.path) ADD COLUMN \(identifier: index.column) pg_catalog.bytea")
            }
            let grants = try await ColumnPrivileges.copying(
                column.twin, to: [index.column], of: column.path, on: connection)
            for grant in grants { try await connection.script(grant) }
            try await ColumnCatalog(connection).set(declaration.indexes, of: column)
            try await renewTriggers(declaration)
        }
        return declaration
    }

    /// Drops a blind index with its column.
    package func drop(index name: String, of column: ColumnDeclaration) async throws -> ColumnDeclaration {
        guard let index = column.indexes.first(where: { $0.name == name }) else {
            throw PlainFailure(.inputMissing, "\(column.name) has no index \"\(name)\"")
        }
        var changed = column
        changed.indexes.removeAll { $0.name == name }
        let declaration = changed
        try await connection.transaction(.changing) {
            try await ColumnCatalog(connection).set(declaration.indexes, of: column)
            try await renewTriggers(declaration)
            try await connection.script(
                "ALTER TABLE \(identifier: column.path) DROP COLUMN IF EXISTS \(identifier: index.column)")
        }
        return declaration
    }

    /// Writes the plaintext anew from the ciphertext.
    package func restorePlaintext(_ column: ColumnDeclaration, comparingAll: Bool) async throws -> JobResult {
        try await alone(column) {
            var rows = 0
            if comparingAll { rows = try await batchJob(.revert(comparingAll: true), column).run().rows }
            var result = try await batchJob(.revert(comparingAll: false), column).run()
            result.rows += rows
            return result
        }
    }

    /// Holds the column's lock for the length of `body`: two jobs would undo each other's checkpoints.
    private func alone<Value: Sendable>(
        _ column: ColumnDeclaration, _ body: () async throws -> Value
    ) async throws -> Value {
        let isFree: Bool = try await connection.query(
            "SELECT pg_catalog.pg_try_advisory_lock(1684172905, \(Int32(column.id)))"
        ).one()[0]
        guard isFree else {
            throw PlainFailure(
                .temporary, "another job works on \(column.name)",
                hint: "dbpii column status shows how far it is; try again when it has ended")
        }
        let table = try await ColumnFacts.relation(column.path, on: connection)
        // A role's own limit is meant for queries of applications; batches set shorter ones of their own.
        _ = try await connection.query("SELECT pg_catalog.set_config('statement_timeout', '4h', false)")
        let result: Result<Value, any Error>
        do { result = .success(try await body()) } catch { result = .failure(error) }
        _ = try? await connection.query(
            "SELECT pg_catalog.pg_advisory_unlock(1684172905, \(Int32(column.id)))")
        do {
            return try result.get()
        } catch let error as PostgresError where ["42P01", "42703", "3F000"].contains(error.code) {
            throw try await renamed(column, table) ?? error
        }
    }

    /// What became of a table that is not there any more; nil when it is, and something else is wrong.
    private func renamed(_ column: ColumnDeclaration, _ table: UInt32?) async throws -> PlainFailure? {
        guard let table else { return nil }
        let name = column.path.joined(separator: ".")
        let row = try await connection.query(
            """
            SELECT n.nspname::text, c.relname::text FROM pg_catalog.pg_class c
            JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = \(table)
            """
        ).first
        guard let row else {
            return PlainFailure(.negative, "the table \(name) was dropped while the job worked on it")
        }
        let now: [String] = [try row[0], try row[1]]
        if now != column.path {
            return PlainFailure(
                .temporary, "the table \(name) was renamed to \(now.joined(separator: ".")) while the job worked on it",
                hint: "nothing is lost: run it again with --table \(now.joined(separator: "."))")
        }
        // The table is itself still: one of its partitions is not.
        guard try await ColumnFacts.exists(column.path, column.twin, on: connection) else { return nil }
        return PlainFailure(
            .temporary, "a partition of \(name) was renamed or dropped while the job worked on it",
            hint: "nothing is lost: run it again")
    }

    private func batchJob(_ job: Job, _ column: ColumnDeclaration) throws -> BatchJob {
        let cipher = try ColumnCiphers(column, keyring)
        let (change, words): (any RowChange, String) =
            switch job {
            case .backfill: (Backfill(column: column, cipher: cipher), "encrypting")
            case .rotate: (Rotation(column: column, cipher: cipher), "encrypting anew")
            case .reindex: (Reindexing(column: column, cipher: cipher), "indexing")
            case .revert(let all): (Restoring(column: column, cipher: cipher, comparesAll: all), "decrypting")
            }
        return BatchJob(
            connection: connection, column: column, change: change, options: options, progress: progress,
            activity: "\(words) \(column.name)")
    }

    private func noteActiveKey(_ column: ColumnDeclaration) async throws {
        try await ColumnCatalog(connection).add(keyring.activeKey().id, to: column)
    }

    private func renewTriggers(_ column: ColumnDeclaration) async throws {
        guard column.hasPlaintext, column.phase != .reverting else { return }
        let triggers = ColumnTriggers(column, try await ColumnTriggers.watch(column, on: connection))
        // The counter stays: the gate has looked at it.
        for statement in triggers.replacement() { try await connection.script(statement) }
        try await triggers.enable(on: connection)
    }

    /// Makes the B-trees over index columns, without holding up writers; over partitions one by one.
    private func makeIndexes(_ column: ColumnDeclaration) async throws {
        for index in column.indexes {
            let name = Self.indexName(column, index)
            let exists: Bool = try await connection.query(
                """
                SELECT EXISTS (SELECT FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
                    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
                    WHERE n.nspname = \(column.schema) AND c.relname = \(name) AND i.indisvalid)
                """
            ).one()[0]
            if exists { continue }
            let unique: SQL = index.isUnique ? "UNIQUE " : ""
            let leaves = try await column.leaves(on: connection)
            let isPartitioned = leaves.map(\.path) != [column.path]
            // What an interrupted build left is invalid, and in the way.
            try await connection.execute(
                "DROP INDEX \(raw: isPartitioned ? "" : "CONCURRENTLY ")IF EXISTS \(identifier: [column.schema, name])")
            if isPartitioned {
                for leaf in leaves where !index.isUnique {
                    let leafName = Self.cut("dbpii_\(column.id)_\(index.name)_\(leaf.oid)")
                    try await connection.execute("DROP INDEX IF EXISTS \(identifier: [leaf.path[0], leafName])")
                    try await connection.execute(
                        """
                        CREATE INDEX CONCURRENTLY \(identifier: leafName) ON \(identifier: leaf.path)
                            (\(identifier: index.column))
                        """)
                }
                // Takes the partitions' own indexes over where there are any.
                try await connection.execute(
                    "CREATE \(unique)INDEX \(identifier: name) ON \(identifier: column.path) (\(identifier: index.column))"
                )
            } else {
                try await connection.execute(
                    """
                    CREATE \(unique)INDEX CONCURRENTLY \(identifier: name) ON \(identifier: column.path)
                        (\(identifier: index.column))
                    """)
            }
        }
    }

    private static func indexName(_ column: ColumnDeclaration, _ index: IndexDeclaration) -> String {
        cut("\(column.table)_\(index.column)_idx")
    }

    private static func cut(_ name: String) -> String {
        var name = name
        while name.utf8.count > Quoting.longestName { name.removeLast() }
        return name
    }
}

func wrongPhase(_ column: ColumnDeclaration, _ verb: String, _ wanted: String) -> PlainFailure {
    PlainFailure(
        .negative, "\(column.name) is in the phase \"\(column.phase.rawValue)\", and \(verb) needs \(wanted)",
        hint: "dbpii column status shows the way")
}
