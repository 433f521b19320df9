package import Cryptography
import FoundationEssentials
import Platform
package import PostgresClient

/// A column on its way from plaintext to ciphertext, as the catalogue `dbpii.columns` has it.
package struct ColumnDeclaration: Sendable, Equatable {
    /// How far the column has come; each phase has a gate that was checked, and a way back.
    package enum Phase: String, Codable, Sendable, CaseIterable {
        /// Twin and triggers are there; values are still plaintext.
        case started
        /// Every value has its ciphertext.
        case backfilled
        /// The application was seen to write both for long enough.
        case gated
        /// A constraint refuses plaintext without ciphertext; the twin is what counts.
        case checked
        /// The plaintext column is gone.
        case finished
        /// On the way back to plaintext.
        case reverting
    }

    package var id: Int
    package var schema: String
    package var table: String
    package var column: String
    /// As `format_type` spells it, for the way back.
    package var type: String
    package var isNotNull: Bool
    package var twin: String
    package var context: String
    /// The column with the row's uuid, for row binding.
    package var rowColumn: String?
    package var padding: Int
    package var phase: Phase
    package var keys: [String]
    package var indexes: [IndexDeclaration]
    package var ring: String
    package var generation: Int

    package var name: String { "\(schema).\(table).\(column)" }
    package var path: [String] { [schema, table] }
    package var binding: FieldCipher.Binding { rowColumn == nil ? .column : .row }

    /// Whether the column itself still exists.
    package var hasPlaintext: Bool { phase != .finished }

    /// The name of the triggers' function, their counter, and the constraint.
    package var helper: String { "unpaired_\(id)" }
    package var constraint: String { "dbpii_twin_\(id)" }

    package func cipher(_ keyring: Keyring) throws -> FieldColumn {
        try FieldCipher(keyring).column(
            context, binding: binding, padding: padding, indexes: indexes.map(\.blindIndex))
    }

    /// The value of a column as it is encrypted: bytea as it is, anything else as PostgreSQL writes it.
    package func text(of column: String? = nil, in alias: String = "t") -> SQL {
        let name: SQL = "\(identifier: [alias, column ?? self.column])"
        return type == "bytea" && column == nil ? name : "\(name)::pg_catalog.text"
    }

    /// For comparisons that must see every difference: no collation, no type's own idea of equality.
    func exact(_ alias: String, _ column: String? = nil) -> SQL {
        let value = text(of: column, in: alias)
        return type == "bytea" && column == nil ? value : "\(value) COLLATE pg_catalog.\"C\""
    }
}

/// A blind index of a column, with the column that its values stand in.
package struct IndexDeclaration: Codable, Sendable, Equatable {
    package var name: String
    package var column: String
    package var transforms: [String]
    package var bits: Int
    /// Further columns of a compound index, in plaintext.
    package var with: [String]?
    package var isUnique: Bool

    package var blindIndex: BlindIndex {
        BlindIndex(
            name, transforms.compactMap { BlindIndex.Transform($0) }, bits: bits, parts: 1 + (with?.count ?? 0))
    }

    /// Reads `NAME[:TRANSFORM,...[:BITS[:COLUMN,...]]]`, where BITS is a number or `full`.
    package init(_ text: String, of column: String, isUnique: Bool = false) throws {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        guard let name = parts.first, !name.isEmpty, parts.count <= 4 else {
            throw PlainFailure(
                .usage, "\"\(text)\" is no index", hint: "write NAME:TRANSFORM,...:BITS, as exact:lowercase,trim:16")
        }
        self.name = name
        self.column = "\(column)_\(name)"
        self.isUnique = isUnique
        transforms = parts.count > 1 ? parts[1].split(separator: ",").map(String.init) : []
        for transform in transforms where BlindIndex.Transform(transform) == nil {
            throw PlainFailure(
                .usage, "unknown transform \"\(transform)\"",
                hint: "there are \(BlindIndex.Transform.names.joined(separator: ", "))")
        }
        let size = parts.count > 2 ? parts[2] : "full"
        guard let bits = size == "full" ? 256 : Int(size), (1...256).contains(bits) else {
            throw PlainFailure(.usage, "\"\(size)\" is no number of bits", hint: "from 1 to 256, or full")
        }
        self.bits = bits
        guard !isUnique || bits == 256 else {
            throw PlainFailure(
                .usage, "the index \(name) has \(bits) bits and cannot be unique",
                hint: "different values share a truncated value: write full")
        }
        with = parts.count > 3 ? parts[3].split(separator: ",").map(String.init) : nil
    }
}
