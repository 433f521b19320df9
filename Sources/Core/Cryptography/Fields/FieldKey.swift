import CSodium

/// Encrypts and decrypts the fields of one column under one ring key; shared by threads.
package final class FieldKey: Sendable {
    package static let defaultPadding = 16

    package let id: FieldKeyID
    package let context: String
    private let key: SecretBytes
    // The associated data of either binding, in memory of its own: counting an array's references costs a twentieth of a
    // decryption. That of rows is followed by the 16 bytes of the row's uuid.
    nonisolated(unsafe) private let columnData: UnsafeBufferPointer<UInt8>
    nonisolated(unsafe) private let rowData: UnsafeBufferPointer<UInt8>
    private let nonces = NonceBuffer()

    init(id: FieldKeyID, context: String, key: SecretBytes) {
        self.id = id
        self.context = context
        self.key = key
        var column = FieldFormat.associatedData(id, context)
        var row = column
        FieldFormat.append(.columnBinding, [], to: &column)
        row.append(FieldFormat.Part.rowBinding.rawValue)
        FieldFormat.appendCount(16, to: &row)
        columnData = Self.keep(column)
        rowData = Self.keep(row)
    }

    deinit {
        columnData.deallocate()
        rowData.deallocate()
    }

    private static func keep(_ bytes: [UInt8]) -> UnsafeBufferPointer<UInt8> {
        let buffer = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: bytes.count)
        _ = buffer.initialize(from: bytes)
        return UnsafeBufferPointer(buffer)
    }

    /// The field of a plaintext; any bytes, any number of them.
    ///
    /// - Precondition: `padding` is from 1, which hides nothing, to 4096.
    package func seal(_ plaintext: Span<UInt8>, _ binding: FieldBinding, padding: Int = defaultPadding) -> [UInt8] {
        let padded = FieldFormat.paddedCount(plaintext.count, step: padding)
        let count = FieldFormat.overhead + padded
        return [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            guard let target = buffer.baseAddress else { return }
            nonces.take(into: target + FieldFormat.nonceStart)
            seal(plaintext, padded, binding, target)
            initialized = count
        }
    }

    /// As `seal`, with a nonce that is given: for known answers only.
    package func seal(
        _ plaintext: Span<UInt8>, _ binding: FieldBinding, padding: Int = defaultPadding, nonce: [UInt8]
    ) -> [UInt8] {
        precondition(nonce.count == NonceBuffer.byteCount)
        let padded = FieldFormat.paddedCount(plaintext.count, step: padding)
        let count = FieldFormat.overhead + padded
        return [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            guard let target = buffer.baseAddress else { return }
            (target + FieldFormat.nonceStart).update(from: nonce, count: nonce.count)
            seal(plaintext, padded, binding, target)
            initialized = count
        }
    }

    /// The plaintext of a field that names this key.
    ///
    /// - Throws: `notAuthentic`; `malformed` for padding that `seal` does not make.
    package func open(_ field: Span<UInt8>, _ binding: FieldBinding) throws(FieldError) -> [UInt8] {
        let padded = try paddedCount(field)
        // Cheaper than an array without initial values, whose type the runtime looks up each time.
        var plaintext = [UInt8](repeating: 0, count: padded)
        let outcome = plaintext.withUnsafeMutableBufferPointer { buffer in
            buffer.baseAddress.map { open(field, padded, binding, $0) } ?? .notAuthentic
        }
        guard case .opened(let count) = outcome else { throw failure(outcome) }
        plaintext.removeLast(padded - count)
        return plaintext
    }

    /// The plaintext as text.
    ///
    /// - Throws: as `open`; `notText` when the bytes are not UTF-8.
    package func openText(_ field: Span<UInt8>, _ binding: FieldBinding) throws(FieldError) -> String {
        let padded = try paddedCount(field)
        var outcome = Outcome.notAuthentic
        let text = withUnsafeTemporaryAllocation(byteCount: padded, alignment: 16) { buffer -> String? in
            let bytes = buffer.bindMemory(to: UInt8.self)
            guard let target = bytes.baseAddress else { return nil }
            outcome = open(field, padded, binding, target)
            defer { sodium_memzero(target, padded) }
            guard case .opened(let count) = outcome else { return nil }
            return String(validating: UnsafeBufferPointer(start: target, count: count), as: UTF8.self)
        }
        guard case .opened = outcome else { throw failure(outcome) }
        guard let text else {
            throw FieldError(
                .notText, "a field of \(context) does not hold text", hint: "decrypt it as bytes")
        }
        return text
    }

    private enum Outcome {
        case opened(Int)
        case notAuthentic
        case padding
    }

    private func seal(
        _ plaintext: Span<UInt8>, _ padded: Int, _ binding: FieldBinding, _ target: UnsafeMutablePointer<UInt8>
    ) {
        target[0] = FieldFormat.version
        for index in 0..<FieldKeyID.byteCount {
            target[FieldFormat.keyIDStart + index] = UInt8(truncatingIfNeeded: id.number >> UInt64(56 - 8 * index))
        }
        let body = target + FieldFormat.bodyStart
        let count = plaintext.count
        plaintext.withUnsafeBufferPointer { bytes in
            if let start = bytes.baseAddress { body.update(from: start, count: count) }
        }
        body[count] = 0x80
        (body + count + 1).update(repeating: 0, count: padded - count - 1)
        withAssociatedData(binding) { data, length in
            key.withPointer {
                // In place, as libsodium allows; it cannot fail, since the limit is beyond what fits into memory.
                _ = crypto_aead_xchacha20poly1305_ietf_encrypt(
                    body, nil, body, UInt64(padded), data, UInt64(length), nil, target + FieldFormat.nonceStart, $0)
            }
        }
    }

    private func open(
        _ field: Span<UInt8>, _ padded: Int, _ binding: FieldBinding, _ target: UnsafeMutablePointer<UInt8>
    ) -> Outcome {
        let result = withAssociatedData(binding) { data, length in
            field.withPointer { field, _ in
                key.withPointer {
                    crypto_aead_xchacha20poly1305_ietf_decrypt(
                        target, nil, nil, field + FieldFormat.bodyStart, UInt64(padded + AEAD.tagByteCount), data,
                        UInt64(length), field + FieldFormat.nonceStart, $0)
                }
            }
        }
        guard result == 0 else { return .notAuthentic }
        var end = padded - 1
        while end > 0, target[end] == 0 { end -= 1 }
        return target[end] == 0x80 ? .opened(end) : .padding
    }

    private func withAssociatedData<Value>(
        _ binding: FieldBinding, _ body: (UnsafePointer<UInt8>, Int) -> Value
    ) -> Value {
        guard let column = columnData.baseAddress, let rows = rowData.baseAddress else {
            fatalError("the associated data is never empty")
        }
        guard case .row(let row) = binding else { return body(column, columnData.count) }
        let count = rowData.count + 16
        return withUnsafeTemporaryAllocation(byteCount: count, alignment: 8) { buffer in
            buffer.baseAddress?.copyMemory(from: rows, byteCount: rowData.count)
            buffer.storeBytes(of: row.high.bigEndian, toByteOffset: rowData.count, as: UInt64.self)
            buffer.storeBytes(of: row.low.bigEndian, toByteOffset: rowData.count + 8, as: UInt64.self)
            guard let start = buffer.bindMemory(to: UInt8.self).baseAddress else {
                fatalError("the associated data is never empty")
            }
            return body(start, count)
        }
    }

    private func paddedCount(_ field: Span<UInt8>) throws(FieldError) -> Int {
        guard FieldFormat.keyID(of: field) == id else {
            throw FieldError(.malformed, "this is not a field under the key \(id)")
        }
        return field.count - FieldFormat.overhead
    }

    private func failure(_ outcome: Outcome) -> FieldError {
        if case .padding = outcome {
            return FieldError(.malformed, "a field of \(context) is authentic and its padding is none")
        }
        return FieldError(
            .notAuthentic,
            "a field does not decrypt as \(context): it was changed, or is of another column, table or row",
            hint: "context and row must be those that it was encrypted with")
    }
}
