import FoundationEssentials
package import Platform

/// The file of a keyring as it is written: states and dates in plain text, every key wrapped, and a code over all of it.
package struct KeyringDocument: Codable, Sendable {
    package static let format = "dbsec-keyring"
    package static let version = 1

    struct Key: Codable, Sendable {
        var id: FieldKeyID
        var state: Keyring.State
        var created: Timestamp
        var activated: Timestamp?
        var retired: Timestamp?
        var destroyed: Timestamp?
        /// Base 64 of the wrapped 32 bytes; absent once the key is destroyed.
        var wrapped: String?
    }

    /// How Argon2id makes the wrapping key out of a passphrase.
    struct Passphrase: Codable, Sendable {
        var salt: String
        var operations: UInt64
        var memory: Int
    }

    var format = Self.format
    var version = Self.version
    package var ring: String
    package var generation: Int
    package var changed: Timestamp
    var keys: [Key]
    /// Whom the keys are wrapped for: any one of them opens the ring.
    package var recipients: [String]?
    var passphrase: Passphrase?
    /// The wrapped key of `mac`.
    var seal: String
    /// Keyed BLAKE2b-256 of everything above.
    var mac = ""

    package init(reading bytes: [UInt8], named name: String) throws {
        do {
            self = try CommentedJSON(bytes, named: name).decode(KeyringDocument.self)
        } catch let failure as DocumentFailure {
            throw FieldError(.keyring, failure.sentence, hint: "is it a keyring? restore it from a copy")
        }
        guard format == Self.format, version == Self.version else {
            throw FieldError(
                .keyring, "cannot read \(name): it is \"\(format)\" of version \(version)",
                hint: "this program knows \(Self.format) of version \(Self.version)")
        }
        guard (recipients == nil) != (passphrase == nil) else {
            throw FieldError(.keyring, "cannot read \(name): keys are wrapped for recipients or for a passphrase")
        }
    }

    init(_ keyring: Keyring, _ protection: KeyringProtection, sealKey: SecretBytes) throws {
        ring = keyring.ring
        generation = keyring.generation
        changed = keyring.changed
        recipients = protection.recipients?.map(\.description)
        passphrase = protection.passphrase
        seal = try protection.wrap(sealKey, as: "seal", ring: keyring.ring)
        keys = try keyring.entries.map { entry in
            Key(
                id: entry.id, state: entry.state, created: entry.created, activated: entry.activated,
                retired: entry.retired, destroyed: entry.destroyed,
                wrapped: try keyring.key(entry.id).map {
                    try protection.wrap($0.secret, as: entry.id.description, ring: keyring.ring)
                })
        }
        mac = code(sealKey)
    }

    func encoded() throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return Array(try encoder.encode(self)) + [UInt8(ascii: "\n")]
    }

    /// The code of all that the document says, each part behind its length.
    func code(_ sealKey: SecretBytes) -> String {
        var parts = ["dbsec keyring v1", ring, "\(generation)", "\(changed)", seal]
        parts.append("\(keys.count)")
        for key in keys {
            parts += [key.id.description, key.state.rawValue, "\(key.created)"]
            parts += [key.activated, key.retired, key.destroyed].map { $0.map(\.description) ?? "" }
            parts.append(key.wrapped ?? "")
        }
        parts += recipients ?? []
        if let passphrase { parts += [passphrase.salt, "\(passphrase.operations)", "\(passphrase.memory)"] }
        var message: [UInt8] = []
        for part in parts { FieldFormat.appendPrefixed(Array(part.utf8), to: &message) }
        return Hex.encode(KeyedBLAKE2b.hash(message.span, key: sealKey))
    }

    package var entries: [Keyring.Entry] {
        keys.map {
            Keyring.Entry(
                id: $0.id, state: $0.state, created: $0.created, activated: $0.activated, retired: $0.retired,
                destroyed: $0.destroyed)
        }
    }

    /// How another copy of the ring stands to this one; needs no key.
    package func comparison(with other: KeyringDocument) -> KeyringComparison {
        if ring != other.ring { return .otherRing }
        if other.generation > generation { return .newer(other.generation) }
        if other.generation < generation { return .older(other.generation) }
        return entries == other.entries ? .same : .disagrees
    }
}

/// How a copy of a keyring stands to the one that is used.
package enum KeyringComparison: Equatable, Sendable {
    case same
    case older(Int)
    case newer(Int)
    /// The same generation with other keys or states: both were changed, apart from each other.
    case disagrees
    case otherRing
}
