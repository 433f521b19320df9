import FieldEncryption
import FoundationEssentials
import Platform
import SystemPackage
import TestSupport
import Testing

@testable import Cryptography

/// Version 1 as it was when it was frozen, made by other code than ours.
@Suite struct FrozenTests {
    struct Fixture: Decodable {
        struct Key: Decodable {
            let key, id: String
        }
        struct Field: Decodable {
            let key, context: String
            let row: String?
            let padding: Int
            let value, field: String
        }
        struct Index: Decodable {
            let key, context, index: String
            let parts: [String]
            let bits: Int
            let value: String
        }
        let keys: [Key]
        let fields: [Field]
        let indexes: [Index]
    }

    private func fixture() throws -> Fixture {
        let file = try Files.read(packageRoot.appending("Tests/Fixtures/fields/version1.json"))
        return try JSONDecoder().decode(Fixture.self, from: Data(file))
    }

    private func ringKey(_ hex: String) throws -> RingKey {
        var bytes = try #require(Hex.decode(hex))
        return try RingKey(SecretBytes(taking: &bytes))
    }

    @Test func `keys have the ids that they had`() throws {
        for key in try fixture().keys { #expect(try ringKey(key.key).id.description == key.id) }
    }

    @Test func `fields of version 1 are read, and would be written the same`() throws {
        let fields = try fixture().fields
        #expect(fields.count == 96)
        for field in fields {
            let key = try ringKey(field.key).fieldKey(field.context)
            let (sealed, value) = (try #require(Hex.decode(field.field)), try #require(Hex.decode(field.value)))
            let binding = try field.row.map { FieldBinding.row(try #require(RowID($0))) } ?? .column
            #expect(try key.open(sealed.span, binding) == value)
            let again = key.seal(value.span, binding, padding: field.padding, nonce: Array(sealed[9..<33]))
            #expect(again == sealed)
        }
    }

    @Test func `index values of version 1 are the same`() throws {
        let indexes = try fixture().indexes
        #expect(indexes.count == 75)
        for index in indexes {
            let key = try ringKey(index.key).indexKey(index.context, index: index.index)
            #expect(Hex.encode(key.value(index.parts.map { Array($0.utf8) }, bits: index.bits)) == index.value)
        }
    }
}

/// libsodium's own known answers for keyed BLAKE2b (test/default/generichash2.exp): key, message and length grow together.
@Suite struct BLAKE2bTests {
    @Test func `keyed BLAKE2b gives libsodium's own answers`() throws {
        let file = try Files.read(packageRoot.appending("Tests/Fixtures/fields/libsodium-generichash2.exp"))
        let answers = String(decoding: file, as: UTF8.self).split(separator: "\n")
        #expect(answers.count == 64)
        for (number, answer) in answers.enumerated() {
            var key = (0...number).map { UInt8($0) }
            let part = (0..<number).map { UInt8($0) }
            let code = KeyedBLAKE2b.hash((part + part + part).span, key: SecretBytes(taking: &key), count: number + 1)
            #expect(Hex.encode(code) == answer)
        }
    }
}

/// The reader of a few dozen lines of Python that reads what we write when we are not there.
@Suite struct ReaderTests {
    private static let python = packageRoot.appending(".build-fields/python")

    @Test(arguments: [true, false], [nil, "6f1c0f5e-8a4b-4a57-9d2a-0c8a2f6f7b11"] as [String?])
    func `the independent reader reads our fields`(hasRecipient: Bool, row: String?) async throws {
        try #require(Files.exists(Self.python), "run scripts/fetch-fields")
        try await withTemporaryFolder { folder in
            let file = KeyringFile(folder.appending("keyring.json"))
            let identity = try AgeIdentity.generate()
            let secret = hasRecipient ? identity.secret : SecretBytes("correct horse")
            let path = folder.appending("secret")
            try Files.write(secret.bytes + [10], to: path)
            try file.create(
                Keyring.test().rotated(),
                hasRecipient
                    ? .recipients([identity.recipient].compactMap(\.self))
                    : .passphrase(secret, cost: KeyringPassphrase.Cost(operations: 1, memory: 8 << 20)))
            let column = try FieldCipher(file.open(with: secret).keyring)
                .column("users.name", binding: row == nil ? .column : .row)
            let values = ["", "Ada", "Žofie 🦀", String(repeating: "long ", count: 300)]
            let fields = try values.map { "\\x" + Hex.encode(try column.encrypt($0, row: row)) + "\n" }.joined()
            let reader = packageRoot.appending("Documentation/read-field.py").string
            let read = try await Program.run(
                "/usr/bin/python3",
                [reader, file.path.string, "users.name", hasRecipient ? "-i" : "-p", path.string]
                    + (row.map { ["--row", $0] } ?? []),
                environment: ["PYTHONPATH": Self.python.string], input: Array(fields.utf8))
            #expect(read.stdout == values.map { $0 + "\n" }.joined(), "\(read.stderr)")
        }
    }

    @Test(arguments: [nil, "6f1c0f5e-8a4b-4a57-9d2a-0c8a2f6f7b11"] as [String?])
    func `the independent reader reads fields of a person`(row: String?) async throws {
        try #require(Files.exists(Self.python), "run scripts/fetch-fields")
        try await withTemporaryFolder { folder in
            let file = KeyringFile(folder.appending("keyring.json"))
            let identity = try AgeIdentity.generate()
            let path = folder.appending("secret")
            try Files.write(identity.secret.bytes + [10], to: path)
            try file.create(Keyring.test(), .recipients([identity.recipient].compactMap(\.self)))
            let cipher = try FieldCipher(file.open(with: identity.secret).keyring)
            let column = try cipher.column("users.name", binding: row == nil ? .column : .row)
            // An id may have the sign in it that psql puts between columns.
            let (person, stored) = try cipher.makeSubject("47|11")
            let values = ["", "Ada", "Žofie 🦀", String(repeating: "long ", count: 300)]
            let fields = try values.map { try column.encrypt($0, row: row, for: person) }
            #expect(fields.allSatisfy { $0[0] == 2 })
            let columns = [stored.keyID, stored.wrapped ?? [], stored.commitment ?? []].map { "\\x" + Hex.encode($0) }
            func read(_ columns: [String]) async throws -> ProgramResult {
                try await Program.run(
                    "/usr/bin/python3",
                    [
                        packageRoot.appending("Documentation/read-field.py").string, file.path.string, "users.name",
                        "-i", path.string, "--subject", (["47|11"] + columns).joined(separator: "|"),
                    ] + (row.map { ["--row", $0] } ?? []),
                    environment: ["PYTHONPATH": Self.python.string],
                    input: Array(fields.map { "\\x" + Hex.encode($0) + "\n" }.joined().utf8))
            }
            let result = try await read(columns)
            #expect(result.stdout == values.map { $0 + "\n" }.joined(), "\(result.stderr)")
            let changed = try await read([columns[0], columns[1], "\\x" + String(repeating: "00", count: 32)])
            #expect(changed.status == 1 && changed.stderr.contains("the row of the subject was changed"))
        }
    }
}
