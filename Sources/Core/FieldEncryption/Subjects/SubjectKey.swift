package import Cryptography
import Platform

/// The key of one data subject: erased, and every field under it is unreadable for good.
///
/// `Documentation/erasure.md` has the formats byte for byte; they are frozen.
package struct SubjectKey: Sendable {
    /// The first byte of a field under a subject's key.
    package static let version: UInt8 = 2

    /// Whether a value is a field under a subject's key, as far as its first byte and its length say.
    static func isField(_ value: Span<UInt8>) -> Bool {
        value.count >= FieldFormat.shortest && value[0] == version
    }

    static let wrapLabel = "dbsec subject wrap v1"
    static let commitmentLabel = "dbsec subject commitment v1"
    static let wrappedCount = FieldKeyID.byteCount + 24 + RingKey.byteCount + AEAD.tagByteCount

    let key: RingKey
    package let subject: String

    /// The name that fields carry.
    package var id: FieldKeyID { key.id }

    package static func generate(for subject: String) -> SubjectKey {
        SubjectKey(key: .generate(), subject: subject)
    }

    private init(key: RingKey, subject: String) {
        (self.key, self.subject) = (key, subject)
    }

    /// For known answers only.
    init(secret: SecretBytes, subject: String) throws {
        self.init(key: try RingKey(secret), subject: subject)
    }

    // MARK: Wrapping

    /// `ring key id (8) | nonce (24) | ciphertext (32) | tag (16)`, and the code that commits to what is in it.
    ///
    /// The cipher does not commit to its key: without the code beside it, bytes could be made that open under two ring keys
    /// as two subject keys. The code is over subject, key and wrapping, under a key of its own.
    func wrapped(by ring: RingKey, nonce: [UInt8] = Randomness.bytes(24)) throws -> (
        wrapped: [UInt8], commitment: [UInt8]
    ) {
        let body = try key.secret.withBytes { bytes throws(CryptographyError) in
            try AEAD.xChaCha20Poly1305.seal(
                bytes, key: ring.derive(Self.wrapLabel, []), nonce: nonce,
                associatedData: Self.associatedData(subject, key.id))
        }
        return (ring.id.bytes + nonce + body, commitment(by: ring))
    }

    private func commitment(by ring: RingKey) -> [UInt8] {
        var code = HMACSHA256(key: ring.derive(Self.commitmentLabel, []))
        code.update(Self.associatedData(subject, key.id).span)
        key.secret.withBytes { code.update($0) }
        return code.finish()
    }

    /// Opens what `wrapped` made.
    ///
    /// - Throws: `unknownKey`, `destroyedKey`; `notAuthentic` when it is of another subject or was changed.
    package init(
        unwrapping wrapped: [UInt8], commitment: [UInt8], subject: String, id: FieldKeyID, in keyring: Keyring
    ) throws {
        guard wrapped.count == Self.wrappedCount else {
            throw FieldError(
                .malformed, "the wrapped key of a subject has \(Self.wrappedCount) bytes, not \(wrapped.count)")
        }
        let name = FieldKeyID(wrapped.span)
        guard let ring = keyring.usable.first(where: { $0.id == name }) else {
            let isGone = keyring.entries.contains { $0.id == name }
            throw FieldError(
                isGone ? .destroyedKey : .unknownKey,
                "the key of a subject is wrapped by \(name), which \(isGone ? "was destroyed" : "this keyring does not have")"
            )
        }
        let changed = FieldError(
            .notAuthentic, "the wrapped key of a subject was changed, or is another subject's",
            hint: "restore its row in dbpii.subjects from a backup")
        let nonce = Array(wrapped[8..<32])
        guard
            var bytes = try? AEAD.xChaCha20Poly1305.open(
                Array(wrapped[32...]).span, key: ring.derive(Self.wrapLabel, []), nonce: nonce,
                associatedData: Self.associatedData(subject, id))
        else { throw changed }
        key = try RingKey(SecretBytes(taking: &bytes))
        self.subject = subject
        guard key.id == id, constantTimeEqual(self.commitment(by: ring).span, commitment.span) else { throw changed }
    }

    private static func associatedData(_ subject: String, _ id: FieldKeyID) -> [UInt8] {
        var data: [UInt8] = []
        for part in [Array("dbsec subject v1".utf8), Array(subject.utf8), id.bytes] {
            for shift in [24, 16, 8, 0] { data.append(UInt8(truncatingIfNeeded: part.count >> shift)) }
            data += part
        }
        return data
    }

    // MARK: Fields

    /// What a column's fields are encrypted with: derived once, and kept by who has many of them.
    package func column(_ context: String) -> SubjectColumn {
        SubjectColumn(key: key.fieldKey(context))
    }

    package func seal(_ value: [UInt8], context: String, _ binding: FieldBinding, padding: Int = 16) -> [UInt8] {
        column(context).seal(value.span, binding, padding: padding)
    }

    func seal(_ value: [UInt8], context: String, nonce: [UInt8]) -> [UInt8] {
        var field = key.fieldKey(context).seal(value.span, .column, nonce: nonce)
        field[0] = Self.version
        return field
    }

    package func open(_ field: [UInt8], context: String, _ binding: FieldBinding) throws -> [UInt8] {
        try column(context).open(field.span, binding)
    }
}

/// The fields of one column under one subject's key.
package struct SubjectColumn: Sendable {
    let key: FieldKey

    /// A field under the subject's key: one of version 1 whose ring key is the subject's, and whose first byte is 2.
    package func seal(_ value: Span<UInt8>, _ binding: FieldBinding, padding: Int = 16) -> [UInt8] {
        var field = key.seal(value, binding, padding: padding)
        field[0] = SubjectKey.version
        return field
    }

    package func open(_ field: Span<UInt8>, _ binding: FieldBinding) throws(FieldError) -> [UInt8] {
        let plain = try plain(field)
        return try key.open(plain.span, binding)
    }

    package func openText(_ field: Span<UInt8>, _ binding: FieldBinding) throws(FieldError) -> String {
        let plain = try plain(field)
        return try key.openText(plain.span, binding)
    }

    private func plain(_ field: Span<UInt8>) throws(FieldError) -> [UInt8] {
        guard SubjectKey.isField(field) else {
            throw FieldError(.malformed, "a value of \(key.context) is no field under a subject's key")
        }
        var plain: [UInt8] = []
        plain.reserveCapacity(field.count)
        plain.append(field)
        plain[0] = FieldFormat.version
        guard FieldFormat.keyID(of: plain.span) == key.id else {
            throw FieldError(.unknownKey, "a field of \(key.context) is under another subject's key")
        }
        return plain
    }
}
