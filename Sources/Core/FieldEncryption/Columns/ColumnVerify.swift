package import Cryptography
package import Platform
package import PostgresClient

/// Reads every value of a column and judges it: whether it decrypts, under which key, and whether plaintext is left.
package struct ColumnVerify: Sendable {
    package struct Problem: Sendable, Equatable, Encodable {
        package enum Kind: String, Sendable, Encodable {
            /// The value is no field at all: perhaps plaintext.
            case notEncrypted
            case doesNotDecrypt
            case unknownKey
            case destroyedKey
            case oldKey
            case wrongIndex
            /// The ciphertext decrypts to another value than the plaintext beside it.
            case differs
            /// Plaintext without ciphertext.
            case plaintext
        }

        package let kind: Kind
        /// The table and the row's address, as `public.users (3,17)`, to be found by ctid.
        package let place: String
    }

    package struct Verdict: Sendable {
        package var values = 0
        package var counts: [Problem.Kind: Int] = [:]
        /// The first of each kind.
        package var examples: [Problem] = []
        package var keys: [FieldKeyID: Int] = [:]
        /// Rows whose plaintext column still has a value.
        package var plaintexts = 0
        package var isGood: Bool { counts.isEmpty }

        mutating func add(_ kind: Problem.Kind, _ place: @autoclosure () -> String) {
            counts[kind, default: 0] += 1
            if counts[kind, default: 0] <= 20 { examples.append(Problem(kind: kind, place: place())) }
        }
    }

    private let connection: Connection
    private let keyring: Keyring
    private let progress: ProgressHandler?

    package init(_ connection: Connection, _ keyring: Keyring, progress: ProgressHandler? = nil) {
        self.connection = connection
        self.keyring = keyring
        self.progress = progress
    }

    /// - Parameter allowsOldKeys: values under decrypt-only keys are no problem, as after a rotation that is half done.
    package func run(_ column: ColumnDeclaration, allowsOldKeys: Bool = false) async throws -> Verdict {
        let cipher = try ColumnCiphers(column, keyring)
        var verdict = Verdict()
        _ = try await connection.query(
            """
            SELECT pg_catalog.set_config('statement_timeout', '4h', false), pg_catalog.set_config('timezone', 'UTC', false),
                pg_catalog.set_config('intervalstyle', 'postgres', false),
                pg_catalog.set_config('extra_float_digits', '1', false)
            """)
        for leaf in try await column.leaves(on: connection) {
            let blocks = try await leaf.blocks(on: connection)
            // Few at first: how wide rows are shows only then.
            var step = 4
            var rows = try await read(leaf, 0..<step, column, cipher)
            var block = step
            while true {
                try Task.checkCancellation()
                // The server reads on while these rows are judged.
                let range = block..<(block + step)
                async let next = range.lowerBound < blocks ? read(leaf, range, column, cipher) : nil
                let bytes = try judge(rows, leaf, column, cipher, allowsOldKeys, &verdict)
                progress?(Progress("verifying \(column.name)", rows: verdict.values))
                guard let further = try await next else { break }
                rows = further
                block = range.upperBound
                step = bytes > 4 << 20 ? max(1, step / 2) : min(256, step * 2)
            }
        }
        if allowsOldKeys == false, verdict.isGood || column.phase == .finished { try await note(column, verdict) }
        return verdict
    }

    private func read(
        _ leaf: Leaf, _ blocks: Range<Int>, _ column: ColumnDeclaration, _ cipher: ColumnCiphers
    ) async throws -> Rows {
        let plain: SQL = column.hasPlaintext ? column.text() : "NULL"
        let twin: SQL = "t.\(identifier: column.twin)"
        let indexes = column.indexes.map { "t.\(identifier: $0.column)" as SQL }
        let list = ([twin] + cipher.extras + [plain] + indexes).joined()
        let present: SQL = column.hasPlaintext ? " OR t.\(identifier: column.column) IS NOT NULL" : ""
        return try await connection.query(
            """
            SELECT t.ctid, t.xmin, \(list) FROM ONLY \(identifier: leaf.path) AS t
            WHERE t.ctid >= \("(\(blocks.lowerBound),0)")::pg_catalog.tid
                AND t.ctid < \("(\(blocks.upperBound),0)")::pg_catalog.tid AND (\(twin) IS NOT NULL\(present))
            """, format: .binary)
    }

    /// Judges the rows; gives how many bytes their values had.
    private func judge(
        _ rows: Rows, _ leaf: Leaf, _ column: ColumnDeclaration, _ cipher: ColumnCiphers, _ allowsOldKeys: Bool,
        _ verdict: inout Verdict
    ) throws -> Int {
        let comparesText = column.hasPlaintext && column.phase != .checked
        let plain = 1 + cipher.extras.count
        var bytes = 0
        for row in rows {
            let inputs = RowInputs(row: row)
            func report(_ kind: Problem.Kind) { verdict.add(kind, "\(leaf.name) \(Self.address(row))") }
            try inputs.withBytes(plain) { text in
                if text != nil { verdict.plaintexts += 1 }
                try inputs.withBytes(0) { field in
                    guard let field else { return report(.plaintext) }
                    bytes += field.count + (text?.count ?? 0)
                    verdict.values += 1
                    // A field under a subject's own key is encrypted, and not the ring's to open.
                    if SubjectKey.isField(field) { return }
                    do {
                        let key = try cipher.keys.decrypting(field)
                        verdict.keys[key.id, default: 0] += 1
                        let plaintext = try key.open(field, cipher.binding(inputs))
                        if key.id != cipher.active.id, !allowsOldKeys { report(.oldKey) }
                        if comparesText, let text, !Self.isEqual(text, plaintext) { report(.differs) }
                        let expected = try cipher.indexValues(inputs, under: key.id) { plaintext }
                        for (number, value) in expected.enumerated() {
                            if try inputs.bytes(plain + 1 + number) != value { report(.wrongIndex) }
                        }
                    } catch let error as FieldError {
                        report(Self.kind(error))
                    }
                }
            }
        }
        return bytes
    }

    private static func isEqual(_ text: Span<UInt8>, _ bytes: [UInt8]) -> Bool {
        guard text.count == bytes.count else { return false }
        for index in text.indices where text[index] != bytes[index] { return false }
        return true
    }

    private static func kind(_ error: FieldError) -> Problem.Kind {
        switch error.code {
        case .unknownKey: .unknownKey
        case .destroyedKey: .destroyedKey
        case .malformed: .notEncrypted
        default: .doesNotDecrypt
        }
    }

    private static func address(_ row: Row) -> String {
        let bytes = (try? row.bytes(of: 0)) ?? []
        guard bytes.count == 6 else { return "" }
        let block = bytes[..<4].reduce(0) { $0 << 8 | Int($1) }
        return "(\(block),\(Int(bytes[4]) << 8 | Int(bytes[5])))"
    }

    /// Which keys the values really are under: backups name these in their manifests.
    private func note(_ column: ColumnDeclaration, _ verdict: Verdict) async throws {
        // An application that has not seen the newest keyring yet may still write under the key before.
        let recent = Timestamp.now().advanced(bySeconds: -86_400)
        let late = keyring.entries.filter { ($0.retired ?? recent) > recent && $0.state == .decryptOnly }.map(\.id)
        let found = Set(verdict.keys.keys).union([try keyring.activeKey().id] + late)
        try await ColumnCatalog(connection).set(keys: found.sorted().map(\.description), of: column)
    }
}
