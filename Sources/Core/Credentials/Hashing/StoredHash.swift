package import Cryptography

/// A password hash as some table holds it, taken apart: which scheme, how much work, and where its salt ends.
package struct StoredHash: Equatable, Sendable {
    package enum Kind: Equatable, Sendable {
        case bcrypt(cost: Int)
        case argon2(Argon2.Variant, memoryKiB: Int, passes: Int, lanes: Int)
        /// One of libxcrypt's other schemes, by its prefix.
        case crypt(String)
    }

    /// The hash without what says which pepper went into it.
    package let text: String
    package let kind: Kind
    /// The id of the pepper that the password was mixed with before it was hashed; nil for none.
    package let pepper: String?
    /// Scheme, cost and salt, without the hash; nil where the hash cannot be computed from them here.
    package let settings: PasswordSettings?

    /// Hashes that take more than this would be a way to stop the machine.
    private static let memoryLimit = 4_194_304
    private static let workLimit = 64_000_000
    private static let costLimit = 20

    /// Reads `$2a$`, `$2b$`, `$2y$`, argon2id, argon2i, and libxcrypt's other schemes; `$pepper=ID` may stand in front.
    ///
    /// - Throws: `malformed` for anything else, a failure token such as `*0` too.
    package init(_ text: String) throws(CredentialsError) {
        let (pepper, text) = try Self.splitPepper(text)
        self.pepper = pepper
        self.text = text
        guard text.utf8.count <= 512, text.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else { throw Self.unknown }
        let parts = text.split(separator: "$", omittingEmptySubsequences: false).map(String.init)
        guard parts.count >= 3, parts[0].isEmpty else { throw Self.unknown }
        switch parts[1] {
        case "2a", "2b", "2y":
            kind = .bcrypt(cost: try Self.bcryptCost(parts, text))
            settings = PasswordSettings(trusted: String(text.prefix(29)), pepper: pepper)
        case "argon2id", "argon2i":
            let read = try Self.argon2(parts)
            kind = read.kind
            settings =
                read.isRelayable
                ? PasswordSettings(trusted: parts.dropLast().joined(separator: "$"), pepper: pepper) : nil
        case "1", "5", "6", "7", "y", "gy":
            kind = .crypt(parts[1])
            guard parts.count >= 4, parts.last?.isEmpty == false else { throw Self.unknown }
            try Self.checkRounds(parts)
            settings = PasswordSettings(trusted: parts.dropLast().joined(separator: "$"), pepper: pepper)
        case "2x", "3", "md5", "sha1":
            kind = .crypt(parts[1])
            settings = nil
        default: throw Self.unknown
        }
    }

    private static let unknown = CredentialsError(
        .malformed, "this is no password hash that is known here",
        hint: "known are $2a$, $2b$, $2y$, $argon2id$, $argon2i$, and $y$, $gy$, $7$, $6$, $5$, $1$ of crypt(5)")

    /// `$pepper=ID$2b$...` says which pepper of the keyring went into the password.
    private static func splitPepper(_ text: String) throws(CredentialsError) -> (pepper: String?, text: String) {
        let mark = "$pepper="
        guard text.hasPrefix(mark) else { return (nil, text) }
        let rest = text.dropFirst(mark.count)
        guard let end = rest.firstIndex(of: "$"), end != rest.startIndex else { throw unknown }
        return (String(rest[..<end]), String(rest[end...]))
    }

    private static func bcryptCost(_ parts: [String], _ text: String) throws(CredentialsError) -> Int {
        guard text.utf8.count == 60, parts.count == 4, parts[2].utf8.count == 2, let cost = Int(parts[2]),
            (4...31).contains(cost),
            parts[3].utf8.allSatisfy({ isLetterOrDigit($0) || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "/") })
        else { throw unknown }
        guard cost <= costLimit else {
            throw CredentialsError(.malformed, "a bcrypt cost of \(cost) would take hours")
        }
        return cost
    }

    private static func argon2(_ parts: [String]) throws(CredentialsError) -> (kind: Kind, isRelayable: Bool) {
        guard let variant = Argon2.Variant(rawValue: parts[1]), parts.count == 6, parts[2] == "v=19" else {
            throw unknown
        }
        var numbers: [Int] = []
        for (name, part) in zip(["m", "t", "p"], parts[3].split(separator: ",", omittingEmptySubsequences: false)) {
            guard part.hasPrefix("\(name)="), let number = Int(part.dropFirst(2)), number > 0,
                String(number) == part.dropFirst(2)
            else { throw unknown }
            numbers.append(number)
        }
        guard numbers.count == 3, parts[3].split(separator: ",").count == 3,
            let salt = Base64Text.decode(parts[4], padded: false), salt.count >= 8,
            let hash = Base64Text.decode(parts[5], padded: false), hash.count >= 12
        else { throw unknown }
        let (memory, passes, lanes) = (numbers[0], numbers[1], numbers[2])
        guard memory <= memoryLimit, passes <= workLimit, memory * passes <= workLimit, lanes <= 64 else {
            throw CredentialsError(.malformed, "this argon2 hash asks for more memory or time than is sane")
        }
        let computable =
            lanes == 1 && salt.count == Argon2.saltBytes && hash.count == 32 && memory >= 8
            && (variant == .id || passes >= 3)
        return (.argon2(variant, memoryKiB: memory, passes: passes, lanes: lanes), computable)
    }

    private static func checkRounds(_ parts: [String]) throws(CredentialsError) {
        guard parts[2].hasPrefix("rounds=") else { return }
        guard let rounds = Int(parts[2].dropFirst(7)), rounds <= 50_000_000 else {
            throw CredentialsError(.malformed, "this hash asks for more rounds than is sane")
        }
    }

    private static func isLetterOrDigit(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
    }

    /// Whether the policy asks for more than this hash gives; a hash that is stronger is left as it is.
    package func isWeaker(than scheme: HashScheme) -> Bool {
        switch (kind, scheme) {
        case (.bcrypt(let cost), .bcrypt(let wanted)):
            return cost < wanted || text.hasPrefix("$2a$")
        case (.bcrypt, .argon2id): return true
        case (.argon2(.id, let memory, let passes, _), .argon2id(let wantedMemory, let wantedPasses)):
            return memory * passes < wantedMemory * wantedPasses
        case (.argon2(.id, let memory, let passes, _), .bcrypt): return memory * passes < HashScheme.leastArgon2Work
        case (.argon2(.i, _, _, _), _), (.crypt, _): return true
        }
    }
}

/// Scheme, cost and salt: all that whoever computes a hash needs, and nothing that tells what the hash is.
public struct PasswordSettings: Equatable, Sendable {
    /// As it stands in front of the hash: `$2b$12$` and the salt, `$argon2id$v=19$m=19456,t=2,p=1$` and the salt.
    public let text: String
    /// The id of the pepper that goes into the password first; nil for none.
    public let pepper: String?

    init(trusted text: String, pepper: String?) {
        self.text = text
        self.pepper = pepper
    }

    /// Reads what a login store answered.
    package init(_ text: String, pepper: String?) throws(CredentialsError) {
        let parts = text.split(separator: "$", omittingEmptySubsequences: false)
        // With some hash behind them they must be what `StoredHash` reads.
        let hash: String =
            parts.count > 1 && parts[1].hasPrefix("2")
            ? String(repeating: ".", count: 31)
            : "$" + String(repeating: "A", count: 43)
        guard let settings = try StoredHash(text + hash).settings, settings.text == text else {
            throw CredentialsError(.malformed, "the login store answered with settings that are not known here")
        }
        self.init(trusted: text, pepper: pepper)
    }

    /// With a salt of their own.
    static func fresh(_ scheme: HashScheme, pepper: String?) throws -> PasswordSettings {
        switch scheme {
        case .bcrypt(let cost):
            PasswordSettings(trusted: try Crypt.freshSettings(prefix: "$2b$", cost: cost), pepper: pepper)
        case .argon2id:
            PasswordSettings(
                trusted: scheme.prefix
                    + Base64Text.encode(Randomness.bytes(Argon2.saltBytes), padded: false),
                pepper: pepper)
        }
    }
}
