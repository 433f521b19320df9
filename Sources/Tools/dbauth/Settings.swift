import ArgumentParser
import Console
import Credentials
import Platform
import SystemPackage

/// The section `auth` of the configuration file; a flag beats it.
struct Settings: Decodable, Sendable {
    var scheme: String?
    var cost: Int?
    var memoryKiB: Int?
    var passes: Int?
    var minimumLength: Int?
    /// A file that `dbauth blocklist` made.
    var blocklist: String?

    private enum Keys: String, CodingKey, CaseIterable {
        case scheme, cost, memoryKiB, passes, minimumLength, blocklist
    }

    init() {}

    init(from decoder: any Decoder) throws {
        let container = try decoder.strict(Keys.self)
        scheme = try container.decodeIfPresent(String.self, forKey: .scheme)
        if let scheme, !SchemeOptions.names.contains(scheme) {
            throw Rejected("scheme is argon2id or bcrypt", at: container.codingPath + [Keys.scheme])
        }
        cost = try container.number(.cost, in: HashScheme.costs)
        memoryKiB = try container.number(.memoryKiB, in: HashScheme.memories)
        passes = try container.number(.passes, in: HashScheme.passCounts)
        minimumLength = try container.number(.minimumLength, in: 1...128)
        blocklist = try container.decodeIfPresent(String.self, forKey: .blocklist)
    }
}

extension KeyedDecodingContainer {
    func number(_ key: Key, in range: ClosedRange<Int>) throws -> Int? {
        guard let number = try decodeIfPresent(Int.self, forKey: key) else { return nil }
        guard range.contains(number) else {
            throw Rejected(
                "\(key.stringValue) is from \(range.lowerBound) to \(range.upperBound)", at: codingPath + [key])
        }
        return number
    }
}

extension Context {
    var settings: Settings {
        get throws { try configuration.section("auth", as: Settings.self) ?? Settings() }
    }
}

/// What new hashes are made with.
struct SchemeOptions: ParsableArguments, Sendable {
    static let names = ["argon2id", "bcrypt"]

    @Option(help: "argon2id or bcrypt (default: argon2id).")
    var scheme: String?

    @Option(help: "bcrypt's cost, from 10 to 20 (default: 12).")
    var cost: Int?

    @Option(help: "argon2id's memory in KiB (default: 19456).")
    var memory: Int?

    @Option(help: "argon2id's passes over the memory (default: 2).")
    var passes: Int?

    func validate() throws {
        if let scheme, !Self.names.contains(scheme) { throw ValidationError("--scheme is argon2id or bcrypt") }
    }

    func resolved(_ settings: Settings) throws -> HashScheme {
        let chosen: HashScheme =
            (scheme ?? settings.scheme) == "bcrypt"
            ? .bcrypt(cost: cost ?? settings.cost ?? 12)
            : .argon2id(
                memoryKiB: memory ?? settings.memoryKiB ?? 19456, passes: passes ?? settings.passes ?? 2)
        try chosen.check()
        return chosen
    }
}

/// Which passwords may be chosen.
struct RuleOptions: ParsableArguments, Sendable {
    @Option(help: "The fewest characters of a new password (default: 15; 8 where a second factor is always asked for).")
    var minimumLength: Int?

    @Option(help: "A list of common passwords that dbauth blocklist made.", completion: .file())
    var blocklist: FilePath?

    func resolved(_ settings: Settings) throws -> PasswordRules {
        let file = blocklist?.string ?? settings.blocklist
        return PasswordRules(
            minimumLength: minimumLength ?? settings.minimumLength ?? 15,
            blocklist: try file.map { try Blocklist(file: $0) })
    }
}
