import Cryptography
import Platform
import PostgresClient

/// Encrypts the plaintext of rows that have no ciphertext.
struct Backfill: RowChange {
    let column: ColumnDeclaration
    let cipher: ColumnCiphers
    let name = "backfill"

    var filter: SQL {
        "t.\(identifier: column.column) IS NOT NULL AND t.\(identifier: column.twin) IS NULL"
    }
    var inputs: [SQL] { [column.text()] + cipher.extras }
    var outputs: [Output] { cipher.outputs(twin: true) }

    func change(_ row: RowInputs) throws -> [[UInt8]?]? {
        let binding = try cipher.binding(row)
        let sealed = try row.withValue { cipher.active.seal($0, binding, padding: column.padding) }
        return [sealed] + (try cipher.indexValues(row, under: cipher.active.id) { try row.bytes(0) })
    }
}

/// Encrypts with the active key what is under another, and its index values with it.
struct Rotation: RowChange {
    let column: ColumnDeclaration
    let cipher: ColumnCiphers
    let name = "rotate"

    var filter: SQL {
        """
        pg_catalog.substring(t.\(identifier: column.twin), 1, 1) = '\\x01'
            AND pg_catalog.substring(t.\(identifier: column.twin), 2, 8) <> \(cipher.active.id.bytes)
        """
    }
    var inputs: [SQL] { ["t.\(identifier: column.twin)"] + cipher.extras }
    var outputs: [Output] { cipher.outputs(twin: true) }

    func change(_ row: RowInputs) throws -> [[UInt8]?]? {
        let binding = try cipher.binding(row)
        var plaintext = try row.withValue { try cipher.keys.open($0, binding) }
        defer { wipe(&plaintext) }
        let sealed = cipher.active.seal(plaintext.span, binding, padding: column.padding)
        return [sealed] + (try cipher.indexValues(row, under: cipher.active.id) { plaintext })
    }
}

/// Gives index values to rows that have none, under the key that their ciphertext is under.
struct Reindexing: RowChange {
    let column: ColumnDeclaration
    let cipher: ColumnCiphers
    let name = "reindex"

    var filter: SQL {
        let missing = column.indexes.map { index -> SQL in
            let parts = (index.with ?? []).map { " AND t.\(identifier: $0) IS NOT NULL" as SQL }.joined(separator: "")
            return "(t.\(identifier: index.column) IS NULL\(parts))"
        }
        // What is under a subject's own key is not the ring's to read.
        return
            "pg_catalog.substring(t.\(identifier: column.twin), 1, 1) = '\\x01' AND (\(missing.joined(separator: " OR ")))"
    }
    var inputs: [SQL] { ["t.\(identifier: column.twin)"] + cipher.extras }
    var outputs: [Output] { cipher.outputs(twin: false) }

    func change(_ row: RowInputs) throws -> [[UInt8]?]? {
        let binding = try cipher.binding(row)
        let (key, plaintext) = try row.withValue { field in
            let key = try cipher.keys.decrypting(field)
            return (key.id, try key.open(field, binding))
        }
        return try cipher.indexValues(row, under: key) { plaintext }
    }
}

/// Writes the plaintext again where it is missing or older than the ciphertext.
struct Restoring: RowChange {
    let column: ColumnDeclaration
    let cipher: ColumnCiphers
    let name = "revert"
    /// Also rows whose plaintext is there, since the application may have written only the twin.
    let comparesAll: Bool

    var filter: SQL {
        let missing: SQL = "t.\(identifier: column.twin) IS NOT NULL"
        return comparesAll ? missing : missing + " AND t.\(identifier: column.column) IS NULL"
    }
    var inputs: [SQL] { ["t.\(identifier: column.twin)", column.text()] + cipher.extras }
    var outputs: [Output] {
        column.type == "bytea"
            ? [Output(column: column.column, element: .bytea)]
            : [Output(column: column.column, element: .text, cast: "::\(raw: column.type)")]
    }

    func change(_ row: RowInputs) throws -> [[UInt8]?]? {
        let binding = try cipher.binding(row, at: 2)
        let plaintext = try row.withValue { try cipher.keys.open($0, binding) }
        return try row.bytes(1) == plaintext ? nil : [plaintext]
    }
}

/// The keys of a column for its jobs, and what they need of a row besides the value.
struct ColumnCiphers: Sendable {
    let column: ColumnDeclaration
    let keys: ColumnKeys
    let active: FieldKey
    private let indexKeys: [[FieldKeyID: IndexKey]]

    init(_ column: ColumnDeclaration, _ keyring: Keyring) throws {
        self.column = column
        keys = ColumnKeys(column.context, in: keyring)
        active = try keys.encrypting()
        indexKeys = column.indexes.map { index in
            Dictionary(
                keyring.usable.map { ($0.id, $0.indexKey(column.context, index: index.name)) }
            ) { first, _ in first }
        }
    }

    /// The row's uuid, then the further columns of compound indexes.
    var extras: [SQL] {
        let row = column.rowColumn.map { ["t.\(identifier: $0)"] as [SQL] } ?? []
        return row + others.map { "t.\(identifier: $0)::pg_catalog.text" }
    }

    private var others: [String] {
        column.indexes.flatMap { $0.with ?? [] }.reduce(into: []) { if !$0.contains($1) { $0.append($1) } }
    }

    func outputs(twin: Bool) -> [Output] {
        (twin ? [Output(column: column.twin, element: .bytea)] : [])
            + column.indexes.map { Output(column: $0.column, element: .bytea) }
    }

    func binding(_ row: RowInputs, at position: Int = 1) throws -> FieldBinding {
        guard column.rowColumn != nil else { return .column }
        guard let bytes = try row.bytes(position), let id = RowID(bytes.span) else {
            throw PlainFailure(.negative, "a row of \(column.name) has no uuid to bind its value to")
        }
        return .row(id)
    }

    /// The values of all indexes for one row.
    func indexValues(
        _ row: RowInputs, under id: FieldKeyID, of value: () throws -> [UInt8]?
    ) throws -> [[UInt8]?] {
        guard !column.indexes.isEmpty else { return [] }
        let text = try value().map { String(decoding: $0, as: UTF8.self) }
        let start = 1 + (column.rowColumn == nil ? 0 : 1)
        let others = self.others
        return try zip(column.indexes, indexKeys).map { index, keys in
            guard let key = keys[id] else { throw PlainFailure(.internalError, "an index has no key \(id)") }
            let further = try (index.with ?? []).map { name -> String? in
                try others.firstIndex(of: name).flatMap { try row.text(start + $0) }
            }
            return try index.blindIndex.value(of: [text] + further, under: key)
        }
    }
}
