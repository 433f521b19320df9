import ArgumentParser
import AuditLog
import Console
import Credentials
import Platform
import SystemPackage

/// API keys: `prefix_shortid_secret` with a checksum, shown once, stored as SHA-256.
struct APIKeyVerbs: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "apikey", abstract: "Make, list, check, rotate and revoke API keys.",
        subcommands: [Create.self, List.self, Check.self, Rotate.self, Revoke.self])

    struct Create: Command {
        static let configuration = CommandConfiguration.verb(
            nil, "Make an API key and show it once (as an administrator).",
            examples: [
                "dbauth apikey create --prefix acme --name 'nightly export' --scope orders:read --expires-days 90 -d shop",
                "dbauth apikey create alice@example.com --prefix acme --name laptop -d shop",
            ])

        @OptionGroup var common: CommonOptions
        @OptionGroup var server: ServerOptions

        @Argument(help: "The account that it acts for; none for a service.")
        var identifier: String?

        @Option(help: "What the key begins with, so that it is known when it is found somewhere.")
        var prefix: String

        @Option(help: "What it is for.")
        var name: String

        @Option(help: "What it may do; the application decides what that means. May be given again.")
        var scope: [String] = []

        @Option(help: "After how many days it ends (default: never).")
        var expiresDays: Int?

        func validate() throws {
            if let expiresDays, !(1...3650).contains(expiresDays) {
                throw ValidationError("--expires-days is from 1 to 3650")
            }
        }

        func run(_ context: Context) async throws -> any Report {
            try await context.administering(.authKeyCreate, server) { administration, note in
                let key = try await administration.createAPIKey(
                    of: identifier, prefix: prefix, name: name, scopes: scope,
                    expires: expiresDays.map { context.now().advanced(bySeconds: Int64($0) * 86400) })
                note.target.object = "\(key.prefix)_\(key.shortID)"
                return KeyReport(key)
            }
        }
    }

    struct List: Command {
        static let configuration = CommandConfiguration.verb(
            nil, "List API keys, without their secrets.", examples: ["dbauth apikey list -d shop --json"])

        @OptionGroup var common: CommonOptions
        @OptionGroup var server: ServerOptions

        func run(_ context: Context) async throws -> any Report {
            KeyList(keys: try await Administration(server.connect(context)).apiKeys())
        }
    }

    struct Check: Command {
        static let configuration = CommandConfiguration.verb(
            nil, "Say whose key it is and what it may do; exit 1 for one that is not good.",
            examples: ["dbauth apikey check -d shop --json < key"])

        @OptionGroup var common: CommonOptions
        @OptionGroup var store: StoreOptions

        @Option(help: "The file whose first line is the key (0600); else standard input.", completion: .file())
        var keyFile: FilePath?

        func run(_ context: Context) async throws -> any Report {
            let text = try await PasswordInput.text("API key", file: keyFile)
            return HolderReport(try await context.loginStore(store).check(text))
        }
    }

    struct Rotate: Command {
        static let configuration = CommandConfiguration.verb(
            nil, "Put a new key in the place of one, which goes on working for a while (as an administrator).",
            examples: ["dbauth apikey rotate acme_7Hq2kd0TzR --overlap-days 7 -d shop"])

        @OptionGroup var common: CommonOptions
        @OptionGroup var server: ServerOptions

        @Argument(help: "The key as apikey list shows it: prefix and short id.")
        var key: String

        @Option(help: "For how many days both work.")
        var overlapDays = 7

        func validate() throws {
            if !(0...90).contains(overlapDays) { throw ValidationError("--overlap-days is from 0 to 90") }
        }

        func run(_ context: Context) async throws -> any Report {
            let (prefix, shortID) = try parts(key)
            return try await context.administering(.authKeyRotate, server) { administration, note in
                let new = try await administration.rotateAPIKey(shortID, prefix: prefix, overlapDays: overlapDays)
                note.target.object = "\(new.prefix)_\(new.shortID)"
                note.facts = ["replaces": .text(key)]
                return KeyReport(new)
            }
        }
    }

    struct Revoke: Command {
        static let configuration = CommandConfiguration.verb(
            nil, "End an API key at once (as an administrator).",
            examples: ["dbauth apikey revoke acme_7Hq2kd0TzR -d shop"])

        @OptionGroup var common: CommonOptions
        @OptionGroup var server: ServerOptions

        @Argument(help: "The key as apikey list shows it: prefix and short id.")
        var key: String

        func run(_ context: Context) async throws -> any Report {
            let (_, shortID) = try parts(key)
            return try await context.administering(.authKeyRevoke, server) { administration, note in
                note.target.object = key
                try await administration.revokeAPIKey(shortID)
                return Done(done: true, "\(key) is revoked")
            }
        }
    }
}

private func parts(_ key: String) throws -> (prefix: String, shortID: String) {
    guard let cut = key.lastIndex(of: "_"), key.utf8.count <= 48 else {
        throw PlainFailure(
            .usage, "a key is named by prefix and short id, as acme_7Hq2kd0TzR",
            hint: "never give the whole key as an argument; dbauth apikey list shows the names")
    }
    return (String(key[..<cut]), String(key[key.index(after: cut)...]))
}

private struct KeyReport: Report {
    let key: String
    let name: String

    init(_ key: APIKey) {
        self.key = key.text
        name = "\(key.prefix)_\(key.shortID)"
    }

    var text: String { key }
}

private struct HolderReport: Report {
    let good: Bool
    var id: String?
    var account: String?
    var identifier: String?
    var name: String?
    var scopes: [String]?

    init(_ holder: APIKeyHolder?) {
        good = holder != nil
        id = holder?.keyID
        account = holder?.accountID
        identifier = holder?.identifier
        name = holder?.name
        scopes = holder?.scopes
    }

    var text: String {
        guard good else { return "the key is not good" }
        return Plain.line(
            "\(name ?? ""), \(identifier ?? "no account"), scopes: \((scopes ?? []).joined(separator: " "))")
    }

    var status: ExitStatus { good ? .success : .negative }
}

private struct KeyList: Report {
    let keys: [Administration.Key]

    var text: String {
        guard !keys.isEmpty else { return "no API keys" }
        var table = TextTable(["key", "name", "account", "scopes", "made", "last used", "ends"])
        for key in keys {
            table.append([
                key.key, Plain.line(key.name), Plain.line(key.identifier ?? ""),
                Plain.line(key.scopes.joined(separator: " ")),
                key.created.brief, key.lastUsed?.brief ?? "never",
                (key.revoked ?? key.expires).map { (key.revoked == nil ? "" : "revoked ") + $0.brief } ?? "never",
            ])
        }
        return table.text
    }
}
