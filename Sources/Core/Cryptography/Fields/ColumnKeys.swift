/// The keys of one column, out of everything that a keyring holds: the one to encrypt with, and all to decrypt with.
package final class ColumnKeys: Sendable {
    package let context: String
    package let active: FieldKey?
    private let keys: [FieldKey]
    private let destroyed: Set<FieldKeyID>

    package init(_ context: String, in keyring: Keyring) {
        self.context = context
        destroyed = Set(keyring.entries.filter { $0.state == .destroyed }.map(\.id))
        let activeID = keyring.active?.id
        keys = keyring.usable.map { $0.fieldKey(context) }
        active = keys.first { $0.id == activeID }
    }

    /// - Throws: `noActiveKey`.
    package func encrypting() throws(FieldError) -> FieldKey {
        guard let active else {
            throw FieldError(
                .noActiveKey, "the keyring has no active key", hint: "dbpii keys rotate --activate makes one")
        }
        return active
    }

    /// The key that a field names.
    ///
    /// - Throws: `malformed`, `unknownKey`, `destroyedKey`.
    package func decrypting(_ field: Span<UInt8>) throws(FieldError) -> FieldKey {
        guard let id = FieldFormat.keyID(of: field) else {
            throw FieldError(
                .malformed,
                field.count > 0 && field[0] != FieldFormat.version
                    ? "a value of \(context) is no encrypted field: its first byte is not 0x01"
                    : "a value of \(context) is no encrypted field: it has \(field.count) bytes",
                hint: "it may be plaintext")
        }
        // Nearly every field is under the active one.
        if let active, active.id == id { return active }
        for key in keys where key.id == id { return key }
        guard !destroyed.contains(id) else {
            throw FieldError(.destroyedKey, "a field of \(context) is under the key \(id), which was destroyed")
        }
        throw FieldError(
            .unknownKey, "a field of \(context) is under the key \(id), which this keyring does not have",
            hint: "dbpii keys list shows those it has; a newer copy of the keyring may have more")
    }

    package func open(_ field: Span<UInt8>, _ binding: FieldBinding) throws(FieldError) -> [UInt8] {
        try decrypting(field).open(field, binding)
    }
}
