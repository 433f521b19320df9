import ArgumentParser
import AuditLog
import Console
import Credentials
import Platform
import SystemPackage

/// Accounts, as an administrator sees them.
struct UserVerbs: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "user", abstract: "Make, list, import, disable and remove accounts.",
        subcommands: [Create.self, List.self, Import.self, Enable.self, Disable.self, Remove.self])

    struct Create: Command {
        static let configuration = CommandConfiguration.verb(
            nil, "Make an account with a password.", examples: ["dbauth user create alice@example.com -d shop"])

        @OptionGroup var common: CommonOptions
        @OptionGroup var store: StoreOptions

        @Argument(help: "The login name.")
        var identifier: String

        @Option(help: "The file whose first line is the password (0600).", completion: .file())
        var passwordFile: FilePath?

        func run(_ context: Context) async throws -> any Report {
            let loginStore = try await context.loginStore(store)
            let password = try await PasswordInput.read("Password", file: passwordFile, isNew: true)
            return try await context.openAudit().recording(.authUserCreate, role: store.server.username) { note in
                let id = try await loginStore.createAccount(identifier, password)
                note.target.object = id
                return Done(done: true, "made the account \(id)", account: id)
            }
        }
    }

    struct List: Command {
        static let configuration = CommandConfiguration.verb(
            nil, "List accounts.",
            examples: ["dbauth user list -d shop --json", "dbauth user list -d shop --like '%@example.com'"])

        @OptionGroup var common: CommonOptions
        @OptionGroup var server: ServerOptions

        @Option(help: "Only those whose name is LIKE this.")
        var like: String?

        func run(_ context: Context) async throws -> any Report {
            AccountList(accounts: try await Administration(server.connect(context)).accounts(like: like))
        }
    }

    struct Import: Command {
        static let configuration = CommandConfiguration.verb(
            nil, "Take over accounts with the hashes that another system made.",
            details: """
                Each line of the file is a login name, a tab, and a hash: bcrypt ($2a$, $2b$, $2y$), argon2id, argon2i, or one of
                crypt(5). Nobody has to choose a new password: a hash that is weaker than the policy is made anew at the next
                login. What cannot be computed from its salt here (argon2 of several lanes) needs --legacy-username then.
                """,
            examples: ["dbauth user import hashes.tsv -d shop", "dbauth user import hashes.tsv -d shop --dry-run"])

        @OptionGroup var common: CommonOptions
        @OptionGroup var server: ServerOptions

        @Argument(help: "The file (0600).", completion: .file())
        var file: FilePath

        @Flag(help: "Only read the file and say what would be done.")
        var dryRun = false

        func run(_ context: Context) async throws -> any Report {
            let lines = try ImportFile.read(file.absolute)
            let legacy = lines.count { $0.isLegacy }
            guard !dryRun else { return ImportReport(accounts: lines.count, legacy: legacy, taken: 0, dryRun: true) }
            return try await context.administering(.authUserImport, server) { administration, note in
                var (made, taken) = (0, 0)
                for (index, line) in lines.enumerated() {
                    do {
                        _ = try await administration.add(line.identifier, hash: line.hash)
                        made += 1
                    } catch let error as CredentialsError where error.code == .exists {
                        taken += 1
                    }
                    context.progress?(Progress("importing accounts", rows: index + 1))
                }
                note.facts = ["accounts": .number(made), "taken": .number(taken)]
                return ImportReport(accounts: made, legacy: legacy, taken: taken, dryRun: false)
            }
        }
    }

    struct Enable: Command {
        static let configuration = CommandConfiguration.verb(
            nil, "Let an account log in again.", examples: ["dbauth user enable alice@example.com -d shop"])

        @OptionGroup var common: CommonOptions
        @OptionGroup var account: AccountOptions

        func run(_ context: Context) async throws -> any Report {
            try await context.administering(.authUserEnable, account) { administration, identifier in
                let id = try await administration.setActive(identifier, true)
                return (id, "the account \(id) may log in")
            }
        }
    }

    struct Disable: Command {
        static let configuration = CommandConfiguration.verb(
            nil, "Let an account log in no more, and end its sessions.",
            examples: ["dbauth user disable alice@example.com -d shop"])

        @OptionGroup var common: CommonOptions
        @OptionGroup var account: AccountOptions

        func run(_ context: Context) async throws -> any Report {
            try await context.administering(.authUserDisable, account) { administration, identifier in
                let id = try await administration.setActive(identifier, false)
                return (id, "the account \(id) is disabled, its sessions are over")
            }
        }
    }

    struct Remove: Command {
        static let configuration = CommandConfiguration.verb(
            nil, "Remove an account with its sessions, devices and API keys; its events stay.",
            examples: ["dbauth user remove alice@example.com -d shop --yes"])

        @OptionGroup var common: CommonOptions
        @OptionGroup var account: AccountOptions

        @Flag(help: "Really: it cannot be taken back.")
        var yes = false

        func validate() throws {
            if !yes { throw ValidationError("this cannot be taken back: say --yes, or use dbauth user disable") }
        }

        func run(_ context: Context) async throws -> any Report {
            try await context.administering(.authUserRemove, account) { administration, identifier in
                let id = try await administration.remove(identifier)
                return (id, "removed the account \(id)")
            }
        }
    }
}

struct Unlock: Command {
    static let configuration = CommandConfiguration.verb(
        "unlock", "Forget the failed logins of an account, from every network.",
        examples: ["dbauth unlock alice@example.com -d shop"])

    @OptionGroup var common: CommonOptions
    @OptionGroup var account: AccountOptions

    func run(_ context: Context) async throws -> any Report {
        try await context.administering(.authUnlock, account) { administration, identifier in
            let id = try await administration.unlock(identifier)
            return (id, "the account \(id) is not locked")
        }
    }
}

/// Login names and hashes, a pair a line.
private struct ImportFile {
    let identifier: String
    let hash: String
    let isLegacy: Bool

    static func read(_ path: FilePath) throws -> [ImportFile] {
        let text = String(decoding: try Files.readSecret(path, limit: 1 << 28), as: UTF8.self)
        return try text.split(separator: "\n", omittingEmptySubsequences: false).enumerated().compactMap {
            index, line -> ImportFile? in
            guard !line.isEmpty else { return nil }
            let parts = line.split(separator: "\t", omittingEmptySubsequences: false)
            guard parts.count == 2, !parts[0].isEmpty else {
                throw PlainFailure(
                    .malformed, "cannot read \(path): line \(index + 1): it is not a login name, a tab and a hash")
            }
            do {
                let stored = try StoredHash(String(parts[1]))
                return ImportFile(
                    identifier: String(parts[0]), hash: String(parts[1]), isLegacy: stored.settings == nil)
            } catch let error as CredentialsError {
                throw PlainFailure(
                    .malformed, "cannot read \(path): line \(index + 1): \(error.sentence)", hint: error.hint)
            }
        }
    }
}

private struct ImportReport: Report {
    let accounts: Int
    let legacy: Int
    let taken: Int
    let dryRun: Bool

    var text: String {
        var text = "\(dryRun ? "would take over" : "took over") \(Words.plural(accounts, "account"))"
        if legacy > 0 { text += ", \(Words.count(legacy)) with hashes that need --legacy-username at the first login" }
        if taken > 0 { text += "; \(Words.plural(taken, "login name")) taken already" }
        return text
    }

    var status: ExitStatus { taken > 0 ? .negative : .success }
}

private struct AccountList: Report {
    let accounts: [Administration.Account]

    var text: String {
        guard !accounts.isEmpty else { return "no accounts" }
        var table = TextTable(["account", "active", "hash", "second factor", "made", "last login"])
        for account in accounts {
            table.append([
                Plain.line(account.identifier), account.active ? "yes" : "no",
                (account.scheme ?? "none") + (account.pepper == nil ? "" : ", pepper"), account.totp ? "totp" : "",
                account.created.brief, account.lastLogin?.brief ?? "never",
            ])
        }
        return table.text
    }
}
