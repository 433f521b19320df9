package import Cryptography
import FoundationEssentials
import Platform
import SystemPackage

/// The values behind the commitments of one record, each with the salt that keeps it from being guessed.
struct SealedValues {
    struct Value: Codable {
        let salt: String
        let value: String
    }

    let seq: Int
    let id: String
    let values: [String: Value]
    let commitments: [String: Digest]

    init(seq: Int, id: String, values plain: [String: String]) {
        self.seq = seq
        self.id = id
        var values: [String: Value] = [:]
        var commitments: [String: Digest] = [:]
        for (name, text) in plain {
            let salt = Randomness.bytes(16)
            values[name] = Value(salt: Hex.encode(salt), value: text)
            commitments[name] = SensitiveValues.commitment(text, salt: salt)
        }
        self.values = values
        self.commitments = commitments
    }

    /// The values of a row, to be sealed anew.
    init(_ row: SensitiveRow, opened values: [String: Value]) {
        (seq, id, self.values, commitments) = (row.seq, row.id, values, [:])
    }

    /// The line of the side file: in clear stand only the record's number and id.
    func encoded(_ key: SecretBytes, origin: String) throws -> [UInt8] {
        var plain = Array(try JSONEncoder().encode(values))
        defer { wipe(&plain) }
        let nonce = Randomness.bytes(AEAD.xChaCha20Poly1305.nonceByteCount)
        let box = try AEAD.xChaCha20Poly1305.seal(
            plain.span, key: key, nonce: nonce, associatedData: SensitiveRow.context(origin, id))
        var line = JSONLine()
        line.object {
            $0.member("box", Base64.encode(nonce + box))
            $0.member("id", id)
            $0.member("seq", seq)
        }
        return line.bytes
    }
}

/// One line of the side file.
struct SensitiveRow: Decodable {
    let box: String
    let id: String
    let seq: Int

    init?(parsing line: Span<UInt8>) {
        var bytes: [UInt8] = []
        bytes.append(line)
        guard let row = try? JSONDecoder().decode(SensitiveRow.self, from: Data(bytes)) else { return nil }
        self = row
    }

    /// Binds the values to their log and record: a line that was moved elsewhere does not open.
    static func context(_ origin: String, _ id: String) -> [UInt8] {
        Array("dbsec audit values v1\n\(origin)\n\(id)".utf8)
    }

    func open(_ keys: [SecretBytes], origin: String) -> [String: SealedValues.Value]? {
        let cipher = AEAD.xChaCha20Poly1305
        guard let bytes = Base64.decode(box.utf8), bytes.count > cipher.nonceByteCount else { return nil }
        let nonce = Array(bytes.prefix(cipher.nonceByteCount))
        let sealed = Array(bytes.dropFirst(cipher.nonceByteCount))
        for key in keys {
            guard
                let plain = try? cipher.open(
                    sealed.span, key: key, nonce: nonce, associatedData: Self.context(origin, id))
            else { continue }
            return try? JSONDecoder().decode([String: SealedValues.Value].self, from: Data(plain))
        }
        return nil
    }
}

/// The keys of the side files, one for each part of the log; two while the values of a part are being erased.
struct ValuesKeys {
    private(set) var keys: [Int: [SecretBytes]] = [:]

    static func read(_ folder: LogFolder) throws -> ValuesKeys {
        var result = ValuesKeys()
        guard Files.exists(folder.valuesKey) else { return result }
        var bytes = try Files.readSecret(folder.valuesKey)
        defer { wipe(&bytes) }
        for line in bytes.split(separator: lineFeed) {
            let parts = line.split(separator: UInt8(ascii: " "))
            guard parts.count == 2, let number = Int(String(decoding: parts[0], as: UTF8.self)),
                var key = Hex.decode(String(decoding: parts[1], as: UTF8.self)), key.count == AEAD.keyByteCount
            else { throw AuditFailure(.malformedKey, "\(folder.valuesKey) does not hold keys of sensitive values") }
            result.keys[number, default: []].append(SecretBytes(taking: &key))
        }
        return result
    }

    func write(_ folder: LogFolder) throws {
        var text: [UInt8] = []
        defer { wipe(&text) }
        for (number, keys) in keys.sorted(by: { $0.key < $1.key }) {
            for key in keys {
                text += Array("\(number) ".utf8)
                key.withBytes { text += Array(Hex.encode($0).utf8) }
                text.append(lineFeed)
            }
        }
        try Files.write(text, to: folder.valuesKey)
    }

    /// The key for writing, made and stored when the part has none.
    mutating func current(_ segment: Int, _ folder: LogFolder) throws -> SecretBytes {
        if let key = keys[segment]?.first { return key }
        return try renew(segment, folder)
    }

    /// A new key before the old ones, stored.
    mutating func renew(_ segment: Int, _ folder: LogFolder) throws -> SecretBytes {
        let key = SecretBytes(random: AEAD.keyByteCount)
        keys[segment, default: []].insert(key, at: 0)
        try write(folder)
        return key
    }

    /// Forgets all keys of a part but the newest, or that one too: what they sealed is then lost for good.
    mutating func forget(_ segment: Int, keepingNewest: Bool, _ folder: LogFolder) throws {
        keys[segment] = keepingNewest ? keys[segment].map { Array($0.prefix(1)) } : nil
        try write(folder)
    }
}

/// Gives readers the sensitive values of records in clear, as far as the key may be read and nobody erased them.
///
/// Keeps the side file of one part of the log at a time: cheap when records are asked for in their order.
package final class SensitiveValues {
    private let folder: LogFolder
    private let origin: String
    private let keys: ValuesKeys
    private var starts: [(seq: Int, segment: LogSegment)]?
    private var loaded: Int?
    private var rows: [String: SensitiveRow] = [:]

    /// Without the key of the values, all of them count as erased.
    package init(_ folder: LogFolder) {
        self.folder = folder
        keys = (try? ValuesKeys.read(folder)) ?? ValuesKeys()
        origin = (try? folder.readVerifierKey().name) ?? ""
    }

    /// What the record's commitments stand for, by name; a value that is not what was committed to is left out.
    package func values(of record: AuditRecord) -> [String: String] {
        guard let commitments = record.sensitive, !keys.keys.isEmpty else { return [:] }
        load(segment(of: record.seq))
        guard let row = rows[record.id], let opened = row.open(keys.keys[loaded ?? 0] ?? [], origin: origin) else {
            return [:]
        }
        var result: [String: String] = [:]
        for (name, commitment) in commitments {
            guard let value = opened[name], let salt = Hex.decode(value.salt),
                Self.commitment(value.value, salt: salt) == commitment
            else { continue }
            result[name] = value.value
        }
        return result
    }

    /// SHA-256(salt || value): tells nothing to who lacks the salt, and binds the log to the value.
    package static func commitment(_ value: String, salt: [UInt8]) -> Digest {
        SHA256.hash(salt + Array(value.utf8))
    }

    private func segment(of seq: Int) -> Int {
        if starts == nil {
            let segments = (try? folder.segments()) ?? []
            starts = segments.compactMap { part in
                (try? part.firstRecord()).flatMap { $0.map { (seq: $0.seq, segment: part) } }
            }
        }
        return starts?.last { $0.seq <= seq }?.segment.number ?? 0
    }

    private func load(_ segment: Int) {
        guard loaded != segment else { return }
        loaded = segment
        rows = [:]
        let splitter = LineSplitter { [self] line in
            if let row = SensitiveRow(parsing: line) { rows[row.id] = row }
        }
        try? copy(from: folder.segment(segment).values, into: splitter)
    }
}
