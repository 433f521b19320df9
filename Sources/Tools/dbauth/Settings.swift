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
    /// The keyring of peppers and TOTP seeds, and what opens it: `file:PATH`, `credential:NAME`, `env:NAME`, `command:...`.
    var keyring: String?
    var unlock: String?
    /// What `dbauth install` writes into a store; by their names in the file.
    var numbers: [StoreNumber: Int] = [:]
    var progressive: Bool?

    private enum Keys: String, CodingKey, CaseIterable {
        case scheme, cost, memoryKiB, passes, minimumLength, blocklist, keyring, unlock, progressive
        case tries, lockMinutes, identifierTries, identifierHours, sessionHours, idleMinutes, resetMinutes
        case deadlineMilliseconds
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
        keyring = try container.decodeIfPresent(String.self, forKey: .keyring)
        unlock = try container.decodeIfPresent(String.self, forKey: .unlock)
        progressive = try container.decodeIfPresent(Bool.self, forKey: .progressive)
        for number in StoreNumber.allCases {
            guard let key = Keys(rawValue: number.rawValue) else { continue }
            numbers[number] = try container.number(key, in: number.range)
        }
    }
}

/// The numbers that a store goes by.
enum StoreNumber: String, CaseIterable, Sendable {
    case tries, lockMinutes, identifierTries, identifierHours, sessionHours, idleMinutes, resetMinutes
    case deadlineMilliseconds

    var range: ClosedRange<Int> {
        switch self {
        case .tries: 1...100
        case .lockMinutes, .idleMinutes: 1...10_080
        case .identifierTries: 1...10_000
        case .identifierHours: 1...720
        case .sessionHours: 1...8_760
        case .resetMinutes: 1...1_440
        case .deadlineMilliseconds: 0...60_000
        }
    }

    var place: WritableKeyPath<StoreSettings, Int> {
        switch self {
        case .tries: \.tries
        case .lockMinutes: \.lockMinutes
        case .identifierTries: \.identifierTries
        case .identifierHours: \.identifierHours
        case .sessionHours: \.sessionHours
        case .idleMinutes: \.idleMinutes
        case .resetMinutes: \.resetMinutes
        case .deadlineMilliseconds: \.deadlineMilliseconds
        }
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
