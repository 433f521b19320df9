import Cryptography
import FieldEncryption
import Platform
import Testing

@Suite struct FieldTests {
    private let row = "6f1c0f5e-8a4b-4a57-9d2a-0c8a2f6f7b11"

    @Test(arguments: [0, 1, 15, 16, 17, 31, 32, 64, 1000, 1 << 20])
    func `values of any length come back, and their field's length tells only the step`(count: Int) throws {
        let column = try FieldCipher(.test()).column("users.phone")
        let value = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        let field = try column.encrypt(value)
        #expect(field.count == 49 + (count / 16 + 1) * 16)
        #expect(try column.decrypt(field) == value)
    }

    @Test func `any bytes come back, also those that look like padding`() throws {
        let column = try FieldCipher(.test()).column("users.note", padding: 1)
        for value in [[], [0], [0x80], [0x80, 0, 0], [0, 0, 0], Array(UInt8.min...UInt8.max)] as [[UInt8]] {
            #expect(try column.decrypt(column.encrypt(value)) == value)
        }
    }

    @Test func `texts come back as texts, and other bytes are refused as one`() throws {
        let column = try FieldCipher(.test()).column("users.name")
        for text in ["", "Ada", "Žofie 🦀", String(repeating: "ü", count: 4000)] {
            #expect(try column.decryptText(column.encrypt(text)) == text)
        }
        let bytes = try column.encrypt([0xFF, 0xFE])
        #expect(try cipherCode { _ = try column.decryptText(bytes) } == .notText)
    }

    @Test func `two fields of one value have nothing in common but version and key`() throws {
        let column = try FieldCipher(.test()).column("users.phone")
        let fields = try (0..<300).map { _ in try column.encrypt("222") }
        #expect(Set(fields.map { $0[9..<33] }).count == 300)
        #expect(Set(fields.map { $0[..<9] }).count == 1)
    }

    @Test(arguments: [FieldCipher.Binding.column, .row])
    func `no bit of a field can be flipped`(binding: FieldCipher.Binding) throws {
        let column = try FieldCipher(.test()).column("users.phone", binding: binding)
        let row = binding == .row ? row : nil
        let field = try column.encrypt("222", row: row)
        for bit in 0..<(field.count * 8) {
            var changed = field
            changed[bit / 8] ^= 1 << UInt8(bit % 8)
            let found = try cipherCode { _ = try column.decrypt(changed, row: row) }
            switch bit / 8 {
            case 0: #expect(found == .malformed)
            case 1...8: #expect(found == .unknownKey)
            default: #expect(found == .notAuthentic)
            }
        }
        for count in 0..<field.count {
            #expect(throws: FieldCipherError.self) { try column.decrypt(Array(field[..<count]), row: row) }
        }
        #expect(try cipherCode { _ = try column.decrypt(field + [0], row: row) } == .notAuthentic)
    }

    @Test func `a field that was moved to another column, table or row does not decrypt`() throws {
        let cipher = FieldCipher(.test())
        let phone = try cipher.column("users.phone")
        let field = try phone.encrypt("222")
        for other in ["users.fax", "orders.phone", "users.phone ", "user.sphone"] {
            let column = try cipher.column(other)
            #expect(try cipherCode { _ = try column.decrypt(field) } == .notAuthentic)
        }
        let bound = try cipher.column("users.phone", binding: .row)
        #expect(try cipherCode { _ = try bound.decrypt(field, row: row) } == .notAuthentic)
        let rowField = try bound.encrypt("222", row: row)
        #expect(try bound.decryptText(rowField, row: row.uppercased()) == "222")
        let otherRow = "6f1c0f5e-8a4b-4a57-9d2a-0c8a2f6f7b12"
        #expect(try cipherCode { _ = try bound.decrypt(rowField, row: otherRow) } == .notAuthentic)
        #expect(try cipherCode { _ = try bound.decrypt(rowField) } == .usage)
        #expect(try cipherCode { _ = try phone.decrypt(rowField) } == .notAuthentic)
        #expect(try cipherCode { _ = try phone.encrypt("1", row: row) } == .usage)
        #expect(try cipherCode { _ = try bound.encrypt("1", row: "7") } == .usage)
    }

    @Test func `a key that is not known, or was destroyed, is named`() throws {
        let first = Keyring.test()
        let field = try FieldCipher(first).column("users.phone").encrypt("222")
        let id = try #require(first.active?.id)
        let stranger = try FieldCipher(.test()).column("users.phone")
        let unknown = #expect(throws: FieldCipherError.self) { try stranger.decrypt(field) }
        #expect(unknown?.code == .unknownKey)
        #expect(unknown?.description.contains(id.description) == true)

        let rotated = try first.rotated()
        #expect(try FieldCipher(rotated).column("users.phone").decryptText(field) == "222")
        let without = try rotated.destroying(id, at: Timestamp(seconds: 1_800_000_300))
        let column = try FieldCipher(without).column("users.phone")
        let destroyed = #expect(throws: FieldCipherError.self) { try column.decrypt(field) }
        #expect(destroyed?.code == .destroyedKey)
        #expect(destroyed?.description.contains(id.description) == true)
        #expect(without.usable.map(\.id) != rotated.usable.map(\.id))
    }

    @Test func `plaintext is told from a field`() throws {
        let column = try FieldCipher(.test()).column("users.phone")
        let plain = Array("0171 1234567 and more text than the shortest field has, by some bytes".utf8)
        let error = #expect(throws: FieldCipherError.self) { try column.decrypt(plain) }
        #expect(error?.code == .malformed)
        #expect(error?.description.contains("0171") == false)
    }

    @Test func `threads share one column`() async throws {
        let column = try FieldCipher(.test()).column("users.phone")
        let nonces = try await withThrowingTaskGroup(of: Set<ArraySlice<UInt8>>.self) { group in
            for thread in 0..<8 {
                group.addTask {
                    var nonces: Set<ArraySlice<UInt8>> = []
                    for number in 0..<500 {
                        let field = try column.encrypt("\(thread) \(number)")
                        #expect(try column.decryptText(field) == "\(thread) \(number)")
                        nonces.insert(field[9..<33])
                    }
                    return nonces
                }
            }
            return try await group.reduce(into: Set<ArraySlice<UInt8>>()) { $0.formUnion($1) }
        }
        #expect(nonces.count == 4000)
    }
}
