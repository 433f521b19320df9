package import Cryptography
import Platform
import Synchronization

/// Encrypts and decrypts the values of one column; made by `FieldCipher.column`, shared by threads.
///
/// NULL has no ciphertext: leave it NULL. The empty string is a value like any other.
public final class FieldColumn: Sendable {
    public let context: String
    public let binding: FieldCipher.Binding
    package let padding: Int
    package let indexes: [BlindIndex]
    private let source: KeyringSource
    private let state: Mutex<State>

    private struct State {
        var version: Int
        var keys: ColumnKeys
        var indexKeys: [String: [IndexKey]]
    }

    init(
        _ context: String, _ binding: FieldCipher.Binding, _ padding: Int, _ indexes: [BlindIndex],
        _ source: KeyringSource
    ) {
        self.context = context
        self.binding = binding
        self.padding = padding
        self.indexes = indexes
        self.source = source
        let (keyring, version) = source.current()
        state = Mutex(Self.state(keyring, version, context, indexes))
    }

    /// The field of a value.
    ///
    /// - Parameter row: the row's uuid as text, for a column with row binding and only for one.
    public func encrypt(_ value: Span<UInt8>, row: String? = nil) throws -> [UInt8] {
        do {
            return try keys().encrypting().seal(value, bound(row), padding: padding)
        } catch {
            throw FieldCipherError(error)
        }
    }

    /// The field of bytes.
    public func encrypt(_ value: [UInt8], row: String? = nil) throws -> [UInt8] {
        try encrypt(value.span, row: row)
    }

    /// The field of a text, as UTF-8.
    public func encrypt(_ value: String, row: String? = nil) throws -> [UInt8] {
        var value = value
        value.makeContiguousUTF8()
        return try encrypt(value.utf8.span, row: row)
    }

    /// The value of a field.
    public func decrypt(_ field: Span<UInt8>, row: String? = nil) throws -> [UInt8] {
        do {
            let key = try key(of: field)
            return try key.open(field, bound(row))
        } catch {
            throw FieldCipherError(error)
        }
    }

    /// The value of a field.
    public func decrypt(_ field: [UInt8], row: String? = nil) throws -> [UInt8] {
        try decrypt(field.span, row: row)
    }

    /// The value of a field as text.
    public func decryptText(_ field: [UInt8], row: String? = nil) throws -> String {
        do {
            return try key(of: field.span).openText(field.span, bound(row))
        } catch {
            throw FieldCipherError(error)
        }
    }

    /// The value of a blind index to store beside a field that `encrypt` makes now; nil where the index has none.
    ///
    /// - Parameter values: one for each column that the index is over, nil for NULL.
    public func index(_ name: String, of values: String?...) throws -> [UInt8]? {
        try index(name, of: values)
    }

    /// The value of a blind index, of values in a list.
    public func index(_ name: String, of values: [String?]) throws -> [UInt8]? {
        do {
            let (index, keys) = try indexKeys(name)
            let active = try self.keys().encrypting().id
            guard let key = keys.first(where: { $0.id == active }) else { return nil }
            return try index.value(of: values, under: key)
        } catch {
            throw FieldCipherError(error)
        }
    }

    /// The values to search for: one for each key that may be in use, the active one's first.
    ///
    /// While a rotation is half done, rows have either: `WHERE phone_exact = ANY ($1)`. A truncated index finds other rows
    /// too, which decryption tells apart.
    public func searchValues(_ name: String, of values: String?...) throws -> [[UInt8]] {
        try searchValues(name, of: values)
    }

    /// The values to search for, of values in a list.
    public func searchValues(_ name: String, of values: [String?]) throws -> [[UInt8]] {
        do {
            let (index, keys) = try indexKeys(name)
            var found: [[UInt8]] = []
            for key in keys {
                if let value = try index.value(of: values, under: key), !found.contains(value) { found.append(value) }
            }
            return found
        } catch {
            throw FieldCipherError(error)
        }
    }

    /// Whether a field is under the active key; others wait for a rotation of the column.
    public func isCurrent(_ field: [UInt8]) -> Bool {
        FieldFormat.keyID(of: field.span) == keys().active?.id
    }

    package func keys() -> ColumnKeys {
        refreshed { $0.keys }
    }

    private func indexKeys(_ name: String) throws -> (BlindIndex, [IndexKey]) {
        guard let index = indexes.first(where: { $0.name == name }) else {
            throw FieldCipherError(.usage, "\(context) was declared without an index \"\(name)\"")
        }
        return (index, refreshed { $0.indexKeys[name] ?? [] })
    }

    /// A key that is not known may be in a newer generation, which then is looked for at once.
    private func key(of field: Span<UInt8>) throws -> FieldKey {
        if SubjectKey.isField(field) {
            throw FieldError(
                .unknownKey, "a field of \(context) is under a subject's key",
                hint: "open the subject with FieldCipher.subject, and decrypt the field for it")
        }
        do throws(FieldError) {
            return try keys().decrypting(field)
        } catch {
            guard error.code == .unknownKey else { throw error }
            let (keyring, version) = source.current(now: true)
            let keys = state.withLock { state in
                if state.version != version { state = Self.state(keyring, version, context, indexes) }
                return state.keys
            }
            return try keys.decrypting(field)
        }
    }

    /// What `read` takes of the newest state; borrowed, since copying it would cost as much as the rest.
    @inline(__always)
    private func refreshed<Value: Sendable>(_ read: (borrowing State) -> sending Value) -> Value {
        let version = source.version()
        return state.withLock { state in
            if state.version != version {
                let (keyring, version) = source.current()
                state = Self.state(keyring, version, context, indexes)
            }
            return read(state)
        }
    }

    private static func state(
        _ keyring: Keyring, _ version: Int, _ context: String, _ indexes: [BlindIndex]
    ) -> State {
        let active = keyring.active?.id
        let usable = keyring.usable.sorted { ($0.id == active ? 0 : 1) < ($1.id == active ? 0 : 1) }
        return State(
            version: version, keys: ColumnKeys(context, in: keyring),
            indexKeys: Dictionary(
                indexes.map { index in (index.name, usable.map { $0.indexKey(context, index: index.name) }) }
            ) { first, _ in first })
    }

    func bound(_ row: String?) throws -> FieldBinding {
        switch (binding, row) {
        case (.column, nil): return .column
        case (.row, let row?):
            guard let id = RowID(row) else {
                throw FieldCipherError(.usage, "a row of \(context) is named by a uuid")
            }
            return .row(id)
        case (.column, .some):
            throw FieldCipherError(.usage, "\(context) is bound to its column: it takes no row")
        case (.row, nil):
            throw FieldCipherError(.usage, "\(context) is bound to its rows: name the row's uuid")
        }
    }
}
