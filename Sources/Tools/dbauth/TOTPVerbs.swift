import ArgumentParser
import AuditLog
import Console
import Credentials
import Platform
import SystemPackage

/// The second factor of an account (RFC 6238).
struct TOTPVerbs: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "totp", abstract: "Set up a second factor, and remove one that was lost.",
        subcommands: [Enroll.self, Confirm.self, Remove.self])

    struct Enroll: Command {
        static let configuration = CommandConfiguration.verb(
            nil, "Make a seed for an authenticator app; it counts once totp confirm has seen a code of it.",
            details: "The seed is sealed with the keyring before it goes to the database.",
            examples: ["dbauth totp enroll -d shop --keyring keyring.json --issuer 'Example Shop' < session-token"])

        @OptionGroup var common: CommonOptions
        @OptionGroup var store: StoreOptions

        @Option(help: "Who asks for the code, as the app will show it.")
        var issuer = "dbauth"

        @Option(
            help: "The file whose first line is the session's token (0600); else standard input.", completion: .file())
        var tokenFile: FilePath?

        func run(_ context: Context) async throws -> any Report {
            let token = Token(try await PasswordInput.text("Session token", file: tokenFile))
            let made = try await context.loginStore(store).enrollTOTP(token, issuer: issuer)
            return EnrollmentReport(address: made.address, secret: made.secret)
        }
    }

    struct Confirm: Command {
        static let configuration = CommandConfiguration.verb(
            nil, "Switch the second factor on with a first code; exit 1 for a wrong one.",
            details: "Standard input is two lines, the session's token and the code.",
            examples: ["dbauth totp confirm -d shop --keyring keyring.json --token-file session-token"])

        @OptionGroup var common: CommonOptions
        @OptionGroup var store: StoreOptions

        @Option(
            help: "The file whose first line is the session's token (0600); else standard input.", completion: .file())
        var tokenFile: FilePath?

        func run(_ context: Context) async throws -> any Report {
            let given = try await PasswordInput.read([
                .init(prompt: "Session token", file: tokenFile), .init(prompt: "Code"),
            ])
            let confirmed = try await context.loginStore(store).confirmTOTP(Token(given[0].text), code: given[1].text)
            return Done(
                done: confirmed, confirmed ? "the second factor is on" : "the code is wrong, or nothing was enrolled")
        }
    }

    struct Remove: Command {
        static let configuration = CommandConfiguration.verb(
            nil, "Switch the second factor of an account off, when it was lost (as an administrator).",
            examples: ["dbauth totp remove alice@example.com -d shop"])

        @OptionGroup var common: CommonOptions
        @OptionGroup var account: AccountOptions

        func run(_ context: Context) async throws -> any Report {
            try await context.administering(.authTOTPRemove, account) { administration, identifier in
                let id = try await administration.removeTOTP(identifier)
                return (id, "the account \(id) has no second factor")
            }
        }
    }
}

struct Purge: Command {
    static let configuration = CommandConfiguration.verb(
        "purge", "Remove sessions and tokens that ended a month ago, and old events if asked to (as an administrator).",
        details: "Let dbaudit ingest take the events into the audit log before they are removed.",
        examples: ["dbauth purge -d shop", "dbauth purge -d shop --events-older-than 365"])

    @OptionGroup var common: CommonOptions
    @OptionGroup var server: ServerOptions

    @Option(help: "Remove events that are older than so many days, too.")
    var eventsOlderThan: Int?

    func validate() throws {
        if let eventsOlderThan, !(1...36500).contains(eventsOlderThan) {
            throw ValidationError("--events-older-than is a number of days")
        }
    }

    func run(_ context: Context) async throws -> any Report {
        try await context.administering(.authPurge, server) { administration, note in
            let purged = try await administration.purge(eventsOlderThanDays: eventsOlderThan)
            note.facts = ["sessions": .number(purged.sessions), "events": .number(purged.events)]
            return PurgeReport(attempts: purged.attempts, sessions: purged.sessions, events: purged.events)
        }
    }
}

private struct PurgeReport: Report {
    let attempts: Int
    let sessions: Int
    let events: Int

    var text: String {
        "removed \(Words.plural(sessions, "session")), \(Words.plural(attempts, "unfinished login")), "
            + Words.plural(events, "event")
    }
}

private struct EnrollmentReport: Report {
    let address: String
    let secret: String

    var text: String { "\(address)\nsecret \(secret)" }
}
