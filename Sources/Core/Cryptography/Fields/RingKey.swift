/// A key of a keyring: 32 bytes that nothing is encrypted with directly, since every purpose has a key of its own.
package struct RingKey: Sendable {
    package static let byteCount = 32

    package let id: FieldKeyID
    package let secret: SecretBytes

    package static func generate() -> RingKey {
        RingKey(checked: SecretBytes(random: byteCount))
    }

    /// - Throws: `keyring` unless there are 32 bytes.
    package init(_ secret: SecretBytes) throws(FieldError) {
        guard secret.count == Self.byteCount else {
            throw FieldError(.keyring, "a ring key has \(Self.byteCount) bytes, not \(secret.count)")
        }
        self.init(checked: secret)
    }

    private init(checked secret: SecretBytes) {
        self.secret = secret
        id = FieldKeyID(KeyedBLAKE2b.hash(Array(FieldFormat.keyIDLabel.utf8).span, key: secret).span)
    }

    /// The key that fields of a column are encrypted with.
    package func fieldKey(_ context: String) -> FieldKey {
        FieldKey(id: id, context: context, key: derive(FieldFormat.fieldKeyLabel, [context]))
    }

    /// The key of a blind index of a column.
    package func indexKey(_ context: String, index: String) -> IndexKey {
        IndexKey(id: id, key: derive(FieldFormat.indexKeyLabel, [context, index]))
    }

    /// A key of 32 bytes for another purpose: its label is that purpose's alone.
    package func derive(_ label: String, _ parts: [String]) -> SecretBytes {
        KeyedBLAKE2b.derive(label, parts.map { Array($0.utf8) }, from: secret)
    }
}
