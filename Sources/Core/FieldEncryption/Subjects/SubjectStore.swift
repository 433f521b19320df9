package import Cryptography
package import Platform
package import PostgresClient

/// The data subjects of a database, their wrapped keys, and the tables that hold their rows.
package struct SubjectStore: Sendable {
    package enum State: String, Sendable, Encodable {
        case active
        /// The key is gone from the database, and something that is left could bring it back.
        case erasing
        /// Nothing is left that could.
        case erased
    }

    package struct Entry: Sendable {
        package let subject: String
        package let id: FieldKeyID
        package let created: Timestamp
        package let erased: Timestamp?
        package let cleared: [String]
        package let complete: Timestamp?

        package init(
            subject: String, id: FieldKeyID, created: Timestamp, erased: Timestamp?, cleared: [String] = [],
            complete: Timestamp? = nil
        ) {
            (self.subject, self.id, self.created, self.erased) = (subject, id, created, erased)
            (self.cleared, self.complete) = (cleared, complete)
        }

        package var state: State { erased == nil ? .active : complete == nil ? .erasing : .erased }
    }

    package struct Table: Sendable {
        package let schema: String
        package let name: String
        /// The column with the subject's id.
        package let column: String

        package init(schema: String, name: String, column: String) {
            (self.schema, self.name, self.column) = (schema, name, column)
        }
    }

    let connection: Connection

    package init(_ connection: Connection) {
        self.connection = connection
    }

    private func exists() async throws -> Bool {
        try await connection.query("SELECT pg_catalog.to_regclass('dbpii.subjects') IS NOT NULL").one()[0]
    }

    private func install() async throws {
        guard try await !exists() else { return }
        try await connection.script(SQL(raw: String(decoding: PackageResources.subjects_schema_sql, as: UTF8.self)))
    }

    /// Says which column of a table holds the id of the subject that a row is about.
    package func link(_ table: Table) async throws {
        // The server's own words for a table or column that is not there.
        _ = try await connection.query(
            "SELECT \(identifier: table.column) FROM \(identifier: [table.schema, table.name]) LIMIT 0")
        try await connection.transaction(.changing) {
            try await install()
            try await connection.execute(
                """
                INSERT INTO dbpii.subject_tables VALUES (\(table.schema), \(table.name), \(table.column))
                ON CONFLICT (schema_name, table_name) DO UPDATE SET column_name = EXCLUDED.column_name
                """)
        }
    }

    /// Takes a link back.
    ///
    /// - Throws: status 66 when there is none.
    package func unlink(_ path: [String]) async throws {
        let count =
            try await exists()
            ? try await connection.execute(
                "DELETE FROM dbpii.subject_tables WHERE schema_name = \(path[0]) AND table_name = \(path[1])") : 0
        guard count == 1 else {
            throw PlainFailure(.inputMissing, "\(path.joined(separator: ".")) is not linked to subjects")
        }
    }

    package func tables() async throws -> [Table] {
        guard try await exists() else { return [] }
        return try await connection.query(
            "SELECT schema_name, table_name, column_name FROM dbpii.subject_tables ORDER BY 1, 2"
        ).map { Table(schema: try $0[0], name: try $0[1], column: try $0[2]) }
    }

    /// Makes a key for a subject.
    ///
    /// - Throws: status 1 for one that has a key, or had one: what was forgotten is not begun anew under the same id.
    package func create(_ subject: String, _ keyring: Keyring) async throws -> SubjectKey {
        guard !subject.isEmpty, subject.utf8.count <= 1024 else {
            throw PlainFailure(.usage, "a subject's id has from 1 to 1024 bytes")
        }
        let ring = try keyring.activeKey()
        let key = SubjectKey.generate(for: subject)
        let (wrapped, commitment) = try key.wrapped(by: ring)
        try await connection.transaction(.changing) {
            try await install()
            let made = try await connection.execute(
                """
                INSERT INTO dbpii.subjects (subject, key_id, wrapped, commitment)
                VALUES (\(subject), \(key.id.bytes), \(wrapped), \(commitment)) ON CONFLICT (subject) DO NOTHING
                """)
            guard made == 1 else {
                throw PlainFailure(
                    .negative, "the subject \"\(subject)\" has a key already, or had one",
                    hint: "dbpii subject list shows it; a new life takes a new id")
            }
        }
        return key
    }

    package func entries() async throws -> [Entry] {
        guard try await exists() else { return [] }
        return try await connection.query(Self.select + " ORDER BY subject").map(Self.entry)
    }

    /// - Throws: status 66.
    package func entry(_ subject: String) async throws -> Entry {
        guard try await exists(),
            let row = try await connection.query(Self.select + " WHERE subject = \(subject)").first
        else {
            throw PlainFailure(
                .inputMissing, "there is no subject \"\(subject)\"", hint: "dbpii subject create makes its key")
        }
        return try Self.entry(row)
    }

    private static let select: SQL = """
        SELECT subject, key_id, pg_catalog.date_part('epoch', created) AS created,
               pg_catalog.date_part('epoch', erased) AS erased, cleared, pg_catalog.date_part('epoch', complete) AS complete
        FROM dbpii.subjects
        """

    private static func entry(_ row: Row) throws -> Entry {
        func time(_ name: String) throws -> Timestamp? {
            let seconds: Double? = try row[name]
            return seconds.map { Timestamp(microseconds: Int64($0 * 1_000_000)) }
        }
        let id: [UInt8] = try row["key_id"]
        return Entry(
            subject: try row["subject"], id: FieldKeyID(id.span), created: try time("created") ?? Timestamp(seconds: 0),
            erased: try time("erased"), cleared: try row["cleared"], complete: try time("complete"))
    }

    /// - Throws: status 1 for a subject whose key is erased.
    package func key(_ subject: String, _ keyring: Keyring) async throws -> SubjectKey {
        let entry = try await entry(subject)
        guard entry.state == .active else {
            throw PlainFailure(.negative, "the key of the subject \"\(subject)\" was erased")
        }
        let row = try await connection.query(
            "SELECT wrapped, commitment FROM dbpii.subjects WHERE subject = \(subject)"
        ).one()
        return try SubjectKey(
            unwrapping: try row[0], commitment: try row[1], subject: subject, id: entry.id, in: keyring)
    }

    /// Wraps every subject's key by the active ring key, so that older ones can be destroyed; tells how many it wrapped.
    package func rewrap(_ keyring: Keyring) async throws -> Int {
        let ring = try keyring.activeKey()
        var count = 0
        for entry in try await entries() where entry.state == .active {
            let (wrapped, commitment) = try await key(entry.subject, keyring).wrapped(by: ring)
            count += try await connection.execute(
                """
                UPDATE dbpii.subjects SET wrapped = \(wrapped), commitment = \(commitment)
                WHERE subject = \(entry.subject) AND erased IS NULL
                  AND pg_catalog.substring(wrapped, 1, 8) <> \(ring.id.bytes)
                """)
        }
        return count
    }

    // MARK: Erasing

    /// What the linked tables themselves still hold of the subject that its key does not protect.
    package func leftovers(_ subject: String) async throws -> [Erasure.Copy] {
        var left: [Erasure.Copy] = []
        for (table, column) in try await linkedColumns() {
            let twin: SQL = "\(identifier: column.twin)"
            var checks: [(what: String, todo: String, condition: SQL)] = [
                (
                    "fields of \(column.name) under the ring's keys, not the subject's",
                    "delete them, or set them NULL; dbpii subject create --adopt would have moved them",
                    "pg_catalog.substring(\(twin), 1, 1) = '\\x01'"
                )
            ]
            if column.hasPlaintext {
                checks.append(
                    (
                        "plaintext in \(column.name)",
                        "finish the column (dbpii column finish --drop-plaintext), or delete the rows",
                        "\(identifier: column.column) IS NOT NULL"
                    ))
            }
            for index in column.indexes {
                checks.append(
                    (
                        "values of the blind index \(index.column), by which a guess can be confirmed", "set them NULL",
                        "\(identifier: index.column) IS NOT NULL"
                    ))
            }
            for check in checks {
                let count: Int = try await connection.query(
                    """
                    SELECT pg_catalog.count(*) FROM \(identifier: [table.schema, table.name])
                    WHERE \(identifier: table.column)::text = \(subject) AND \(check.condition)
                    """
                ).one()[0]
                if count > 0 { left.append(Erasure.Copy(what: "\(count) \(check.what)", until: nil, todo: check.todo)) }
            }
        }
        return left
    }

    /// Destroys the key in the database; the old version of the row is there until `clearDeadRows` says that it is not.
    package func erase(_ subject: String) async throws {
        try await connection.execute(
            """
            UPDATE dbpii.subjects SET wrapped = NULL, commitment = NULL, erased = now()
            WHERE subject = \(subject) AND erased IS NULL
            """)
    }

    /// Rewrites the table without the old versions of rows, which hold wrapped keys; false when some had to stay.
    ///
    /// A rewrite takes along what a transaction of another session may still see, even one that only begins to connect.
    package func clearDeadRows(attempts: Int = 20) async throws -> Bool {
        for attempt in 0..<attempts {
            if attempt > 0 { try await Task.sleep(for: .milliseconds(250)) }
            _ = try await connection.takeNotices()
            try await connection.execute("VACUUM (FULL, VERBOSE) dbpii.subjects")
            // `N dead row versions cannot be removed yet`: the detail begins with its number in every language.
            let details = try await connection.takeNotices().compactMap(\.detail)
            guard !details.isEmpty else { return false }
            if details.allSatisfy({ Int($0.prefix { $0.isNumber }) == 0 }) { return true }
        }
        return false
    }

    /// Notes what somebody says is gone, and that nothing is left, when that is so.
    package func note(_ subject: String, cleared: [String], isComplete: Bool) async throws {
        try await connection.execute(
            """
            UPDATE dbpii.subjects SET
              cleared = ARRAY(SELECT DISTINCT c FROM pg_catalog.unnest(cleared || \(cleared)) c ORDER BY c),
              complete = CASE WHEN \(isComplete) THEN COALESCE(complete, now()) END
            WHERE subject = \(subject)
            """)
    }

    /// Where else than on this server its WAL goes.
    package func otherWAL() async throws -> Erasure.OtherWAL {
        let row = try await connection.query(
            """
            SELECT pg_catalog.current_setting('archive_mode') <> 'off',
                (SELECT pg_catalog.count(*) FROM pg_catalog.pg_stat_replication)
            """
        ).one()
        return Erasure.OtherWAL(isArchived: try row[0], receivers: try row[1])
    }
}

/// What could still bring an erased key back, and until when.
package struct Erasure: Sendable, Encodable {
    package struct Copy: Sendable, Encodable {
        package let what: String
        /// When it goes by itself; nil when nobody can tell.
        package let until: Timestamp?
        package let todo: String
    }

    /// Where else than on the server its WAL is kept.
    package struct OtherWAL: Sendable {
        package let isArchived: Bool
        /// Standbys and other receivers that are connected.
        package let receivers: Int

        package init(isArchived: Bool = false, receivers: Int = 0) {
            (self.isArchived, self.receivers) = (isArchived, receivers)
        }
    }

    package let state: SubjectStore.State
    package let copies: [Copy]

    /// When the last copy is gone; nil when one has no date.
    package var until: Timestamp? {
        copies.contains { $0.until == nil } ? nil : copies.compactMap(\.until).max()
    }

    /// Judges by what is there now: a pure function, so that "erased" is never said of hope.
    ///
    /// - Parameters:
    ///   - backups: nil when nobody has said where they are.
    ///   - leftovers: what the database itself holds.
    package init(
        _ entry: SubjectStore.Entry, backups: [RetainedCopy]?, wal: OtherWAL, leftovers: [Copy] = []
    ) {
        guard let erased = entry.erased else {
            (state, copies) = (.active, [])
            return
        }
        var copies = leftovers
        if let backups {
            // One that was taken before the key was made holds the fields under ring keys or in plaintext, if it holds them.
            for backup in backups where backup.taken.map({ $0 < erased }) ?? true {
                let held =
                    if let doubt = backup.doubt {
                        "nobody can tell what it holds: \(doubt)"
                    } else if let taken = backup.taken, taken < entry.created {
                        "the subject's data as it was before it had a key"
                    } else {
                        "the wrapped key and the fields under it"
                    }
                let when = backup.taken.map { " of \($0.brief)" } ?? ""
                copies.append(
                    Copy(what: "backup \(backup.name)\(when): \(held)", until: backup.expires, todo: backup.kept))
            }
        } else {
            copies.append(
                Copy(
                    what: "backups: nobody has said where they are", until: nil,
                    todo: "name them with --repository, or say --no-backups"))
        }
        if !entry.cleared.contains("heap") {
            copies.append(
                Copy(
                    what: "an old version of the row in dbpii.subjects, which a running transaction may still see",
                    until: nil, todo: "end transactions that began before, and run erase again"))
        }
        if !entry.cleared.contains("wal") {
            copies.append(
                Copy(
                    what: "the server's WAL, in which the wrapped key was written", until: nil,
                    todo: "--purge-wal writes over it (superuser); or --cleared wal once it is gone"))
        }
        if wal.receivers > 0, !entry.cleared.contains("standby") {
            copies.append(
                Copy(
                    what: "the WAL files of \(wal.receivers) standbys or receivers that are connected", until: nil,
                    todo:
                        "CHECKPOINT there until the files of before \(erased.brief) are gone, then say --cleared standby"
                ))
        }
        if wal.isArchived, !entry.cleared.contains("archive") {
            copies.append(
                Copy(
                    what: "the WAL archive", until: nil,
                    todo: "remove it up to \(erased.brief) behind a newer base backup, then say --cleared archive"))
        }
        self.copies = copies
        state = copies.isEmpty ? .erased : .erasing
    }
}
