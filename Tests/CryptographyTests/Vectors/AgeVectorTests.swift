import Cryptography
import Platform
import SystemPackage
import Testing

/// Every file of the age vectors, class by class; see `scripts/make-age-vectors.py` for where they come from.
@Suite(.timeLimit(.minutes(5))) struct AgeVectorTests {
    /// Every class with the number of its cases, so that none goes missing unseen.
    static let classes = [
        ("armor", 32), ("empty", 1), ("header", 1), ("hmac", 8), ("scrypt", 25), ("stanza", 14), ("stream", 28),
        ("version", 1), ("x25519", 14),
    ]

    @Test(arguments: classes)
    func `every age vector of a class ends as it says`(name: String, count: Int) async throws {
        let vectors = try vectors().filter { $0.name.hasPrefix(name) && !$0.isHybrid }
        #expect(vectors.count == count)
        for vector in vectors { try await check(vector) }
    }

    @Test func `no age vector is of a class that nothing looks at`() throws {
        let vectors = try vectors()
        let known = Self.classes.map(\.0)
        for vector in vectors where !vector.isHybrid {
            #expect(known.contains { vector.name.hasPrefix($0) }, "\(vector.name)")
        }
        #expect(vectors.count(where: \.isHybrid) == (VectorFolder.areAgeVectorsOurs ? 0 : 19))
    }

    /// Post-quantum identities are refused as such, and their files are those of another recipient to us.
    @Test func `a hybrid vector is named as unsupported, and never opens`() async throws {
        for vector in try vectors() where vector.isHybrid {
            let hybrid = vector.identities.filter { $0.hasPrefix("AGE-SECRET-KEY-PQ-") }
            let others = try vector.identities.filter { !hybrid.contains($0) }.map { try AgeIdentity($0) }
            for text in hybrid {
                let code = try code { _ = try AgeIdentity(text) }
                #expect(code == .badKey, "\(vector.name)")
            }
            let end = CollectingSink()
            let file = try await contents(vector)
            let code = try code { try push(file, through: decryptor(vector, others, end)) }
            #expect(code == .noMatch || code == .headerMalformed, "\(vector.name): \(String(describing: code))")
            #expect(end.bytes.isEmpty)
        }
    }

    private func check(_ vector: AgeVector) async throws {
        let identities =
            try vector.identities.map { try AgeIdentity($0) }
            + vector.passphrases.map { AgeIdentity.passphrase(SecretBytes($0)) }
        let file = try await contents(vector)
        for piece in file.count < 2000 && vector.passphrases.isEmpty ? [.max, 1] : [65_000] {
            let end = HashingSink(into: DiscardingSink())
            let code = try code { try push(file, through: decryptor(vector, identities, end), piece: piece) }
            #expect(allowed(vector.expect).contains(code), "\(vector.name): \(String(describing: code))")
            #expect((end.digest != nil) == (vector.expect == "success"), "\(vector.name)")
            // The next step is finished only after a success: the digest of what came before an error is taken here.
            if end.digest == nil { try end.finish() }
            #expect(end.digest?.hex == vector.payload ?? SHA256.hash([]).hex, "\(vector.name)")
        }
    }

    private func allowed(_ expect: String) -> [CryptographyError.Code?] {
        switch expect {
        case "success": [nil]
        case "no match": [.noMatch]
        case "HMAC failure": [.headerMAC]
        case "header failure": [.headerMalformed]
        case "payload failure": [.payload, .truncated]
        case "armor failure": [.armor]
        default: []
        }
    }

    private func decryptor(_ vector: AgeVector, _ identities: [AgeIdentity], _ end: any ByteSink) -> any ByteSink {
        let decryptor = AgeDecryptor(with: identities, into: end)
        return vector.isArmored ? AgeArmorDecoder(into: decryptor) : decryptor
    }

    private func contents(_ vector: AgeVector) async throws -> [UInt8] {
        guard vector.isCompressed else { return vector.file }
        let program = "import sys, zlib; sys.stdout.buffer.write(zlib.decompress(sys.stdin.buffer.read()))"
        return try await Child("/usr/bin/python3", ["-c", program]).run(input: vector.file)
    }

    private func vectors() throws -> [AgeVector] {
        let folder = try VectorFolder.age()
        return try Files.list(folder).map { try AgeVector(name: $0, Files.read(folder.appending($0))) }
    }
}

/// One file of the collection: a text header, an empty line, an age file.
struct AgeVector {
    let name: String
    var expect = ""
    var payload: String?
    var identities: [String] = []
    var passphrases: [String] = []
    var isArmored = false
    var isCompressed = false
    var file: [UInt8] = []

    /// Post-quantum recipients, which we do not offer.
    var isHybrid: Bool { name.contains("hybrid") }

    init(name: String, _ bytes: [UInt8]) throws {
        self.name = name
        var rest = bytes[...]
        while let end = rest.firstIndex(of: UInt8(ascii: "\n")), end > rest.startIndex {
            let line = String(decoding: rest[..<end], as: UTF8.self)
            rest = rest[(end + 1)...]
            let key = line.prefix { $0 != ":" }
            let value = String(line.dropFirst(key.count + 2))
            switch key {
            case "expect": expect = value
            case "payload": payload = value
            case "identity": identities.append(value)
            case "passphrase": passphrases.append(value)
            case "armored": isArmored = value == "yes"
            case "compressed": isCompressed = value == "zlib"
            case "comment", "file key": break
            default: throw PlainFailure(.malformed, "the age vector \(name) has an unknown key \"\(key)\"")
            }
        }
        file = Array(rest.dropFirst())
    }
}
