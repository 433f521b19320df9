/// How a password is turned into a hash, and how much work that is.
public enum HashScheme: Hashable, Sendable {
    /// bcrypt, written `$2b$`; each step of the cost doubles the work.
    case bcrypt(cost: Int)
    /// Argon2id with one lane: so much memory, gone over so many times.
    case argon2id(memoryKiB: Int, passes: Int)

    /// OWASP's first choice: 19 MiB, twice.
    public static let standard = HashScheme.argon2id(memoryKiB: 19456, passes: 2)

    /// The least work that counts as argon2id at all, OWASP's smallest product of memory and passes.
    static let leastArgon2Work = 35_840

    package static let costs = 10...20
    package static let memories = 8...4_194_304
    package static let passCounts = 1...1_000

    /// - Throws: `malformed` for a cost that nobody should use, or that cannot be computed.
    package func check() throws(CredentialsError) {
        switch self {
        case .bcrypt(let cost):
            guard Self.costs.contains(cost) else {
                throw CredentialsError(.malformed, "a bcrypt cost is from 10 to 20, not \(cost)")
            }
        case .argon2id(let memory, let passes):
            guard Self.memories.contains(memory), Self.passCounts.contains(passes) else {
                throw CredentialsError(
                    .malformed,
                    "argon2id takes 8 KiB to 4 GiB of memory and 1 to 1000 passes, not \(memory) and \(passes)")
            }
            guard memory * passes >= Self.leastArgon2Work else {
                throw CredentialsError(
                    .malformed, "argon2id with \(memory) KiB and \(passes) passes is too weak",
                    hint: "19456 KiB and 2 passes are the least that OWASP recommends")
            }
        }
    }

    /// What stands in front of salt and hash: `$2b$12$`, `$argon2id$v=19$m=19456,t=2,p=1$`.
    package var prefix: String {
        switch self {
        case .bcrypt(let cost): "$2b$\(cost < 10 ? "0" : "")\(cost)$"
        case .argon2id(let memory, let passes): "$argon2id$v=19$m=\(memory),t=\(passes),p=1$"
        }
    }
}

extension HashScheme: CustomStringConvertible {
    public var description: String {
        switch self {
        case .bcrypt(let cost): "bcrypt, cost \(cost)"
        case .argon2id(let memory, let passes):
            "argon2id, \(memory % 1024 == 0 ? "\(memory / 1024) MiB" : "\(memory) KiB"), \(passes) passes"
        }
    }
}
